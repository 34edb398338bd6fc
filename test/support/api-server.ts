import { createHash } from 'node:crypto';
import type { ApiDeps, HistoryReader } from '../../src/api/deps.js';
import type { TimeRange } from '../../src/domain/history.js';
import { CommandWaits } from '../../src/api/command-waits.js';
import { commandKinds } from '../../src/domain/commands.js';
import { createApp } from '../../src/api/app.js';
import { IngestPool } from '../../src/api/ingest-pool.js';
import { createLifecycle } from '../../src/api/lifecycle.js';
import { defaultApiOptions, type ApiOptions } from '../../src/api/options.js';
import { startServer, type RunningServer, type ServerTimeouts } from '../../src/api/server.js';
import type { IngestBatch, IngestRow, SiteSummary } from '../../src/domain/ingest.js';
import { decodeUtf8 } from '../../src/domain/row-texts.js';
import { createLogger } from '../../src/telemetry/logger.js';
import { createMetrics, type Metrics } from '../../src/telemetry/metrics.js';

/** A well-formed key; `testKey('b')` is another one. */
export const testKey = (letter = 'a'): string => `hsc_${letter.repeat(43)}`;

/** A summary of an empty site. */
export const emptySummary: SiteSummary = {
  site_id: 1,
  site_name: 'north',
  total_miners: 0,
  online_miners: 0,
  offline_miners: 0,
  stale_miners: 0,
  degraded_miners: 0,
  by_state: {},
  by_health: {},
  total_hashrate_ths: 0,
  nominal_hashrate_ths: 0,
  total_power_w: 0,
  efficiency: null,
  avg_temperature: null,
  max_temperature: null,
  online_rate: 0,
  last_upload: null,
  lag_seconds: null,
};

const emptyStats = {
  total_sites: 1,
  active_collectors: 0,
  total_miners: 0,
  total_online: 0,
  active_alerts: 0,
  sites: {},
};

const nothing = { samples: 0, coverage_percent: null, reachable_percent: null, hashing_percent: null };
const span = ({ fromMs, toMs }: TimeRange) => ({
  from: new Date(fromMs).toISOString(),
  to: new Date(toMs).toISOString(),
});

/** A site 1 with a miner `a` that nothing is known of. */
const noHistory: HistoryReader = {
  minerId: async (siteId, key) => (siteId === 1 && key === 'a' ? 7 : null),
  hasSite: async (siteId) => siteId === 1,
  minerPoints: async () => [],
  sitePoints: async () => [],
  events: async () => ({ events: [], next: null }),
  siteAvailability: async (_siteId, range) => ({ ...span(range), ...nothing }),
  minerAvailability: async (_minerId, range) => ({ ...span(range), ...nothing }),
};

export interface TestApi {
  readonly url: string;
  readonly server: RunningServer;
  readonly metrics: Metrics;
  /** What was written, in order. */
  readonly batches: IngestBatch[];
  /** How often each dependency was called. */
  readonly calls: Record<string, number>;
  rows(): IngestRow[];
  /** The value of a metric's series as the scrape shows it; 0 when it is not there. */
  metric(series: string): Promise<number>;
  stop(): Promise<void>;
}

export interface TestApiOptions {
  readonly deps?: Partial<ApiDeps>;
  readonly options?: Partial<ApiOptions>;
  readonly timeouts?: Partial<ServerTimeouts>;
  readonly pool?: ConstructorParameters<typeof IngestPool>[1];
}

/** A listening api over functions in memory; `deps` puts others, such as a real storage's, in their place. */
export async function startTestApi(setup: TestApiOptions = {}): Promise<TestApi> {
  const log = createLogger('silent');
  const metrics = createMetrics({ withProcess: false });
  const pool = new IngestPool(log, setup.pool);
  const lifecycle = createLifecycle();
  const batches: IngestBatch[] = [];
  const calls: Record<string, number> = {};
  const known = new Map([testKey('a'), testKey('b')].map((key, index) => [sha256(key), index + 1]));
  const deps: ApiDeps = {
    findKey: async (hash) => {
      const id = known.get(hash.toString('hex'));
      return id === undefined ? null : { keyId: id, siteId: id, prefix: 'hsc_' };
    },
    touchKey: async () => undefined,
    writeBatch: async (batch) => {
      const isDuplicateBatch = batches.some(
        (past) => past.batchId === batch.batchId && past.siteId === batch.siteId,
      );
      batches.push(batch);
      const stored = isDuplicateBatch ? 0 : batch.rowCount;
      const duplicate = batch.rowCount - stored;
      return { stored, duplicate, updated: stored, created: stored, isDuplicateBatch, unstorable: [] };
    },
    summary: async (siteId) => (siteId === 1 ? emptySummary : null),
    liveCount: async (siteId) => (siteId === 1 ? 0 : null),
    livePage: async () => ({ miners: [], next: null }),
    liveIds: async () => new Int32Array(),
    liveByIds: async () => [],
    liveChanges: async () => ({ changes: [], marks: [], atMs: Date.now() }),
    minerDetail: async () => null,
    top: async (siteId) => (siteId === 1 ? { hottest: [], worst: [], most_rejects: [] } : null),
    sites: async () => [{ site_id: 1, site_name: 'north' }],
    quirks: async () => [],
    stats: async () => emptyStats,
    history: noHistory,
    fleet: { totals: async () => ({}), page: async () => ({ miners: [], next: null }) },
    alerts: noAlerts,
    commands: noCommands,
    plans: noPlans,
    cluster: noCluster,
    people: noPeople,
    oidc: null,
    things: noThings,
    heatmap: { groups: async () => [], cells: async () => [] },
    ping: async () => undefined,
    parseUpload: pool.run,
    shared: null,
    ...setup.deps,
    lifecycle,
    metrics,
    log,
    version: '0.0.0-test',
    webDir: setup.deps?.webDir ?? null,
    options: { ...defaultApiOptions, localAccess: 'admin', ...setup.options },
    now: setup.deps?.now ?? Date.now,
  };
  const app = createApp(counted(deps, calls));
  const server = await startServer({
    app,
    host: '127.0.0.1',
    port: 0,
    lifecycle,
    timeouts: setup.timeouts ?? {},
  });
  return {
    url: server.url,
    server,
    metrics,
    batches,
    calls,
    rows: () => batches.flatMap((batch) => JSON.parse(decodeUtf8(batch.rows)) as IngestRow[]),
    metric: async (series) => readSeries(await metrics.text(), series),
    stop: async () => {
      await server.stop({ deadlineMs: 500 });
      await pool.close();
    },
  };
}

/** The same dependencies, counting the calls of each function. */
function counted(deps: ApiDeps, calls: Record<string, number>): ApiDeps {
  const watched = ['findKey', 'writeBatch', 'summary', 'livePage', 'parseUpload', 'touchKey'] as const;
  const entries = watched.map((name) => {
    const original = deps[name].bind(deps) as (...values: unknown[]) => unknown;
    calls[name] = 0;
    const wrapped = (...values: unknown[]): unknown => {
      calls[name] = (calls[name] ?? 0) + 1;
      return original(...values);
    };
    return [name, wrapped];
  });
  return { ...deps, ...(Object.fromEntries(entries) as Partial<ApiDeps>) };
}

function readSeries(text: string, series: string): number {
  const line = text.split('\n').find((candidate) => candidate.startsWith(`${series} `));
  return line === undefined ? 0 : Number(line.slice(series.length + 1));
}

function sha256(text: string): string {
  return createHash('sha256').update(text).digest('hex');
}

const none = async (): Promise<never[]> => [];
const unknown = async (): Promise<null> => null;
const refuse = async (): Promise<never> => {
  throw new Error('needs a real storage');
};
/** No alert, rule or notifier; nothing can be made. */
const noAlerts: ApiDeps['alerts'] = {
  alerts: {
    list: none,
    acknowledge: unknown,
    find: unknown,
    incidents: none,
    windows: none,
    findWindow: unknown,
    addWindow: refuse,
    deleteWindow: async () => false,
  },
  rules: { list: none, find: unknown, create: refuse, update: unknown, delete: async () => false },
  notifiers: {
    list: none,
    find: unknown,
    create: refuse,
    update: unknown,
    delete: async () => false,
    outbox: none,
    findNotice: unknown,
    revive: async () => false,
  },
  maxNotifiers: 1,
  tell: refuse,
};

/** No plan; none can be made. */
const noPlans: ApiDeps['plans'] = {
  store: { find: unknown, others: none, put: refuse },
  waits: new CommandWaits({ maxWaiting: 10, maxOfKey: 10, tickMs: 1_000, ready: none }),
  options: { allowLoopback: false, intervalS: 30 },
};

/** No command; none can be made. */
const noCommands: ApiDeps['commands'] = {
  queue: {
    create: refuse,
    claim: async () => ({ commands: [], expired: [] }),
    release: async () => undefined,
    settle: unknown,
    cancel: unknown,
    list: none,
    find: unknown,
    stats: async () => ({ stats: {}, active_pending: 0, total: 0 }),
  },
  batches: {
    isSite: async () => true,
    resolve: async () => ({ ids: new Int32Array(), unknown: [] }),
    inspect: none,
    create: unknown,
    list: none,
    find: unknown,
    cancel: unknown,
    approve: async () => false,
  },
  filter: async () => new Int32Array(),
  refuse: () => null,
  waits: new CommandWaits({ maxWaiting: 10, maxOfKey: 10, tickMs: 1_000, ready: none }),
  options: {
    isEnabled: true,
    allow: new Set(commandKinds),
    maxClaim: 50,
    leaseS: 120,
    noWaitLeaseS: 900,
    dailyCap: 1_000,
    maxTtlS: 604_800,
    maxBatch: 1_000,
    approvalAbove: 0,
    holdS: 86_400,
    confirmS: {
      enable: 900,
      disable: 900,
      restart: 600,
      reboot: 900,
      set_pool: 600,
      set_fan: 300,
      set_frequency: 900,
    },
  },
};

/** Nobody polls, and heartbeats are forgotten. */
const noCluster: ApiDeps['cluster'] = {
  store: { store: async () => undefined, members: none, zones: none, shares: none, shards: none },
  lostAfter: 3,
  windowS: 300,
};

/** Nobody may sign in; whoever is on this machine is the `local` one. */
const noPeople: ApiDeps['people'] = {
  users: {
    list: none,
    find: unknown,
    findByName: unknown,
    create: refuse,
    update: unknown,
    setPassword: async () => false,
  },
  subjects: { signIn: refuse },
  sessions: { begin: refuse, find: unknown, touch: refuse, end: async () => false },
  tokens: {
    create: refuse,
    find: unknown,
    touch: refuse,
    list: none,
    findById: unknown,
    revoke: async () => false,
  },
  keys: { list: none, create: refuse, revoke: async () => false },
  audit: { append: async () => undefined, page: none },
  passwords: { hash: refuse, verify: async () => false },
};
const noThings: ApiDeps['things'] = {
  alert: unknown,
  command_batch: unknown,
  command: unknown,
  alert_rule: unknown,
  maintenance_window: unknown,
  notifier: unknown,
  notification: unknown,
  collector_key: unknown,
  user: unknown,
  api_token: unknown,
};
