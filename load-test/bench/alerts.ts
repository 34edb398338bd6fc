import { parseArgs } from 'node:util';
import { evaluateAlerts } from '../../src/alerts/evaluate.js';
import { configSchema } from '../../src/config/schema.js';
import { evaluationDepsOf, evaluationOptionsOf } from '../../src/roles/alerts.js';
import { openStore, type Store } from '../../src/roles/store.js';
import { createLogger } from '../../src/telemetry/logger.js';
import { openTarget, targetFlags, targetOf } from './ingest/target.js';
import { describeMachine, finish, progress, type Figure, type Report } from './report.js';

/** Every live row read and rules held against it must leave most of the 15 s between evaluations free. */
const targetMs = 5_000;

/** Live rows as ingest writes them; every `faultEvery`-th is too hot. */
async function seed(store: Store, miners: number, faultEvery: number): Promise<void> {
  const siteId = await store.sites.ensureSite('bench');
  const run = (text: string): Promise<unknown> =>
    store.database.transaction('seed', [text], { deadlineMs: 300_000 });
  await run(`insert into miners (site_id, key, ip, model, first_seen)
    select ${siteId}, ip, ip, 'Antminer S19', now()
    from (select '10.' || n / 65536 || '.' || n / 256 % 256 || '.' || n % 256 as ip from generate_series(0, ${miners - 1}) n) a`);
  await run(`insert into miner_telemetry_live (miner_id, site_id, time, last_online_at, online, state, health, boards_total,
      boards_healthy, accepted_shares, hardware_errors, uptime_seconds, hashrate_ghs, hashrate_expected_ghs,
      temperature_max, fan_min, fan_max, pool_url, worker_name)
    select miner_id, site_id, now(), now(), true, 'mining', 'healthy', 3, 3, 1000, 5, 86400, 110000, 110000,
      case when miner_id % ${faultEvery} = 0 then 88 else 65 end, 5000, 5030,
      'stratum+tcp://pool.example:3333', 'farm.worker'
    from miners`);
  await run(`insert into miner_live_details (miner_id, fan_speeds, boards, details)
    select miner_id, '{5000,5010,5020,5030}', json_build_array(
        json_build_object('id', 0, 'hashrate', 36700, 'chips_ok', 114, 'chips_total', 114, 'chip_temps', array_fill(70, array[16])),
        json_build_object('id', 1, 'hashrate', 36700, 'chips_ok', 114, 'chips_total', 114, 'chip_temps', array_fill(70, array[16])),
        json_build_object('id', 2, 'hashrate', 36700, 'chips_ok', 114, 'chips_total', 114, 'chip_temps', array_fill(70, array[16]))),
      json_build_object('pools', array_fill('stratum+tcp://pool.example:3333'::text, array[3]))
    from miners`);
  await run('analyze miners; analyze miner_telemetry_live; analyze miner_live_details');
}

/** Seconds pass, samples of now arrive (`changes` to all of them), and rules are held against them. */
async function evaluate(store: Store, name: string, changes: string): Promise<Figure> {
  progress(`alerts: ${name}`);
  const config = configSchema.parse({ alerts: { evaluation_timeout_ms: 60_000 } });
  const run = (text: string): Promise<unknown> =>
    store.database.transaction('seed', [text], { deadlineMs: 300_000 });
  await run(`update miner_telemetry_live set time = now(), accepted_shares = accepted_shares + 1${changes}`);
  await run(`insert into collector_upload_logs
    select gen_random_uuid(), now(), now(), now(), 1, site_id, 1, 1, 1, 0, 0, 1, 1 from sites`);
  await run('update alert_clock set evaluated_at = null');
  const startedMs = performance.now();
  const outcome = await evaluateAlerts(evaluationDepsOf(store), evaluationOptionsOf(config), new Date());
  const elapsedMs = performance.now() - startedMs;
  const note = `${outcome?.opened ?? 0} opened, ${outcome?.pending ?? 0} pending, ${outcome?.resolved ?? 0} resolved`;
  return { name, value: elapsedMs, unit: 'ms', target: { atMost: targetMs }, note };
}

async function benchAlerts(options: {
  miners: number;
  isEmbedded: boolean;
  serverUrl: string | null;
}): Promise<Report> {
  const target = await openTarget({ ...options, intervalS: 30 });
  const config = configSchema.parse({ database: { deadline_ms: 60_000 } });
  const store = openStore(target.url, config, { log: createLogger('warn') });
  try {
    progress('alerts: seeding');
    await seed(store, options.miners, 100);
    const figures = [
      await evaluate(store, 'first evaluation, 1 % too hot', ''),
      await evaluate(store, 'the same again', ''),
    ];
    await store.database.transaction('seed', [
      'update alert_rules set duration_s = 0; delete from alert_pending',
    ]);
    figures.push(
      await evaluate(store, '1 % begin an alert', ''),
      await evaluate(store, '1 % have one', ''),
      await evaluate(store, 'all offline at once', `, online = false, state = 'unreachable'`),
      await evaluate(store, 'all offline, the next part', ''),
      await evaluate(store, 'all back at once', `, online = true, state = 'mining', temperature_max = 65`),
    );
    return {
      title: 'alerts',
      machine: `${describeMachine()}; ${target.about}`,
      figures,
      remarks: [
        `${options.miners} live rows of one site, the default rules; alerts.max_changes bounds what one evaluation changes.`,
      ],
    };
  } finally {
    await store.database.close({ timeoutMs: 5_000 });
    await target.close();
  }
}

const { values } = parseArgs({
  options: {
    quick: { type: 'boolean', default: false },
    ...targetFlags,
    miners: { type: 'string' },
  },
});
const report = await benchAlerts({
  miners: Number(values.miners ?? (values.quick ? 1_000 : 100_000)),
  ...targetOf(values),
});
finish(report, values.json);
