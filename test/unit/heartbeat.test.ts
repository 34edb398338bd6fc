import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import { compareShares, mergeMembers, type SiteMember } from '../../src/domain/cluster.js';
import type { Heartbeat } from '../../src/domain/heartbeat.js';
import { planShards, type Shard } from '../../src/domain/shards.js';
import { HeartbeatClient } from '../../src/poller/heartbeat/client.js';
import { Heart, type HeartSite } from '../../src/poller/heartbeat/heart.js';
import { readMemberId } from '../../src/poller/heartbeat/member-id.js';
import { SlotTally } from '../../src/poller/heartbeat/slot-tally.js';
import { createLogger } from '../../src/telemetry/logger.js';
import { createMetrics } from '../../src/telemetry/metrics.js';
import { heartbeat } from '../support/heartbeats.js';
import { waitFor } from '../support/wait.js';

const log = createLogger('silent');
const shardsOf = (blocks: number): Shard[] =>
  planShards({
    site: 'north',
    zone: 'z',
    ranges: [{ first: 0x0a000000, last: 0x0a000000 + blocks * 256 - 1 }],
    port: 4028,
    intervalMs: 10_000,
  });
const polled = (slot: number) => ({ kind: 'polled' as const, slot, samples: 9, online: 8, durationMs: 7.4 });

describe('what became of slots', () => {
  it('is told once it arrived, and again until then', () => {
    const tally = new SlotTally({ maxShards: 10 });
    const [a, b] = shardsOf(2) as [Shard, Shard];
    tally.note(a, polled(1_000));
    tally.note(b, { kind: 'skipped', reason: 'late' });
    const first = tally.report(10, null);
    expect(first.slots).toEqual({ polled: 1, late: 1 });
    expect(first.zoneSlots).toEqual({ z: { polled: 1, skipped: 1 } });
    expect(first.shards).toMatchObject([
      { id: a.id, slot: '1970-01-01T00:00:01.000Z', samples: 9, online: 8, duration_ms: 7, skipped: 0 },
      { id: b.id, slot: null, samples: null, skipped: 1, skip_reason: 'late', ranges: '10.0.1.0-10.0.1.255' },
    ]);
    // It did not arrive, and more happens: the newest slot, and all that was skipped.
    tally.note(a, polled(2_000));
    tally.note(b, { kind: 'skipped', reason: 'overrun' });
    const second = tally.report(10, null);
    expect(second.shards).toMatchObject([
      { id: a.id, slot: '1970-01-01T00:00:02.000Z' },
      { id: b.id, skipped: 2, skip_reason: 'overrun' },
    ]);
    // What comes while it is under way is for the next.
    tally.note(a, polled(3_000));
    second.commit();
    expect(tally.report(10, null).shards).toMatchObject([{ id: a.id, slot: '1970-01-01T00:00:03.000Z' }]);
    expect(tally.report(10, null).slots).toEqual({ polled: 3, late: 1, overrun: 1 });
  });

  it('is told of those that wait longest first, within its bounds', () => {
    const tally = new SlotTally({ maxShards: 3 });
    const shards = shardsOf(5);
    for (const shard of shards) tally.note(shard, polled(1));
    const first = tally.report(2, null);
    expect(first.shards.map(({ id }) => id)).toEqual(shards.slice(0, 2).map(({ id }) => id));
    expect(first.leftOut).toBe(1);
    first.commit();
    for (const shard of shards) tally.note(shard, polled(2));
    expect(tally.report(2, null).shards[0]?.id).toBe(shards[2]?.id);
  });

  it('leaves room to name the whole plan, round after round', () => {
    let nowMs = 0;
    const tally = new SlotTally({ maxShards: 100, nowMs: () => nowMs });
    const plan = shardsOf(7);
    const named = new Set<string>();
    let rounds = 0;
    for (; tally.report(4, plan).planRoundS === null && rounds < 20; rounds++) {
      for (const shard of plan) tally.note(shard, polled(nowMs));
      const report = tally.report(4, plan);
      expect(report.shards.length).toBeLessThanOrEqual(4);
      for (const { id, planned } of report.shards) if (planned) named.add(id);
      report.commit();
      nowMs += 10_000;
    }
    expect(named.size).toBe(7);
    expect(tally.report(4, plan).planRoundS).toBe(nowMs / 1_000);
    // A changed plan has not been told as a whole.
    expect(tally.report(4, plan.slice(1)).planRoundS).toBeNull();
  });
});

describe('the id of a member', () => {
  const folders: string[] = [];
  const folder = async (): Promise<string> => {
    const made = await mkdtemp(join(tmpdir(), 'headframe-member-'));
    folders.push(made);
    return made;
  };
  afterEach(async () => {
    for (const made of folders.splice(0)) await rm(made, { recursive: true, force: true });
  });

  it('is that of its folder and role, and of each process that shares them its own', async () => {
    const dir = await folder();
    const id = await readMemberId(dir, 'poller', log);
    expect(await readMemberId(dir, 'poller', log)).toBe(id);
    expect(await readMemberId(dir, 'coordinator', log)).not.toBe(id);
    // A process that still runs has it: the one that started this one.
    await writeFile(join(dir, 'member', 'poller-1'), `${id} ${process.ppid}\n`);
    const other = await readMemberId(dir, 'poller', log);
    expect(other).not.toBe(id);
    // One that is gone gives it back.
    await writeFile(join(dir, 'member', 'poller-1'), `${id} 4194303\n`);
    expect(await readMemberId(dir, 'poller', log)).toBe(id);
    expect(await readFile(join(dir, 'member', 'poller-1'), 'utf8')).toBe(`${id} ${process.pid}\n`);
  });

  it('is made anew where the file cannot be read, and for this run alone where nothing can be written', async () => {
    const dir = await folder();
    await readMemberId(dir, 'edge', log);
    await writeFile(join(dir, 'member', 'edge-1'), '\0\0');
    expect(await readMemberId(dir, 'edge', log)).toMatch(/^[0-9a-f-]{36}$/);
    await writeFile(join(dir, 'file'), '');
    expect(await readMemberId(join(dir, 'file'), 'edge', log)).toMatch(/^[0-9a-f-]{36}$/);
  });
});

describe('heartbeats', () => {
  let server: Server | undefined;
  afterEach(() => new Promise<void>((resolve) => (server ? server.close(() => resolve()) : resolve())));

  const beatOf = (): Pick<HeartSite, 'make'> & { committed: number; most: number[] } => {
    const made = {
      committed: 0,
      most: [] as number[],
      make: (state: Heartbeat['state'], most: number) => {
        made.most.push(most);
        return { beat: heartbeat({ state }), commit: () => void made.committed++ };
      },
    };
    return made;
  };

  it('are dropped within their deadline when the api hangs, refuses or is gone, and never sent again', async () => {
    let answer: number | null = 200;
    const states: string[] = [];
    server = createServer((request, response) => {
      let text = '';
      request.on('data', (part) => (text += String(part)));
      request.on('end', () => {
        states.push((JSON.parse(text) as Heartbeat).state);
        if (answer !== null) response.writeHead(answer, { 'retry-after': '7' }).end('{}');
      });
    });
    await new Promise<void>((resolve) => server?.listen(0, '127.0.0.1', resolve));
    const { port } = server.address() as AddressInfo;
    const client = new HeartbeatClient({ apiUrl: `http://127.0.0.1:${port}`, deadlineMs: 300 });
    const send = () => client.send('hsc_x', heartbeat(), 300);
    expect(await send()).toEqual({ kind: 'sent' });
    for (const [status, kind] of [
      [401, 'refused'],
      [404, 'absent'],
      [413, 'too_large'],
    ] as const) {
      answer = status;
      expect(await send()).toEqual({ kind });
    }
    answer = 503;
    expect(await send()).toMatchObject({ kind: 'dropped', detail: 'status 503', retryAfterMs: 7_000 });
    answer = null;
    const began = performance.now();
    expect(await send()).toMatchObject({ kind: 'dropped', detail: 'deadline' });
    expect(performance.now() - began).toBeLessThan(2_000);
    expect(states).toHaveLength(6);
    await client.close();
    const gone = new HeartbeatClient({ apiUrl: 'http://127.0.0.1:1', deadlineMs: 300 });
    expect(await gone.send('hsc_x', heartbeat(), 300)).toMatchObject({
      kind: 'dropped',
      detail: 'ECONNREFUSED',
    });
    await gone.close();
  });

  it('go on after any outcome, rest when told to, shrink when too large, and say good-bye', async () => {
    const site = beatOf();
    const outcomes = [{ kind: 'too_large' }, { kind: 'dropped', detail: 'x', retryAfterMs: null }] as const;
    const sent: { state: string; atMs: number }[] = [];
    const heart = new Heart({
      sites: [{ site: 'north', key: 'k', make: site.make }],
      send: async (_key, beat) => {
        sent.push({ state: beat.state, atMs: performance.now() });
        return outcomes[sent.length - 1] ?? { kind: 'sent' };
      },
      everyMs: 20,
      deadlineMs: 100,
      maxShards: 1_000,
      random: () => 0.5,
      metrics: createMetrics({ withProcess: false }),
      log,
    });
    heart.start();
    await waitFor('five heartbeats', () => sent.length >= 5);
    heart.drain();
    await waitFor('that it drains', () => sent.at(-1)?.state === 'draining');
    await heart.stop({ deadlineMs: 500 });
    expect(sent.at(-1)?.state).toBe('left');
    expect(site.most.slice(0, 3)).toEqual([1_000, 500, 500]);
    expect(site.committed).toBe(sent.length - 2);
    const count = sent.length;
    await new Promise((resolve) => setTimeout(resolve, 80));
    expect(sent).toHaveLength(count);
  });

  it('end in time though the last one hangs, and a key that is refused is left alone', async () => {
    const hanging = new Heart({
      sites: [{ site: 'north', key: 'k', make: beatOf().make }],
      send: () => new Promise(() => undefined),
      everyMs: 10_000,
      deadlineMs: 100,
      maxShards: 10,
      random: () => 0,
      metrics: createMetrics({ withProcess: false }),
      log,
    });
    hanging.start();
    const began = performance.now();
    await hanging.stop({ deadlineMs: 100 });
    expect(performance.now() - began).toBeLessThan(1_000);

    let calls = 0;
    const refused = new Heart({
      sites: [{ site: 'north', key: 'k', make: beatOf().make }],
      send: async () => {
        calls++;
        return { kind: 'refused' };
      },
      everyMs: 10,
      deadlineMs: 100,
      maxShards: 10,
      random: () => 0,
      metrics: createMetrics({ withProcess: false }),
      log,
    });
    refused.start();
    await new Promise((resolve) => setTimeout(resolve, 150));
    await refused.stop({ deadlineMs: 100 });
    expect(calls).toBe(1);
  });
});

describe('members and shares', () => {
  it('are one line a process over its sites, those of an earlier run left out', () => {
    const { threads, sockets, shards_at_once, threads_busy, shards_running, shards_waiting } = heartbeat();
    const report = {
      ...{ threads, sockets, shards_at_once, threads_busy, shards_running, shards_waiting },
      ...{ event_loop_lag_ms: 1, upload_lag_s: null, spool_bytes: 5, spool_files: 1, conservation_error: 0 },
      ...{ planned_shards: 3, shards_left_out: 0 },
    };
    const row = (changes: Partial<SiteMember>): SiteMember => ({
      ...{ site_id: 1, site: 'north', member_id: 'm', role: 'edge', host: 'h', pid: 1, version: '1' },
      ...{ started_at: 'b', first_seen: 'a', seen_at: 'c', silent_s: 5, interval_s: 10, state: 'up' },
      ...{ zones: ['z'], report, slots: { polled: 2 } },
      ...changes,
    });
    const merged = mergeMembers([
      row({}),
      row({ site_id: 2, site: 'south', silent_s: 2, zones: ['y'], report: { ...report, upload_lag_s: 9 } }),
      row({ site_id: 3, site: 'left', silent_s: 900, started_at: 'a', state: 'lost' }),
    ]);
    expect(merged).toMatchObject([
      { state: 'up', silent_s: 2, zones: ['y', 'z'], upload_lag_s: 9, spool_bytes: 10, planned_shards: 6 },
    ]);
    expect(merged[0]?.slots).toEqual({ polled: 4 });
    expect(merged[0]?.sites.map(({ site }) => site)).toEqual(['north', 'south']);
  });

  it('are compared among those that live', () => {
    const share = (member_id: string, polled: number, is_live = true) => ({
      ...{ zone: 'z', member_id, host: 'h', pid: 1, is_live, polled, skipped: 0 },
    });
    expect(compareShares([share('a', 12), share('b', 8), share('c', 20, false)])).toMatchObject([
      { imbalance: 0.2, shares: [{ share: 0.3 }, { share: 0.2 }, { share: 0.5 }] },
    ]);
    expect(compareShares([share('a', 12)])).toMatchObject([{ imbalance: null }]);
    expect(compareShares([share('a', 0), share('b', 0)])).toMatchObject([{ imbalance: null }]);
  });
});
