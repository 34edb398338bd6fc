import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { AlertKind } from '../../src/domain/alert-kinds.js';
import type { IngestRow } from '../../src/domain/ingest.js';
import { runRollups } from '../../src/storage/rollups.js';
import { createAlertBench, type AlertBench } from '../support/alerts.js';
import { testEditions } from '../support/database.js';
import { ingestRow, offlineRow } from '../support/ingest-rows.js';

const keys = Array.from({ length: 10 }, (_, index) => `10.0.0.${index + 1}`);

describe.each(testEditions())('rules about rollups on %s', (edition) => {
  let bench: AlertBench;
  let accepted: number;
  let rejected: number;
  beforeEach(async () => {
    bench = await createAlertBench(edition);
    await bench.only();
    [accepted, rejected] = [1_000, 10];
  });
  afterEach(() => bench.close());

  const make = (kind: AlertKind, threshold: number, clear: number) =>
    bench.store.alertRules.create({
      ...{ site_id: null, kind, severity: 'warning', threshold, clear_threshold: clear, duration_s: 0 },
      ...{ cooldown_s: 0, model: null, subnet: null, miner: null, pools: [], enabled: true },
    });

  /** Five minutes of samples every minute, rollups and an evaluation. */
  async function fiveMinutes(rowsOf: (time: string) => IngestRow[]): Promise<void> {
    for (let minute = 0; minute < 5; minute++) {
      bench.nowMs += 60_000;
      await bench.upload(rowsOf(bench.at()));
    }
    const now = new Date(bench.nowMs);
    await runRollups(bench.storage.db, { historyDays: 30, settle5mS: 0, settle1hS: 0, now });
    await bench.tick(0);
  }
  const mining =
    (hashing: number, shares: readonly [number, number] = [100, 1]) =>
    (time: string): IngestRow[] => {
      accepted += shares[0];
      rejected += shares[1];
      return keys.map((key, index) =>
        index < hashing
          ? ingestRow(key, time, {
              hashrate_ghs: 100_000,
              hashrate_expected_ghs: 100_000,
              accepted_shares: accepted,
              rejected_shares: rejected,
            })
          : offlineRow(key, time),
      );
    };

  test('hold the hashrate of a site against what all its miners should do, dead ones too', async () => {
    await make('site_hashrate_low', 0.8, 0.85);
    for (let times = 0; times < 4; times++) await fiveMinutes(mining(10));
    expect(await bench.open()).toEqual([]);
    for (let times = 0; times < 4; times++) await fiveMinutes(mining(7));
    expect(await bench.open()).toEqual(['site_hashrate_low north']);
    const [alert] = await bench.storage.query<{ value: number; message: string }>(
      'select value, message from alerts',
    );
    expect(alert?.value).toBeCloseTo(0.7, 5);
    expect(alert?.message).toContain('north hashes at 70 % of nominal, under 80 %');
    for (let times = 0; times < 4; times++) await fiveMinutes(mining(9));
    expect(await bench.open()).toEqual([]);
  });

  test('hold the shares that pools rejected in an hour against those that came, restarts of counters or not', async () => {
    await make('rejects_high', 0.05, 0.03);
    for (let times = 0; times < 4; times++) await fiveMinutes(mining(10));
    expect(await bench.open()).toEqual([]);
    [accepted, rejected] = [0, 0];
    for (let times = 0; times < 6; times++) await fiveMinutes(mining(10, [80, 20]));
    expect(await bench.open()).toEqual(['rejects_high north']);
    for (let times = 0; times < 14; times++) await fiveMinutes(mining(10));
    expect(await bench.open()).toEqual([]);
  });

  test('say nothing while nothing was summed', async () => {
    await make('site_hashrate_low', 0.8, 0.85);
    await make('rejects_high', 0.05, 0.03);
    await bench.upload(mining(3)(bench.at()));
    await bench.tick(15);
    expect(await bench.open()).toEqual([]);
  });

  test('take no five minutes for whole in which uploads ended', async () => {
    await make('site_hashrate_low', 0.8, 0.85);
    for (let times = 0; times < 4; times++) await fiveMinutes(mining(10));
    bench.nowMs = Math.ceil(bench.nowMs / 300_000) * 300_000;
    await bench.upload(mining(10)(bench.at()).slice(0, 4));
    const now = new Date(bench.nowMs);
    await runRollups(bench.storage.db, { historyDays: 30, settle5mS: 0, settle1hS: 0, now });
    for (let passed = 0; passed < 1_200; passed += 60) await bench.tick(60);
    expect(await bench.open()).toEqual([]);
  });
});
