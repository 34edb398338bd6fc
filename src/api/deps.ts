import type { IngestResult, IngestTask } from '../domain/ingest-task.js';
import type {
  CollectorKey,
  IngestBatch,
  LivePage,
  LiveQuery,
  MinerDetail,
  SiteSummary,
  WriteOutcome,
} from '../domain/ingest.js';
import type { Logger } from '../telemetry/logger.js';
import type { Metrics } from '../telemetry/metrics.js';
import type { Lifecycle } from './lifecycle.js';
import type { ApiOptions } from './options.js';

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
  livePage(siteId: number, query: LiveQuery): Promise<LivePage | null>;
  minerDetail(siteId: number, key: string): Promise<MinerDetail | null>;
  /** `{ hottest, worst }`, lists of `LiveMiner`. */
  top(siteId: number): Promise<object | null>;
  /** `{ site_id, site_name, … }` each. */
  sites(): Promise<readonly object[]>;
  /** What is wrong with the replies of a site's miners, or of all sites' with null. */
  quirks(siteId: number | null): Promise<readonly object[]>;
  /** Totals over all sites. */
  stats(): Promise<object>;
  /** Rejects when the database does not answer. */
  ping(): Promise<unknown>;
  /** Inflates, parses and validates one upload off the main thread. */
  parseUpload(task: IngestTask): Promise<IngestResult>;
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
