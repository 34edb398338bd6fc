import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { defaultRules } from '../../src/domain/alert-kinds.js';
import type { IngestRow } from '../../src/domain/ingest.js';
import { hashKey } from '../../src/storage/keys.repo.js';
import { createAlertBench, type AlertBench } from '../support/alerts.js';
import { testEditions } from '../support/database.js';
import { ingestRow, offlineRow } from '../support/ingest-rows.js';

/** A miner without a fault, cool enough for the default rules. */
const good = (key: string, time: string, changes: Partial<IngestRow> = {}): IngestRow =>
  ingestRow(key, time, { mac: null, ip: key, temperature_max: 65, temperature_avg: 60, ...changes });

describe.each(testEditions())('alert rules on %s', (edition) => {
  let bench: AlertBench;
  beforeEach(async () => {
    bench = await createAlertBench(edition);
  });
  afterEach(() => bench.close());
  /** Uploads the rows as they are at each moment, and evaluates, every 15 s for so long. */
  const run = async (seconds: number, rows: (time: string) => readonly IngestRow[]): Promise<void> => {
    for (let passed = 0; passed < seconds; passed += 15) {
      await bench.upload(rows(bench.at(-15)));
      await bench.tick(15);
    }
  };

  test('are shipped once for every site, and one that is deleted stays away', async () => {
    await bench.tick(0);
    const { siteId } = bench.storage.key;
    const rules = await bench.store.alertRules.list([siteId]);
    expect(rules).toHaveLength(defaultRules.length);
    expect(rules.map((rule) => rule.kind)).toEqual(defaultRules.map((rule) => rule.kind));
    await bench.store.alertRules.delete(rules[0]?.rule_id ?? 0);
    const other = await bench.storage.sites.ensureSite('south');
    await bench.tick(15);
    expect(await bench.store.alertRules.list([siteId])).toHaveLength(defaultRules.length - 1);
    expect(await bench.store.alertRules.list([other])).toHaveLength(defaultRules.length);
  });

  test('say nothing of healthy miners', async () => {
    let shares = 0;
    await run(900, (time) => {
      shares += 10;
      return ['10.0.0.1', '10.0.0.2'].map((key) => good(key, time, { accepted_shares: shares }));
    });
    expect(await bench.open()).toEqual([]);
    expect(await bench.storage.query('select from alert_pending')).toEqual([]);
  });

  test('open after the duration, hold through the edge, and end below it', async () => {
    await bench.only('temperature');
    const at = (celsius: number) => (time: string) => [good('10.0.0.1', time, { temperature_max: celsius })];
    await run(105, at(80));
    expect(await bench.open()).toEqual([]);
    await run(30, at(80));
    expect(await bench.open()).toEqual(['temperature 10.0.0.1']);
    const [alert] = await bench.store.alerts.list({ siteIds: null, state: null, incidentId: null, limit: 5 });
    expect(alert).toMatchObject({
      alert_type: 'temperature',
      level: 'warning',
      value: 80,
      threshold: 75,
      message: '10.0.0.1 is at 80 °C, over 75 °C',
      acknowledged: false,
      state: 'open',
    });
    await run(60, at(74));
    expect(await bench.open()).toEqual(['temperature 10.0.0.1']);
    await run(15, at(72));
    expect(await bench.open()).toEqual([]);
    // The cooldown holds the next one back.
    await run(300, at(80));
    expect(await bench.open()).toEqual([]);
    await run(330, at(80));
    expect(await bench.open()).toEqual(['temperature 10.0.0.1']);
    await run(60, at(90));
    expect(await bench.open()).toEqual(['temperature 10.0.0.1', 'temperature 10.0.0.1']);
  });

  test('are not stopped by a counter as large as there is', async () => {
    await bench.only('hardware_errors', 'temperature');
    await bench.storage.query(`update alert_rules set duration_s = 0`);
    let errors = 0;
    for (let round = 0; round < 2; round++) {
      const time = bench.at(-900);
      bench.nowMs += 900_000;
      await bench.upload([
        good('10.0.0.1', time, { hardware_errors: errors }),
        good('10.0.0.2', time, { temperature_max: 90 }),
      ]);
      errors = 9_000_000_000_000_000;
      await bench.tick(0);
    }
    expect(await bench.open()).toContain('temperature 10.0.0.2');
    expect(await bench.open()).toContain('hardware_errors 10.0.0.1');
  });

  test('find every fault, each in the miner that has it', async () => {
    await bench.store.alertEngine.seedDefaults();
    await bench.storage.query(`update alert_rules set duration_s = 0`);
    await bench.storage.query(`update alert_rules set pools = '{pool.example}' where kind = 'pool_wrong'`);
    const board = (chips: number, hashrate = 36_700): Record<string, unknown> => ({
      id: 0,
      hashrate,
      chips_ok: chips,
      chips_total: 100,
    });
    let seconds = 0;
    let shares = 0;
    const rows = (time: string): IngestRow[] => {
      seconds += 15;
      shares += 5;
      const live = (key: string, changes: Partial<IngestRow> = {}): IngestRow =>
        good(key, time, { accepted_shares: shares, ...changes });
      return [
        live('10.0.0.1'),
        live('10.0.0.2', { temperature_max: 76 }),
        live('10.0.0.3', { hashrate_ghs: 50_000 }),
        live('10.0.0.4', { hardware_errors: seconds }),
        live('10.0.0.5', { fan_speeds: [5_000, 0, null, 5_000] }),
        live('10.0.0.6', { boards: [board(100), board(0, 0), board(100)], boards_healthy: 2 }),
        live('10.0.0.7', { boards: [board(100), board(90), board(100)], boards_healthy: 2 }),
        live('10.0.0.8', { pool_url: 'stratum+tcp://elsewhere.example:3333' }),
        live('10.0.0.9', { accepted_shares: 77 }),
        live('10.0.0.10', {
          state: 'no_boards',
          boards: [],
          boards_total: 0,
          boards_healthy: 0,
          hashrate_ghs: 0,
        }),
        offlineRow('10.0.0.11', time),
        // Told to sleep: no hashrate, no shares, no fan is as it should be.
        live('10.0.0.12', { state: 'sleeping', hashrate_ghs: 0, accepted_shares: 1, fan_speeds: [0, 5_000] }),
        // Immersed: no fan turns at all.
        live('10.0.0.13', { fan_speeds: [0, 0, 0, 0] }),
      ];
    };
    await run(1_500, rows);
    expect(await bench.open()).toEqual([
      'board_lost 10.0.0.10',
      'board_lost 10.0.0.6',
      'chips_lost 10.0.0.7',
      'fan_failure 10.0.0.5',
      'hardware_errors 10.0.0.4',
      'hashrate_low 10.0.0.3',
      'offline 10.0.0.11',
      'pool_dead 10.0.0.9',
      'pool_wrong 10.0.0.8',
      'temperature 10.0.0.2',
    ]);
    expect(await bench.storage.query('select rule_id from alerts where resolved_at is not null')).toEqual([]);
  });

  test('never take late readings for offline miners: only the collector is silent', async () => {
    const keys = Array.from({ length: 12 }, (_, index) => `10.0.0.${index + 1}`);
    let shares = 0;
    await run(60, (time) => {
      shares += 5;
      return keys.map((key) => good(key, time, { accepted_shares: shares }));
    });
    for (let passed = 0; passed < 3_600; passed += 15) await bench.tick(15);
    expect(await bench.open()).toEqual(['collector_silent north']);
    // It is back, and says that one of them cannot be reached.
    await run(300, (time) => [
      offlineRow('10.0.0.1', time),
      ...keys.slice(1).map((key) => good(key, time, { accepted_shares: (shares += 1) })),
    ]);
    expect(await bench.open()).toEqual(['offline 10.0.0.1']);
  });

  test('keep an alert open while nothing fresh is known, and end it when the miner is gone', async () => {
    await bench.only('offline');
    await run(240, (time) => [offlineRow('10.0.0.1', time), good('10.0.0.2', time)]);
    expect(await bench.open()).toEqual(['offline 10.0.0.1']);
    for (let passed = 0; passed < 600; passed += 15) await bench.tick(15);
    expect(await bench.open()).toEqual(['offline 10.0.0.1']);
    bench.nowMs += 25 * 3_600_000;
    await run(30, (time) => [good('10.0.0.2', time)]);
    expect(await bench.open()).toEqual([]);
    const [alert] = await bench.store.alerts.list({
      siteIds: null,
      state: 'resolved',
      incidentId: null,
      limit: 5,
    });
    expect(alert?.resolved_because).toBe('gone');
  });

  test('go by scope, and end when the rule changes or goes', async () => {
    await bench.only();
    const input = {
      site_id: null,
      kind: 'temperature' as const,
      severity: 'critical' as const,
      threshold: 60,
      clear_threshold: 55,
      duration_s: 0,
      cooldown_s: 0,
      model: 's19',
      subnet: '10.0.1.0/24',
      miner: null,
      pools: [],
      enabled: true,
    };
    const made = await bench.store.alertRules.create(input);
    const rows = (time: string): IngestRow[] => [
      good('10.0.1.1', time),
      good('10.0.2.1', time),
      good('10.0.1.2', time, { model: 'Whatsminer M50' }),
    ];
    await run(30, rows);
    expect(await bench.open()).toEqual(['temperature 10.0.1.1']);
    const changed = await bench.store.alertRules.update(made.rule_id, made.version, {
      ...input,
      subnet: null,
    });
    await run(30, rows);
    expect(await bench.open()).toEqual(['temperature 10.0.1.1', 'temperature 10.0.2.1']);
    await expect(bench.store.alertRules.update(made.rule_id, made.version, input)).rejects.toMatchObject({
      code: 'CONFLICT',
    });
    await bench.store.alertRules.update(made.rule_id, changed?.version ?? 0, { ...input, miner: '10.0.1.1' });
    await run(15, rows);
    expect(await bench.open()).toEqual(['temperature 10.0.1.1']);
    await bench.store.alertRules.delete(made.rule_id);
    await run(15, rows);
    expect(await bench.open()).toEqual([]);
  });

  test('tell a site whose miners are offline at once, and a revoked key in use', async () => {
    const keys = Array.from({ length: 20 }, (_, index) => `10.0.${index}.1`);
    await bench.only('mass_offline', 'key_refused');
    const rows = (down: number) => (time: string) =>
      keys.map((key, index) => (index < down ? offlineRow(key, time) : good(key, time)));
    await run(120, rows(4));
    expect(await bench.open()).toEqual([]);
    await run(120, rows(5));
    expect(await bench.open()).toEqual(['mass_offline north']);
    await run(30, rows(1));
    expect(await bench.open()).toEqual([]);
    const made = await bench.storage.keys.create(bench.storage.key.siteId);
    await bench.storage.keys.revoke(made.keyId);
    await run(15, rows(0));
    expect(await bench.open()).toEqual([]);
    expect(await bench.storage.keys.find(hashKey(made.key))).toBeNull();
    await run(15, rows(0));
    expect(await bench.open()).toEqual(['key_refused north']);
    bench.nowMs += 900_000;
    await run(30, rows(0));
    expect(await bench.open()).toEqual([]);
  });

  test('are evaluated by one instance at a time, and survive its death at any point', async () => {
    await bench.only('offline');
    await run(60, (time) => [offlineRow('10.0.0.1', time), good('10.0.0.2', time)]);
    const outcomes = await Promise.all([bench.tick(15), bench.tick(0), bench.tick(0), bench.tick(0)]);
    expect(outcomes.filter((outcome) => outcome !== null)).toHaveLength(1);
    // One that claimed and died wrote nothing; another takes over with what is kept in the database.
    expect(await bench.store.alertEngine.claim(new Date((bench.nowMs += 15_000)), 15_000)).not.toBeNull();
    await run(150, (time) => [offlineRow('10.0.0.1', time), good('10.0.0.2', time)]);
    expect(await bench.open()).toEqual(['offline 10.0.0.1']);
    // What an older evaluation decided is refused.
    const empty = { unpend: [], pend: [], open: [], incidents: [], ended: [], cancel: [], tell: [] };
    const [row] = await bench.storage.query<{ alert_id: number }>('select alert_id from alerts');
    const change = [{ alert_id: row?.alert_id ?? 0, resolved_because: 'clear' }];
    expect(await bench.store.alertEngine.apply('1', new Date(), { ...empty, change })).toBe(false);
    expect(await bench.open()).toEqual(['offline 10.0.0.1']);
  });

  test('are one incident of a rack where a map says where miners stand', async () => {
    await bench.only('offline');
    await bench.storage.query('update alert_rules set duration_s = 0');
    const { siteId } = bench.storage.key;
    const key = (last: number): string => `10.0.0.${last}`;
    const mac = (last: number): string => `02:00:00:00:00:0${last}`;
    const place = (miner: string, rack: string, column: number) => ({ miner, rack, row: 1, column });
    await bench.store.heatmap.replaceRacks(siteId, [
      ...[1, 2, 3, 4].map((last) => place(key(last), 'A1', last)),
      place(mac(5), 'A1', 5),
      // By name it stands in A1, whatever is said of its MAC.
      place(key(6), 'A1', 6),
      place(mac(6), 'B1', 1),
      ...[7, 8].map((last) => place(key(last), 'B1', last)),
    ]);
    const rows = (down: readonly number[]) => (time: string) =>
      [1, 2, 3, 4, 5, 6, 7, 8].map((last) =>
        down.includes(last) ? offlineRow(key(last), time) : good(key(last), time, { mac: mac(last) }),
      );
    const incidents = async () =>
      (await bench.store.alerts.incidents([siteId], 10)).map(({ scope, place: where, open_alerts }) => [
        scope,
        where,
        open_alerts,
      ]);
    await run(15, rows([]));
    await run(15, rows([1, 2, 3, 4, 5, 7]));
    expect(await incidents()).toEqual([['rack', 'A1', 5]]);
    // One that fails later joins it; one of another rack does not.
    await run(15, rows([1, 2, 3, 4, 5, 6, 7, 8]));
    expect(await incidents()).toEqual([['rack', 'A1', 6]]);
    const racks = 'select rack, count(*)::int as n from alerts group by 1 order by 1';
    expect(await bench.storage.query(racks)).toEqual([
      { rack: 'A1', n: 6 },
      { rack: 'B1', n: 2 },
    ]);
    await run(15, rows([]));
    expect(await incidents()).toEqual([['rack', 'A1', 0]]);
  });

  test('are released from a maintenance window into the incident of their rack', async () => {
    await bench.only('offline');
    await bench.storage.query('update alert_rules set duration_s = 0');
    const { siteId } = bench.storage.key;
    const keys = [1, 2, 3, 4, 5].map((last) => `10.0.${last}.1`);
    const places = keys.map((miner, column) => ({ miner, rack: 'A1', row: 1, column }));
    await bench.store.heatmap.replaceRacks(siteId, places);
    const window = { site_id: siteId, model: null, subnet: null, miner: null, reason: 'wiring' };
    await bench.store.alerts.addWindow({ ...window, starts_at: bench.at(60), ends_at: bench.at(-20) });
    const rows = (time: string): IngestRow[] => keys.map((key) => offlineRow(key, time));
    await run(15, rows);
    expect(await bench.store.alerts.incidents([siteId], 10)).toEqual([]);
    await run(15, rows);
    expect(await bench.store.alerts.incidents([siteId], 10)).toMatchObject([{ scope: 'rack', place: 'A1' }]);
  });

  test('bound what one evaluation changes; the rest follows', async () => {
    await bench.only('offline');
    await bench.storage.query('update alert_rules set duration_s = 0');
    const keys = Array.from({ length: 25 }, (_, index) => `10.0.0.${index + 1}`);
    for (const opened of [10, 10, 5, 0]) {
      await bench.upload(keys.map((key) => offlineRow(key, bench.at())));
      expect(await bench.tick(15, { maxChanges: 10 })).toMatchObject({ opened });
    }
    expect(await bench.open()).toHaveLength(25);
  });
});
