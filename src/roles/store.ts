import type { Config } from '../config/schema.js';
import { AlertEngineRepo } from '../storage/alert-engine.repo.js';
import { AlertRulesRepo } from '../storage/alert-rules.repo.js';
import { AuditRepo } from '../storage/audit.repo.js';
import { AlertsRepo } from '../storage/alerts.repo.js';
import { ClusterRepo } from '../storage/cluster.repo.js';
import { CommandBatchesRepo } from '../storage/command-batches.repo.js';
import { CommandSweepsRepo } from '../storage/command-sweeps.repo.js';
import { CommandsRepo } from '../storage/commands.repo.js';
import { openDatabase, type Database } from '../storage/database.js';
import { FleetRepo } from '../storage/fleet.repo.js';
import { HeatmapRepo } from '../storage/heatmap.repo.js';
import { HistoryRepo } from '../storage/history.repo.js';
import { KeysRepo } from '../storage/keys.repo.js';
import { LiveRepo } from '../storage/live.repo.js';
import { NotifiersRepo } from '../storage/notifiers.repo.js';
import { PlansRepo } from '../storage/plans.repo.js';
import { QuirksRepo } from '../storage/quirks.repo.js';
import { SiteRepo } from '../storage/site.repo.js';
import { SessionsRepo } from '../storage/sessions.repo.js';
import { StatusRepo } from '../storage/status.repo.js';
import { SubjectsRepo } from '../storage/subjects.repo.js';
import { TokensRepo } from '../storage/tokens.repo.js';
import { UsersRepo } from '../storage/users.repo.js';
import { TelemetryStore } from '../storage/telemetry-store.js';
import type { Logger } from '../telemetry/logger.js';
import type { Metrics } from '../telemetry/metrics.js';
import { traceCall } from '../telemetry/tracing.js';

/** Everything kept in PostgreSQL, behind one guarded pool. */
export interface Store {
  readonly database: Database;
  /** Of the database, for a connection that listens; null: nobody does. */
  readonly url: string | null;
  readonly telemetry: TelemetryStore;
  readonly keys: KeysRepo;
  readonly live: LiveRepo;
  readonly sites: SiteRepo;
  readonly quirks: QuirksRepo;
  readonly fleet: FleetRepo;
  readonly history: HistoryRepo;
  readonly heatmap: HeatmapRepo;
  readonly alertEngine: AlertEngineRepo;
  readonly alerts: AlertsRepo;
  readonly alertRules: AlertRulesRepo;
  readonly notifiers: NotifiersRepo;
  readonly commands: CommandsRepo;
  readonly commandBatches: CommandBatchesRepo;
  readonly commandSweeps: CommandSweepsRepo;
  readonly plans: PlansRepo;
  readonly cluster: ClusterRepo;
  readonly users: UsersRepo;
  readonly subjects: SubjectsRepo;
  readonly sessions: SessionsRepo;
  readonly tokens: TokensRepo;
  readonly audit: AuditRepo;
  readonly status: StatusRepo;
}

const traceDatabaseCall = <T>(name: string, call: () => Promise<T>): Promise<T> =>
  traceCall(name, { 'db.system.name': 'postgresql', 'db.operation.name': name }, call);

/** Connects with the first call. */
export function openStore(url: string, config: Config, options: { log: Logger; metrics?: Metrics }): Store {
  const database = openDatabase({
    url,
    poolSize: config.database.pool_size,
    deadlineMs: config.database.deadline_ms,
    connectTimeoutMs: config.database.connect_timeout_ms,
    maxWaiting: config.database.max_waiting,
    traced: traceDatabaseCall,
    ...options,
  });
  return storeOn(database, { url, evaluationDeadlineMs: config.alerts.evaluation_timeout_ms });
}

/** The repositories over a database. */
export function storeOn(
  database: Database,
  options: { url?: string; evaluationDeadlineMs?: number } = {},
): Store {
  return {
    database,
    url: options.url ?? null,
    telemetry: new TelemetryStore(database),
    keys: new KeysRepo(database),
    live: new LiveRepo(database),
    sites: new SiteRepo(database),
    quirks: new QuirksRepo(database),
    fleet: new FleetRepo(database),
    history: new HistoryRepo(database),
    heatmap: new HeatmapRepo(database),
    alertEngine: new AlertEngineRepo(database, { deadlineMs: options.evaluationDeadlineMs ?? 10_000 }),
    alerts: new AlertsRepo(database),
    alertRules: new AlertRulesRepo(database),
    notifiers: new NotifiersRepo(database),
    commands: new CommandsRepo(database),
    commandBatches: new CommandBatchesRepo(database),
    commandSweeps: new CommandSweepsRepo(database),
    plans: new PlansRepo(database),
    cluster: new ClusterRepo(database),
    users: new UsersRepo(database),
    subjects: new SubjectsRepo(database),
    sessions: new SessionsRepo(database),
    tokens: new TokensRepo(database),
    audit: new AuditRepo(database),
    status: new StatusRepo(database),
  };
}

/** The shortest interval of all sites, s: it decides the length of a partition. */
export function shortestIntervalS(config: Config): number {
  return Math.min(
    config.poll.interval_s,
    ...config.sites.map((site) => site.interval_s ?? config.poll.interval_s),
  );
}

/** The interval of the slowest site, s. */
export function slowestIntervalS(config: Config): number {
  const slowest = Math.max(...config.sites.map((site) => site.interval_s ?? config.poll.interval_s), 0);
  return slowest || config.poll.interval_s;
}

/** How long a sample is believed that says its miner did not answer: dead miners are asked rarely, s. */
export function offlineAfterS(config: Config): number {
  return slowestIntervalS(config) * config.alerts.offline_intervals;
}

/** An online miner silent for longer than this is stale, s: some intervals of the slowest site. */
export function staleAfterS(config: Config): number {
  return slowestIntervalS(config) * config.api.stale_intervals;
}
