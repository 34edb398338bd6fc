import { randomUUID } from 'node:crypto';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { parseFault } from '../../load-test/simulator/faults.js';
import { startSimulator, type Simulator } from '../../load-test/simulator/simulator.js';
import type { IngestRow } from '../../src/domain/ingest.js';
import type { ReplyQuirk } from '../../src/domain/quirks.js';
import { readUpload } from '../../src/domain/read-upload.js';
import { decodeUtf8 } from '../../src/domain/row-texts.js';
import { defaultHealthThresholds } from '../../src/domain/health.js';
import { startTestApi } from '../support/api-server.js';
import { testEditions } from '../support/database.js';
import { ingestBatch, ingestRow } from '../support/ingest-rows.js';
import { createShardRig } from '../support/poll.js';
import { createTestStorage, type TestStorage } from '../support/storage.js';

const startMs = Math.floor((Date.now() - 6 * 3_600_000) / 60_000) * 60_000;
/** The slot `n`, one minute apart within the last six hours. */
const slot = (n: number): string => new Date(startMs + n * 60_000).toISOString();
const at = (n: number): Date => new Date(slot(n));
const quirk = (fingerprint: string, sample: string | null = null): ReplyQuirk => ({
  fingerprint,
  command: 'stats',
  damage: 'missing_comma',
  sample,
});
const row = (key: string, n: number, ...quirks: ReplyQuirk[]): IngestRow =>
  ingestRow(key, slot(n), { mac: null, quirks: quirks.length === 0 ? null : quirks });

describe.each(testEditions())('the quirks of a site on %s', (edition) => {
  let storage: TestStorage;
  const write = (rows: readonly IngestRow[], changes = {}) =>
    storage.store.writeBatch(ingestBatch(rows, storage.key, changes));
  const list = (n: number) => storage.quirks.list([storage.key.siteId], at(n));

  beforeAll(async () => {
    storage = await createTestStorage(edition);
  });
  afterAll(() => storage.close());
  beforeEach(() =>
    storage.query(`truncate miner_telemetry_history, miner_events, collector_upload_logs, miner_raw_replies,
      miner_telemetry_live, miner_places, miners, reply_quirks, quirk_miners cascade`),
  );

  test('count each damaged reply with the sample it belongs to, and keep one sample reply', async () => {
    await write([row('a', 0, quirk('aaaaaaaa', '[{}{}]')), row('b', 0, quirk('aaaaaaaa')), row('c', 0)]);
    await write([row('a', 1, quirk('aaaaaaaa', 'later')), row('b', 1), row('c', 1, quirk('bbbbbbbb'))]);
    expect(await list(1)).toMatchObject([
      {
        fingerprint: 'aaaaaaaa',
        family: 'antminer',
        firmware: '2022-12-06',
        command: 'stats',
        damage: 'missing_comma',
        first_seen: slot(0),
        since: slot(0),
        last_seen: slot(1),
        replies: 3,
        miners_now: 2,
        sample_reply: '[{}{}]',
      },
      { fingerprint: 'bbbbbbbb', replies: 1, miners_now: 1, sample_reply: null },
    ]);
  });

  test('are not counted again when a batch comes again, whole, at once, or under another id', async () => {
    const rows = [row('a', 0, quirk('aaaaaaaa')), row('b', 0, quirk('aaaaaaaa'), quirk('bbbbbbbb'))];
    const batchId = randomUUID();
    await Promise.all([write(rows, { batchId }), write(rows, { batchId }), write(rows)]);
    await write(rows, { batchId });
    await write(rows.slice(1));
    await write([...rows, row('c', 0, quirk('aaaaaaaa'))]);
    expect(await list(0)).toMatchObject([
      { fingerprint: 'aaaaaaaa', replies: 3, miners_now: 3 },
      { fingerprint: 'bbbbbbbb', replies: 1, miners_now: 1 },
    ]);
  });

  test('begin anew after an hour without, and forget who does not show them any more', async () => {
    await write([row('a', 0, quirk('aaaaaaaa')), row('b', 0, quirk('aaaaaaaa'))]);
    await write([row('a', 30, quirk('aaaaaaaa'))]);
    expect(await list(30)).toMatchObject([{ since: slot(0), miners_now: 1, miners: 2 }]);
    await write([row('a', 200, quirk('aaaaaaaa'))]);
    expect(await list(200)).toMatchObject([{ first_seen: slot(0), since: slot(200), miners_now: 1 }]);
    await write([row('a', 180, quirk('aaaaaaaa'))]);
    await write([row('b', 10, quirk('aaaaaaaa'))]);
    expect(await list(200)).toMatchObject([{ since: slot(180), last_seen: slot(200), replies: 6 }]);
    expect(await list(300)).toMatchObject([{ miners_now: 0 }]);
  });

  test('past two thousand of a site are counted as others', async () => {
    await storage.query(`insert into reply_quirks (site_id, fingerprint, command, damage, first_seen, since, last_seen, reply_count)
      select ${storage.key.siteId}, lpad(to_hex(n), 8, '0'), 'stats', 'other', now(), now(), now(), 1 from generate_series(1, 2000) n`);
    await write([row('a', 0, quirk('00000001'), quirk('ffffffff')), row('b', 0, quirk('eeeeeeee'))]);
    const rows = await storage.query(
      `select fingerprint, reply_count::int as n from reply_quirks where fingerprint in ('00000001', 'other') order by 1`,
    );
    expect(rows).toEqual([
      { fingerprint: '00000001', n: 2 },
      { fingerprint: 'other', n: 2 },
    ]);
    expect(await storage.query('select count(*)::int as n from reply_quirks')).toEqual([{ n: 2_001 }]);
  });

  test('are served to who may read the site', async () => {
    const api = await startTestApi({
      deps: { quirks: (siteIds) => storage.quirks.list(siteIds, at(0)) },
      options: { hasOpenReads: true },
    });
    try {
      await write([row('a', 0, quirk('aaaaaaaa'))]);
      const url = `${api.url}/api/collector/quirks`;
      const answer = (await (await fetch(`${url}?site_id=${storage.key.siteId}`)).json()) as object;
      expect(answer).toMatchObject({
        success: true,
        data: { count: 1, quirks: [{ fingerprint: 'aaaaaaaa' }] },
      });
      expect(await (await fetch(`${url}?site_id=999`)).json()).toMatchObject({ data: { quirks: [] } });
      expect((await fetch(`${url}?site_id=x`)).status).toBe(400);
    } finally {
      await api.stop();
    }
  });

  test('of two sites are apart', async () => {
    const siteId = await storage.sites.ensureSite('south');
    await write([row('a', 0, quirk('aaaaaaaa'))]);
    await write([row('a', 0, quirk('aaaaaaaa'))], { siteId });
    expect(await list(0)).toHaveLength(1);
    expect((await storage.quirks.list(null, at(0))).map((report) => report.site).sort()).toEqual([
      'north',
      'south',
    ]);
  });

  describe('polled from miners', () => {
    let simulator: Simulator | null = null;
    afterEach(() => simulator?.stop());

    test('reach the database with one sample, slot after slot', async () => {
      const address = (n: number): string => `127.31.0.${n}`;
      simulator = await startSimulator({
        seed: 7,
        miners: { addresses: [1, 2, 3].map(address) },
        models: Object.fromEntries([1, 2, 3].map((n) => [address(n), 'antminer-s19'])),
        faults: {
          [address(1)]: parseFault('malformed:missing_comma'),
          [address(2)]: parseFault('malformed:missing_comma'),
        },
      });
      const rig = createShardRig({ ranges: ['127.31.0.1-3'], port: simulator.port });
      for (let n = 0; n < 2; n++) {
        const { records } = await rig.poll();
        expect(records.get(address(3))?.quirks).toBeNull();
        const read = readUpload(Buffer.from(JSON.stringify([...records.values()])), {
          siteId: storage.key.siteId,
          batchId: randomUUID(),
          maxRecords: 100,
          context: {
            receivedMs: Date.now() + 60_000,
            maxAgeMs: 3_600_000,
            maxAheadMs: 60_000,
            thresholds: defaultHealthThresholds,
          },
        });
        if (read.kind === 'error') throw new Error(read.message);
        expect(read.rejected).toEqual([]);
        const outcome = await write(JSON.parse(decodeUtf8(read.rows)) as IngestRow[]);
        expect(outcome).toMatchObject({ stored: 3 });
      }
      const stats = (await storage.quirks.list([storage.key.siteId], new Date())).find(
        ({ command }) => command === 'stats',
      );
      expect(stats).toMatchObject({ family: 'antminer', replies: 4, miners_now: 2, damage: 'missing_comma' });
      expect(stats?.sample_reply).toMatch(/"STATS"/);
    });
  });
});
