import { parseArgs } from 'node:util';
import { configSchema } from '../../src/config/schema.js';
import { startApi } from '../../src/roles/api.js';
import { createFailure } from '../../src/roles/failure.js';
import { openStore, type Store } from '../../src/roles/store.js';
import { createLogger } from '../../src/telemetry/logger.js';
import { createMetrics } from '../../src/telemetry/metrics.js';
import { openTarget, targetFlags, targetOf } from './ingest/target.js';
import { describeMachine, finish, progress, type Figure, type Report } from './report.js';

/** One api instance on the database, asked over HTTP. */
interface Instance {
  readonly store: Store;
  ask(method: string, path: string, body?: object, key?: string): Promise<Record<string, unknown>>;
  stop(): Promise<void>;
}

interface Item {
  readonly command_id: number;
  readonly miner_id: string;
  readonly priority: number;
}

async function startInstance(url: string): Promise<Instance> {
  const config = configSchema.parse({
    api: { port: 0, local_access: 'admin' },
    commands: { rate_limit_per_minute: 10_000_000 },
  });
  const log = createLogger('error');
  const metrics = createMetrics({ withProcess: false });
  const store = openStore(url, config, { log, metrics });
  const api = await startApi({ config, store, metrics, log, failure: createFailure() });
  return {
    store,
    ask: async (method, path, body, key) => {
      const response = await fetch(`${api.server.url}/api/collector/${path}`, {
        method,
        headers: {
          'content-type': 'application/json',
          ...(key === undefined ? {} : { 'x-collector-key': key }),
        },
        ...(body === undefined ? {} : { body: JSON.stringify(body) }),
      });
      const answer = (await response.json()) as Record<string, unknown>;
      if (!response.ok) throw new Error(`${method} ${path}: ${JSON.stringify(answer)}`);
      return answer;
    },
    stop: async () => {
      await api.stop();
      await store.database.close({ timeoutMs: 2_000 });
    },
  };
}

/** Live miners of one site. */
async function seed(store: Store, miners: number): Promise<number> {
  const siteId = await store.sites.ensureSite('bench');
  const run = (text: string): Promise<unknown> =>
    store.database.transaction('seed', [text], { deadlineMs: 300_000 });
  await run(`insert into miners (site_id, key, ip, model, first_seen)
    select ${siteId}, ip, ip, 'Antminer S19', now()
    from (select '10.' || n / 65536 || '.' || n / 256 % 256 || '.' || n % 256 as ip from generate_series(0, ${miners - 1}) n) a`);
  await run(`insert into miner_telemetry_live (miner_id, site_id, time, last_online_at, online, state, health, hashrate_ghs)
    select miner_id, site_id, now(), now(), true, 'mining', 'healthy', 110000 from miners`);
  return siteId;
}

/** ms that `work` took. */
async function time(work: () => Promise<unknown>): Promise<number> {
  const startedMs = performance.now();
  await work();
  return performance.now() - startedMs;
}

const p95 = (times: readonly number[]): number =>
  [...times].sort((a, b) => a - b)[Math.max(0, Math.ceil(times.length * 0.95) - 1)] ?? 0;

/** A batch for all, made over HTTP, and claimed to its end in the order of priorities. */
async function measureBatch(api: Instance, siteId: number, key: string, miners: number): Promise<Figure[]> {
  progress('commands: a batch');
  const order = { site_id: siteId, command_type: 'set_fan', parameters: { speed: 70 } };
  const createMs = await time(() => api.ask('POST', 'commands/batch', { ...order, filter: { all: true } }));
  // A few that matter more, given last.
  const urgent = { ...order, parameters: { speed: 90 }, miner_id: 'urgent', priority: 9 };
  for (let n = 0; n < 5; n++) await api.ask('POST', 'commands', { ...urgent, miner_id: `urgent-${n}` });
  const claims: number[] = [];
  const reports: number[] = [];
  let last: Item | null = null;
  let [claimed, disorder] = [0, 0];
  for (;;) {
    let items: readonly Item[] = [];
    claims.push(
      await time(async () => {
        items = (await api.ask('GET', 'commands/pending', undefined, key))['commands'] as Item[];
      }),
    );
    if (items.length === 0) break;
    for (const item of items) {
      const isBefore =
        last !== null &&
        (item.priority > last.priority ||
          (item.priority === last.priority && item.command_id < last.command_id));
      if (isBefore) disorder++;
      last = item;
      claimed++;
    }
    for (const { command_id } of items.slice(0, 2))
      reports.push(
        await time(() => api.ask('POST', `commands/${command_id}/result`, { status: 'rejected' }, key)),
      );
  }
  return [
    { name: `a batch of ${miners}, created`, value: createMs, unit: 'ms', target: { atMost: 2_000 } },
    { name: 'claim of 50, p95', value: p95(claims), unit: 'ms', note: `${claimed} claimed` },
    { name: 'claimed before what goes first', value: disorder, unit: '', target: { atMost: 0 } },
    { name: 'not claimed', value: miners + 5 - claimed, unit: '', target: { atMost: 0 } },
    { name: 'result, p95', value: p95(reports), unit: 'ms' },
  ];
}

/** From asking one instance for a command until a collector that waits at another has it. */
async function measureDelivery(
  apis: readonly [Instance, Instance],
  siteId: number,
  key: string,
  rounds: number,
): Promise<Figure> {
  progress('commands: delivery');
  const times: number[] = [];
  for (let round = 0; round < rounds; round++) {
    const waiting = apis[1].ask('GET', 'commands/pending?wait=25', undefined, key);
    // So that it waits already.
    await new Promise((resolve) => setTimeout(resolve, 60));
    const startedMs = performance.now();
    const body = { site_id: siteId, miner_id: `m${round}`, command_type: 'reboot' };
    await apis[0].ask('POST', 'commands', body);
    if ((await waiting)['count'] !== 1) throw new Error('nothing was delivered');
    times.push(performance.now() - startedMs);
  }
  return {
    name: 'created at one api, delivered by another, p95',
    value: p95(times),
    unit: 'ms',
    target: { atMost: 1_000 },
  };
}

async function benchCommands(options: {
  miners: number;
  rounds: number;
  isEmbedded: boolean;
  serverUrl: string | null;
}): Promise<Report> {
  const target = await openTarget({ ...options, intervalS: 30 });
  const apis = await Promise.all([startInstance(target.url), startInstance(target.url)] as const);
  try {
    progress('commands: seeding');
    const { store } = apis[0];
    const siteId = await seed(store, options.miners);
    const { key } = await store.keys.create(siteId);
    const figures = [
      ...(await measureBatch(apis[0], siteId, key, options.miners)),
      await measureDelivery(apis, siteId, key, options.rounds),
    ];
    return {
      title: 'commands',
      machine: `${describeMachine()}; ${target.about}`,
      figures,
      remarks: [
        'Two api instances in one process, asked over HTTP; the miners are rows, and nobody is told anything.',
      ],
    };
  } finally {
    await Promise.all(apis.map((api) => api.stop()));
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
const report = await benchCommands({
  miners: Number(values.miners ?? (values.quick ? 500 : 10_000)),
  rounds: values.quick ? 10 : 100,
  ...targetOf(values),
});
finish(report, values.json);
