import { once } from 'node:events';
import { connect } from 'node:net';
import { describe, expect, it } from 'vitest';
import { storeDeps } from '../../src/roles/read-deps.js';
import { storeOn } from '../../src/roles/store.js';
import { emptySummary, startTestApi } from '../support/api-server.js';
import { testEditions } from '../support/database.js';
import { listen } from '../support/event-stream.js';
import { ingestBatch, ingestRow } from '../support/ingest-rows.js';
import { createTestStorage } from '../support/storage.js';
import { waitFor } from '../support/wait.js';

describe('the event stream', () => {
  it('brings summaries from one query for all, only while someone listens', async () => {
    let asked = 0;
    const own = await startTestApi({
      deps: { summary: async () => ({ ...emptySummary, total_miners: ++asked }) },
      options: { streamIntervalMs: 50, summaryTtlMs: 40 },
    });
    try {
      const listeners = await Promise.all(
        [1, 2, 3].map((id) => listen(own.url, { 'Last-Event-ID': String(id) })),
      );
      expect(listeners[0]?.response.headers).toMatchObject({
        'content-type': 'text/event-stream; charset=utf-8',
      });
      await waitFor('five events each', () => listeners.every((listener) => listener.events() >= 5));
      expect(await own.metric('headframe_sse_clients')).toBe(3);
      const most = Math.max(...listeners.map((listener) => listener.events()));
      expect(asked).toBeLessThanOrEqual(most + 3);
      const first = listeners[0]?.text().match(/event: summary\ndata: (.*)\n\n/)?.[1] ?? '';
      expect(JSON.parse(first)).toMatchObject({ site_id: 1, site_name: 'north' });
      for (const listener of listeners) listener.close();
      await waitFor('nobody', async () => (await own.metric('headframe_sse_clients')) === 0);
      const after = asked;
      const until = performance.now() + 200;
      await waitFor('four intervals', () => performance.now() > until);
      expect(asked).toBe(after);
    } finally {
      await own.stop();
    }
  });

  it('tells what changed once, with an id, and what a client missed when it comes back', async () => {
    const change = (miner_id: string, changed_at: string) => ({
      miner_id,
      ip_address: null,
      online: false,
      state: 'unreachable',
      health: 'offline',
      changed_at,
    });
    const asked: number[] = [];
    let atMs = Date.now();
    let changes = [change('before', '2026-01-01T00:00:00.000Z')];
    const own = await startTestApi({
      deps: {
        liveChanges: async (_siteId, sinceMs) => {
          asked.push(sinceMs);
          return { changes, marks: changes.map(({ changed_at }) => changed_at), atMs };
        },
      },
      options: { streamIntervalMs: 20, summaryTtlMs: 1, streamResumeMs: 60_000 },
    });
    try {
      const fresh = await listen(own.url);
      await waitFor('a few ticks', () => fresh.events() >= 3);
      expect(fresh.told('ready')).toBe(1);
      // What changed before it came is not news, nor is what was told.
      expect(fresh.told('changes')).toBe(0);
      atMs += 2_000;
      changes = [change('new', '2026-01-01T00:00:01.000Z'), ...changes];
      await waitFor('the change', () => fresh.told('changes') === 1);
      const events = fresh.events();
      await waitFor('more ticks', () => fresh.events() > events + 3);
      expect(fresh.told('changes')).toBe(1);
      const [, id, data] = /id: (\d+)\nevent: changes\ndata: (.*)\n\n/.exec(fresh.text()) ?? [];
      expect(Number(id)).toBe(atMs);
      expect(JSON.parse(data ?? '')).toEqual({ changes: [changes[0]], count: 1 });
      fresh.close();

      const back = await listen(own.url, { 'Last-Event-ID': String(atMs - 30_000) });
      await waitFor('what it missed', () => back.told('changes') === 1);
      expect(asked).toContain(atMs - 30_000 - 5_000);
      expect(back.told('reset')).toBe(0);
      back.close();
      for (const id of [String(atMs - 120_000), 'no number', '-1']) {
        const late = await listen(own.url, { 'Last-Event-ID': id });
        await waitFor('a reset', () => late.told('reset') === 1);
        late.close();
      }
    } finally {
      await own.stop();
    }
  });

  it('tells a client that came while others were told something', async () => {
    const change = {
      miner_id: 'a',
      ip_address: null,
      online: false,
      state: 'unreachable',
      health: 'offline',
      changed_at: '2026-01-01T00:00:01.000Z',
    };
    const nowMs = Date.now();
    let changes: readonly (typeof change)[] = [];
    let answerLate = (): void => undefined;
    const own = await startTestApi({
      deps: {
        liveChanges: async (_siteId, sinceMs) => {
          const marks = changes.map(({ miner_id }) => miner_id);
          const found = { changes, marks, atMs: nowMs + 10 * changes.length };
          // The look of the client that comes: it sees less than the look that overtakes it.
          if (sinceMs === nowMs - 1_000 - 5_000) await new Promise<void>((resolve) => (answerLate = resolve));
          return found;
        },
      },
      options: { streamIntervalMs: 20, summaryTtlMs: 1 },
    });
    try {
      const first = await listen(own.url);
      const second = listen(own.url, { 'Last-Event-ID': String(nowMs - 1_000) });
      await waitFor('both', async () => (await own.metric('headframe_sse_clients')) === 2);
      const ticks = first.events();
      await waitFor('the look has begun', () => first.events() > ticks + 1);
      changes = [change];
      await waitFor('the first was told', () => first.text().includes('"miner_id":"a"'));
      answerLate();
      const late = await second;
      await waitFor('the second was told', () => late.text().includes('"miner_id":"a"'));
      first.close();
      late.close();
    } finally {
      await own.stop();
    }
  });

  it('lives through a database that is away, with heartbeats', async () => {
    let isAway = false;
    const own = await startTestApi({
      deps: { summary: async () => (isAway ? Promise.reject(new Error('away')) : emptySummary) },
      options: { streamIntervalMs: 20, summaryTtlMs: 1, streamHeartbeatMs: 60 },
    });
    try {
      const listener = await listen(own.url);
      isAway = true;
      await waitFor('a heartbeat', () => listener.text().includes(': quiet\n\n'));
      const before = listener.events();
      isAway = false;
      await waitFor('events again', () => listener.events() > before);
      listener.close();
    } finally {
      await own.stop();
    }
  });

  it('is bounded in clients, and drops one that does not read', async () => {
    const big = { ...emptySummary, site_name: 'n'.repeat(400_000) };
    const own = await startTestApi({
      deps: { summary: async () => big },
      options: { maxStreams: 1, streamIntervalMs: 10, summaryTtlMs: 1, maxStreamBufferBytes: 100_000 },
    });
    try {
      const socket = connect(own.server.port, '127.0.0.1');
      await once(socket, 'connect');
      socket.on('error', () => undefined);
      socket.pause();
      socket.write('GET /api/collector/stream?site=1 HTTP/1.1\r\nHost: localhost\r\n\r\n');
      await waitFor('the client', async () => (await own.metric('headframe_sse_clients')) === 1);
      const second = await fetch(`${own.url}/api/collector/stream?site=1`);
      expect([second.status, await second.json()]).toMatchObject([503, { code: 'OVERLOADED' }]);
      await waitFor('its end', async () => (await own.metric('headframe_sse_clients')) === 0);
      socket.destroy();
    } finally {
      await own.stop();
    }
  });
});

describe.each(testEditions())('changes of the event stream on %s', (edition) => {
  it('are counted exactly, once each, when they are more than are listed', async () => {
    const storage = await createTestStorage(edition);
    const api = await startTestApi({
      deps: storeDeps(storeOn(storage.db), 90),
      options: { streamIntervalMs: 100, summaryTtlMs: 0, maxStreamChanges: 5 },
    });
    const startMs = Date.now() - 60_000;
    const keys = Array.from({ length: 40 }, (_, index) => `m${index}`);
    const write = async (
      seconds: number,
      names: readonly string[],
      health: 'healthy' | 'warning' | 'critical',
    ): Promise<void> => {
      const time = new Date(startMs + seconds * 1_000).toISOString();
      const rows = names.map((name) => ingestRow(name, time, { mac: null, health }));
      await storage.store.writeBatch(ingestBatch(rows, storage.key));
    };
    try {
      await write(0, keys, 'healthy');
      const listener = await listen(api.url);
      const told = (): { count: number; listed: number }[] =>
        listener.data('changes').map((data) => {
          const { count, changes } = data as { count: number; changes: unknown[] };
          return { count, listed: changes.length };
        });
      const afterTold = async (times: number): Promise<void> => {
        await waitFor(`changes ${times} times`, () => told().length >= times);
        const { length } = listener.data('summary');
        await waitFor('three more ticks', () => listener.data('summary').length >= length + 3);
      };
      await write(10, keys, 'warning');
      await afterTold(1);
      await write(20, ['m7'], 'critical');
      await afterTold(2);
      // One that changes again among many that did not.
      await write(30, [...keys.slice(0, 10), ...keys.slice(20)], 'healthy');
      await afterTold(3);
      expect(told()).toEqual([
        { count: 40, listed: 5 },
        { count: 1, listed: 1 },
        { count: 30, listed: 5 },
      ]);
      listener.close();
    } finally {
      await api.stop();
      await storage.close();
    }
  });
});
