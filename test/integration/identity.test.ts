import fc from 'fast-check';
import { startSimulator, type Simulator } from '../../load-test/simulator/simulator.js';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import type { IngestRow } from '../../src/domain/ingest.js';
import { testEditions } from '../support/database.js';
import { ingestBatch, ingestRow, offlineRow } from '../support/ingest-rows.js';
import { everything } from '../support/live-query.js';
import { createShardRig } from '../support/poll.js';
import { createTestStorage, type TestStorage } from '../support/storage.js';

const startMs = Math.floor((Date.now() - 6 * 3_600_000) / 60_000) * 60_000;
/** The slot `n`, one minute apart within the last six hours. */
const slot = (n: number): string => new Date(startMs + n * 60_000).toISOString();
const [A, B, C] = ['10.0.0.1', '10.0.0.2', '10.0.0.3'] as const;
const [X, Y, Z] = ['02:00:00:00:00:0a', '02:00:00:00:00:0b', '02:00:00:00:00:0c'] as const;

/** A sample of the miner with this MAC at this address. */
const seen = (ip: string, n: number, mac: string | null, changes: Partial<IngestRow> = {}): IngestRow =>
  ingestRow(ip, slot(n), { ip, mac, uptime_seconds: 1_000 + 60 * n, ...changes });
const silent = (ip: string, n: number): IngestRow => ({ ...offlineRow(ip, slot(n)), ip });

describe.each(testEditions())('the identity of miners on %s', (edition) => {
  let storage: TestStorage;
  // With an interval, as our own pollers tell it: a batch of claims alone has no row to tell it of.
  const write = (...rows: IngestRow[]) =>
    storage.store.writeBatch(ingestBatch(rows, storage.key, { intervalS: 60 }));
  const miners = async (): Promise<Record<string, string | null>> =>
    Object.fromEntries(
      (
        await storage.query<{ key: string; mac: string | null }>('select key, mac from miners order by key')
      ).map(({ key, mac }) => [key, mac]),
    );
  /** Slots of each miner by MAC (or key without one): where its samples are kept. */
  const history = async (): Promise<Record<string, number[]>> => {
    const rows = await storage.query<{ name: string; time: Date }>(
      `select coalesce(m.mac, m.key) as name, h.time from miner_telemetry_history h join miners m using (miner_id) order by h.time`,
    );
    const slots: Record<string, number[]> = {};
    for (const { name, time } of rows) (slots[name] ??= []).push((time.getTime() - startMs) / 60_000);
    return slots;
  };
  const events = async (): Promise<string[]> =>
    (
      await storage.query<{ text: string }>(
        `select concat_ws(' ', coalesce(m.mac, m.key), e.kind, from_value, '→', to_value) as text
        from miner_events e join miners m using (miner_id)
        where kind in ('moved', 'replaced', 'mac', 'shared_identity', 'board_swap', 'firmware') order by e.time, 1`,
      )
    ).map((row) => row.text);

  beforeAll(async () => {
    storage = await createTestStorage(edition);
  });
  afterAll(() => storage.close());
  const clear = () =>
    storage.query(`truncate miner_telemetry_history, miner_events, collector_upload_logs, miner_raw_replies,
      miner_telemetry_live, miner_places, miners cascade`);
  beforeEach(clear);

  test('a miner that answers at another address keeps its history', async () => {
    expect(await write(seen(A, 0, X))).toMatchObject({ stored: 1, created: 1 });
    expect(await write(seen(B, 1, X))).toMatchObject({ stored: 1, created: 0 });
    expect(await history()).toEqual({ [X]: [0, 1] });
    expect(await events()).toEqual([`${X} moved ${A} → ${B}`]);
    expect(await storage.live.minerDetail(storage.key.siteId, B, moment())).toMatchObject({
      mac: X,
      ip_address: B,
    });
    expect(await storage.live.minerDetail(storage.key.siteId, A, moment())).toBeNull();
  });

  test('what is polled at the address it left is not counted as a miner', async () => {
    await write(seen(A, 0, X), seen(C, 0, Z));
    await write(silent(A, 1), seen(C, 1, Z));
    await write(silent(A, 2), seen(B, 2, X), seen(C, 2, Z));
    await write(silent(A, 3), seen(B, 3, X), seen(C, 3, Z));
    expect(await history()).toEqual({ [X]: [0, 1, 2, 3], [Z]: [0, 1, 2, 3], [A]: [2, 3] });
    const page = await storage.live.page(storage.key.siteId, everything, moment());
    expect(page.miners.map((miner) => miner.miner_id)).toEqual([B, C]);
    expect(await storage.live.count(storage.key.siteId, everything, moment())).toBe(2);
    expect(await storage.sites.summary(storage.key.siteId, moment())).toMatchObject({
      total_miners: 2,
      offline_miners: 0,
    });
  });

  test('a silent sample of the slot in which it moved, stored first, does not hide the one from the new address', async () => {
    await write(seen(A, 0, X));
    await write(silent(A, 1));
    await write(silent(A, 2));
    expect(await write(seen(B, 2, X))).toMatchObject({ stored: 1, updated: 1 });
    expect(await history()).toEqual({ [X]: [0, 1, 2], [A]: [2] });
    expect(await storage.live.minerDetail(storage.key.siteId, B, moment())).toMatchObject({ online: true });
  });

  test('two miners that swap their addresses keep their histories, in one batch or in two', async () => {
    for (const inOne of [true, false]) {
      await clear();
      await write(seen(A, 0, X), seen(B, 0, Y));
      if (inOne) await write(seen(A, 2, Y), seen(B, 2, X));
      else {
        await write(seen(A, 2, Y));
        await write(seen(B, 2, X));
      }
      await write(seen(A, 3, Y), seen(B, 3, X));
      expect(await history()).toEqual({ [X]: [0, 2, 3], [Y]: [0, 2, 3] });
      expect(await miners()).toMatchObject({ [A]: Y, [B]: X });
      expect((await events()).filter((text) => text.includes('moved'))).toEqual([
        `${X} moved ${A} → ${B}`,
        `${Y} moved ${B} → ${A}`,
      ]);
    }
  });

  test('another miner at an address does not inherit the history of the one before', async () => {
    await write(seen(A, 0, X));
    expect(await write(seen(A, 1, Y))).toMatchObject({ stored: 1, created: 1 });
    await write(silent(A, 2));
    expect(await history()).toEqual({ [X]: [0], [Y]: [1, 2] });
    expect(await miners()).toEqual({ [A]: Y, [`${A}@${X}`]: X });
    expect(await events()).toEqual([`${X} replaced ${X} → ${Y}`]);
    await write(seen(C, 3, X));
    expect(await history()).toEqual({ [X]: [0, 3], [Y]: [1, 2] });
    expect(await miners()).toEqual({ [A]: Y, [C]: X });
  });

  test('machines with one MAC are told apart by their addresses', async () => {
    await write(seen(A, 0, X), seen(B, 0, X), seen(C, 0, X));
    await write(seen(A, 1, X), seen(B, 1, X), seen(C, 1, X));
    expect(await miners()).toEqual({ [A]: X, [B]: X, [C]: X });
    expect(
      await storage.query('select count(*)::int as n from miner_telemetry_history group by miner_id'),
    ).toEqual([{ n: 2 }, { n: 2 }, { n: 2 }]);
    expect(await events()).toEqual([]);
  });

  test('machines with one MAC whose samples come in turns get their histories back', async () => {
    const shifted = (ip: string, n: number) =>
      seen(ip, n, X, { time: new Date(startMs + n * 60_000 + (ip === B ? 7_000 : 0)).toISOString() });
    for (let n = 0; n < 4; n++) {
      await write(shifted(A, n));
      await write(shifted(B, n));
    }
    const rows = await storage.query<{ key: string; seconds: number[] }>(
      `select key, array_agg(distinct extract(second from time)::int)::text as seconds, count(*)::int as n
      from miner_telemetry_history join miners using (miner_id) group by key order by key`,
    );
    expect(rows).toEqual([
      { key: A, seconds: '{0}', n: 4 },
      { key: B, seconds: '{7}', n: 4 },
    ]);
    expect(await miners()).toMatchObject({ [A]: X, [B]: X });
  });

  test('a late batch from before a move adds to the history and moves nothing back', async () => {
    await write(seen(A, 0, X));
    await write(seen(B, 9, X));
    await write(seen(A, 10, Y));
    await write(seen(A, 3, X), silent(A, 4), seen(A, 5, X));
    expect(await miners()).toMatchObject({ [A]: Y, [B]: X });
    expect(await history()).toEqual({ [X]: [0, 3, 4, 5, 9], [Y]: [10] });
  });

  test('a late sample of another machine between two of this one does not take the address away', async () => {
    await write(seen(A, 0, X), seen(A, 9, X));
    await write(seen(A, 5, Y));
    await write(silent(A, 10));
    expect(await miners()).toMatchObject({ [A]: X });
    expect(await history()).toEqual({ [X]: [0, 9, 10], [Y]: [5] });
  });

  test('a late batch tells of a miner that was at an address before the one that is there now', async () => {
    await write(seen(A, 9, Y));
    await write(seen(A, 2, X), seen(A, 3, X));
    await write(silent(A, 4));
    expect(await miners()).toMatchObject({ [A]: Y });
    expect(await history()).toEqual({ [X]: [2, 3, 4], [Y]: [9] });
    await write(seen(B, 10, X));
    expect(await miners()).toMatchObject({ [A]: Y, [B]: X });
  });

  test('batches sent again, also under another id, change nothing', async () => {
    const batches = [
      [seen(A, 0, X), seen(B, 0, Y)],
      [seen(B, 2, X), seen(A, 2, Y)],
      [silent(A, 3), seen(C, 3, X)],
    ];
    for (const rows of batches) await write(...rows);
    const before = [await miners(), await history(), await events()];
    for (const rows of [...batches, ...batches.reverse()]) {
      expect(await write(...rows)).toMatchObject({ stored: 0, duplicate: 2, created: 0 });
    }
    expect([await miners(), await history(), await events()]).toEqual(before);
  });

  test('writers that bring the same move at once make it once', async () => {
    const addresses = Array.from({ length: 20 }, (_, i) => `10.1.0.${i + 1}`);
    const mac = (i: number): string => `02:00:00:00:01:${(16 + (i % 20)).toString(16)}`;
    const rows = (n: number) => addresses.map((ip, i) => seen(ip, n, mac(i + n)));
    for (let n = 0; n < 4; n++) {
      const batch = ingestBatch(rows(n), storage.key);
      const outcomes = await Promise.all([
        storage.store.writeBatch(batch),
        storage.store.writeBatch(batch),
        write(...rows(n).slice(0, 12)),
        write(...rows(n).slice(8)),
      ]);
      expect(outcomes.reduce((sum, outcome) => sum + outcome.stored, 0)).toBe(20);
    }
    const slots = Object.values(await history());
    expect(slots).toHaveLength(20);
    for (const of of slots) expect(of).toEqual([0, 1, 2, 3]);
  });

  test('a MAC learned later does not make another miner', async () => {
    await write(seen(A, 0, null));
    await write(seen(A, 1, X, { serial: 'SN-000123' }));
    await write(seen(A, 2, null));
    expect(await history()).toEqual({ [X]: [0, 1, 2] });
    expect(await events()).toEqual([]);
  });

  test('a serial alone is an identity too, and outlives a control board', async () => {
    await write(seen(A, 0, null, { serial: 'SN-000123' }));
    await write(seen(B, 1, null, { serial: 'SN-000123' }));
    await write(seen(B, 2, X, { serial: 'SN-000123' }));
    await write(seen(B, 3, Y, { serial: 'SN-000123' }));
    await write(seen(C, 4, Y, { serial: 'SN-000123' }));
    expect(await history()).toEqual({ [Y]: [0, 1, 2, 3, 4] });
    expect(await events()).toEqual([
      `${Y} moved ${A} → ${B}`,
      `${Y} mac ${X} → ${Y}`,
      `${Y} moved ${B} → ${C}`,
    ]);
  });

  test('ids that are no addresses are never mapped to another miner', async () => {
    await write(seen('rack-1', 0, X), seen('rack-2', 0, Y), seen(A, 0, X));
    await write(seen('rack-1', 1, Y), seen('rack-2', 1, X), seen(A, 1, X));
    expect(await miners()).toEqual({ 'rack-1': Y, 'rack-2': X, [A]: X });
    expect(
      await storage.query('select count(*)::int as n from miner_telemetry_history group by miner_id'),
    ).toEqual([{ n: 2 }, { n: 2 }, { n: 2 }]);
    expect(await events()).toEqual([]);
  });

  test('tells a reflash and boards that were changed, not boards that are missing for a while', async () => {
    await write(seen(A, 0, X, { board_serials: ['b1', 'b2', 'b3'] }));
    await write(seen(A, 1, X, { board_serials: ['b1', 'b3'] }));
    await write(seen(A, 2, X, { board_serials: null }));
    await write(seen(A, 3, X, { board_serials: ['b1', 'b2', 'b3'] }));
    expect(await events()).toEqual([]);
    await write(seen(A, 4, X, { board_serials: ['b1', 'b3', 'b9'], firmware: 'custom 1.0' }));
    expect(await events()).toEqual([
      `${X} board_swap b1 b2 b3 → b1 b3 b9`,
      `${X} firmware 2022-12-06 → custom 1.0`,
    ]);
  });

  test('however machines move and batches arrive, every sample that names its machine is kept under it', async () => {
    const step = fc.record({
      machine: fc.nat({ max: 3 }),
      address: fc.nat({ max: 4 }),
      batch: fc.nat({ max: 2 }),
      silent: fc.boolean(),
    });
    await fc.assert(
      fc.asyncProperty(
        fc.array(step, { minLength: 1, maxLength: 14 }),
        fc.boolean(),
        async (steps, inOrder) => {
          await clear();
          const { rows, owners } = play(steps);
          const batches = inOrder
            ? rows.map((row) => [row.row])
            : [2, 0, 1].map((batch) => rows.filter((row) => row.batch === batch).map((row) => row.row));
          let stored = 0;
          const sent = batches.filter((batch) => batch.length > 0);
          for (const batch of sent) stored += (await write(...batch)).stored;
          for (const batch of sent) {
            const again = await write(...batch);
            stored += again.stored;
            // A nameless sample that came before what tells whose it is may be placed twice under two ids.
            if (inOrder) expect(again).toMatchObject({ stored: 0, created: 0 });
          }
          const kept = await storage.query<{ shares: number; mac: string; miner_id: number }>(
            `select accepted_shares::int as shares, mac, miner_id from miner_telemetry_history join miners using (miner_id)`,
          );
          expect(kept).toHaveLength(stored);
          const named = kept.filter((row) => row.shares !== null);
          expect(named).toHaveLength(rows.filter(({ row }) => row.online).length);
          for (const { shares, mac } of named) expect(mac).toBe(owners.get(shares));
          const entries = new Map(named.map((row) => [row.mac, row.miner_id]));
          // Late batches that swap machines between addresses may leave one with two entries: see the decision.
          if (inOrder) for (const row of named) expect(row.miner_id).toBe(entries.get(row.mac));
        },
      ),
      { numRuns: 30 },
    );
  }, 120_000);
});

describe('the identity a poller tells', () => {
  let simulator: Simulator | null = null;
  afterEach(() => simulator?.stop());

  test('is asked for again after a silence, so that a machine is never taken for the one before it', async () => {
    const ip = '127.32.0.1';
    simulator = await startSimulator({
      seed: 7,
      miners: { addresses: [ip] },
      models: { [ip]: 'whatsminer-m50s' },
      faults: { [ip]: null },
    });
    const rig = createShardRig({ ranges: [ip], port: simulator.port });
    const mac = (await rig.poll()).records.get(ip)?.mac;
    expect(mac).toMatch(/^([0-9a-f]{2}:){5}[0-9a-f]{2}$/);
    expect((await rig.poll()).records.get(ip)?.mac).toBe(mac);

    const stale = { ...rig.profiles[ip], identity: { ...identityOf(rig.profiles[ip]), mac: X } };
    const taken = { [ip]: { ...stale, failures: 1 } as Record<string, unknown> };
    delete taken[ip]?.['identifiedAt'];
    expect((await rig.poll({ profiles: JSON.stringify(taken) })).records.get(ip)?.mac).toBe(mac);

    const restarted = { [ip]: { ...stale, uptimeS: 1e9 } };
    expect((await rig.poll({ profiles: JSON.stringify(restarted) })).records.get(ip)?.mac).toBeNull();
    expect((await rig.poll()).records.get(ip)?.mac).toBe(mac);
  });
});

const identityOf = (profile: Record<string, unknown> | undefined): object => profile?.['identity'] as object;

interface Step {
  readonly machine: number;
  readonly address: number;
  readonly batch: number;
  readonly silent: boolean;
}

/** Lets machines be at addresses, one at a time and none twice, and tells what a poller would send, in order. */
function play(steps: readonly Step[]): {
  rows: { batch: number; row: IngestRow }[];
  owners: Map<number, string>;
} {
  const at = new Map<string, string>();
  const past = new Map<string, Set<string>>();
  const owners = new Map<number, string>();
  const rows = steps.flatMap(({ machine, address, batch, silent: isSilent }, n) => {
    const ip = `10.2.0.${address + 1}`;
    const mac = `02:00:00:00:02:0${machine}`;
    if (isSilent) return at.size === 0 ? [] : [{ batch, row: silent(ip, n) }];
    const been = past.get(mac) ?? new Set();
    if (been.has(ip) && at.get(mac) !== ip) return [];
    past.set(mac, been.add(ip));
    at.set(mac, ip);
    owners.set(n, mac);
    return [{ batch, row: seen(ip, n, mac, { accepted_shares: n }) }];
  });
  return { rows, owners };
}

const moment = () => ({ now: new Date(), staleAfterS: 86_400 });
