import type {
  Availability,
  EventsQuery,
  HistoryMetricName,
  HistoryPoint,
  MinerEvent,
  Resolution,
  SitePoint,
  TimeRange,
} from '../domain/history.js';
import type { IngestResult, IngestTask } from '../domain/ingest-task.js';
import type {
  CollectorKey,
  IngestBatch,
  LiveChanges,
  LiveFilter,
  LiveMiner,
  LiveOrder,
  LiveQuery,
  LiveRows,
  MinerDetail,
  SiteSummary,
  TopMiners,
  WriteOutcome,
} from '../domain/ingest.js';
import type { Logger } from '../telemetry/logger.js';
import type { Metrics } from '../telemetry/metrics.js';
import type { AlertDeps } from './alerts.js';
import type { ClusterDeps } from './cluster.js';
import type { CommandDeps } from './commands.js';
import type { OidcDeps } from './oidc.js';
import type { PlanDeps } from './plans.js';
import type { PeopleDeps } from './people-deps.js';
import type { FindThing, ThingKind } from './site-guard.js';
import type { Lifecycle } from './lifecycle.js';
import type { ApiOptions } from './options.js';

/** What was. A range is a stretch of ms since the epoch, its end exclusive. */
export interface HistoryReader {
  /** The surrogate id of a miner by its name. */
  minerId(siteId: number, key: string): Promise<number | null>;
  hasSite(siteId: number): Promise<boolean>;
  /** The oldest first; null when there are more than `maxPoints`. */
  minerPoints(
    minerId: number,
    metric: HistoryMetricName,
    resolution: Resolution,
    range: TimeRange,
    maxPoints: number,
  ): Promise<readonly HistoryPoint[] | null>;
  sitePoints(siteId: number, resolution: Resolution, range: TimeRange): Promise<readonly SitePoint[]>;
  /** The newest first, and the position of the last when there are more. */
  events(
    siteId: number,
    minerId: number | null,
    query: EventsQuery,
  ): Promise<{ readonly events: readonly MinerEvent[]; readonly next: readonly (string | null)[] | null }>;
  siteAvailability(siteId: number, range: TimeRange): Promise<Availability>;
  /** Samples older than `samplesFromMs` may be gone. */
  minerAvailability(minerId: number, range: TimeRange, samplesFromMs: number): Promise<Availability>;
}

/** What the fleet was at a time. */
export interface FleetReader {
  totals(siteId: number, atMs: number): Promise<object>;
  page(
    siteId: number,
    atMs: number,
    perPage: number,
    after: string | null,
  ): Promise<{ readonly miners: readonly object[]; readonly next: string | null }>;
}

/** Live readings by place. */
export interface HeatmapReader {
  groups(siteId: number, by: 'subnet' | 'rack'): Promise<readonly object[]>;
  cells(siteId: number, by: 'subnet' | 'rack', group: string): Promise<readonly object[]>;
}

/** Texts and counters that instances share. Never rejects; null, at once or within its bound, when it is away. */
export interface SharedStore {
  read(key: string): Promise<string | null>;
  write(key: string, text: string, ttlMs: number): Promise<void>;
  /** Counts one more in a window that begins with its first. */
  count(key: string, windowMs: number): Promise<{ count: number; leftMs: number } | null>;
}

/**
 * All the http api needs of the outside, as functions. Storage functions reject with an `AppError`
 * (`DATABASE_UNAVAILABLE` past a deadline); a site or miner that does not exist is null.
 */
export interface ApiDeps {
  /** The active key with this SHA-256 (32 bytes); null when unknown or revoked. */
  findKey(sha256: Buffer): Promise<CollectorKey | null>;
  /** Notes that a key was used; called at most once a minute per key, its failure is ignored. */
  touchKey(keyId: number): Promise<unknown>;
  /** Commits a batch; resolves after the commit. */
  writeBatch(batch: IngestBatch): Promise<WriteOutcome>;
  summary(siteId: number): Promise<SiteSummary | null>;
  /** Miners that match. */
  liveCount(siteId: number, filter: LiveFilter): Promise<number | null>;
  livePage(siteId: number, query: LiveQuery): Promise<LiveRows>;
  /** Surrogate ids of all that match, in order; and miners by such ids, in theirs. */
  liveIds(siteId: number, query: LiveFilter & LiveOrder): Promise<Int32Array>;
  liveByIds(ids: Int32Array): Promise<readonly LiveMiner[]>;
  /** Miners whose state or health became another after an instant of the database's clock, `limit` listed. */
  liveChanges(siteId: number, sinceMs: number, limit: number): Promise<LiveChanges>;
  minerDetail(siteId: number, key: string): Promise<MinerDetail | null>;
  top(siteId: number): Promise<TopMiners | null>;
  /** Those of a list, or all with null. */
  sites(siteIds: readonly number[] | null): Promise<readonly object[]>;
  /** What is wrong with the replies of the miners of some sites, or of all with null. */
  quirks(siteIds: readonly number[] | null): Promise<readonly object[]>;
  /** Totals over some sites, or all with null. */
  stats(siteIds: readonly number[] | null): Promise<object>;
  readonly history: HistoryReader;
  readonly heatmap: HeatmapReader;
  readonly fleet: FleetReader;
  readonly alerts: AlertDeps;
  readonly commands: CommandDeps;
  readonly plans: PlanDeps;
  readonly cluster: ClusterDeps;
  readonly people: PeopleDeps;
  /** Where people may sign in elsewhere; null: nowhere. */
  readonly oidc: OidcDeps | null;
  /** What `:id` of a path names, and of which sites it is. */
  readonly things: Readonly<Record<ThingKind, FindThing>>;
  /** Rejects when the database does not answer. */
  ping(): Promise<unknown>;
  /** Inflates, parses and validates one upload off the main thread. */
  parseUpload(task: IngestTask): Promise<IngestResult>;
  /** What instances share; null: each has its own. */
  readonly shared: SharedStore | null;
  readonly lifecycle: Lifecycle;
  readonly metrics: Metrics;
  readonly log: Logger;
  readonly version: string;
  /** Folder of the built web page; null serves none. */
  readonly webDir: string | null;
  readonly options: ApiOptions;
  /** Wall clock, ms since the epoch. */
  readonly now: () => number;
}
