import type { Role } from '../domain/principal.js';
import type { SessionLimits } from '../storage/sessions.repo.js';
import type { LoginLimits } from './login-limit.js';
import { defaultHealthThresholds, type HealthThresholds } from '../domain/health.js';

/** Every bound of the http api. Settings under `api.*` and `health.*`. */
export interface ApiOptions {
  /** Body size as sent, bytes. */
  readonly maxWireBytes: number;
  /** Body size inflated, bytes. */
  readonly maxInflatedBytes: number;
  /** Records in one upload. */
  readonly maxRecords: number;
  /** Bytes of uploads held at once, as sent and inflated, over all requests; one request alone may pass it. */
  readonly maxInflightBytes: number;
  /** From the first look at a body to its last byte, ms. */
  readonly bodyTimeoutMs: number;
  /** How long a connection may go on sending a body that was answered already, ms. */
  readonly discardMs: number;
  /** Uploads, and other requests of collectors, per key and minute. */
  readonly requestsPerMinute: number;
  /** Polls for commands and results, per key and minute. */
  readonly commandRequestsPerMinute: number;
  /** Unknown keys one address may try per minute. */
  readonly badKeysPerMinute: number;
  /** How long a known key is believed, ms. */
  readonly keyTtlMs: number;
  /** How long an unknown key is remembered, ms. */
  readonly badKeyTtlMs: number;
  /** Keys remembered, known and unknown. */
  readonly maxCachedKeys: number;
  /** Last line of defence behind the storage's own deadlines, ms. */
  readonly databaseDeadlineMs: number;
  /** A read that takes longer is 503, ms: all its calls of the database together. */
  readonly readDeadlineMs: number;
  /** For `/readyz`, ms. */
  readonly pingDeadlineMs: number;
  /** Samples older than this are refused, ms. */
  readonly maxSampleAgeMs: number;
  /** Samples further in the future are refused, ms. */
  readonly maxSampleAheadMs: number;
  /** Event streams open at once. */
  readonly maxStreams: number;
  /** Unsent bytes after which a slow event stream is dropped. */
  readonly maxStreamBufferBytes: number;
  readonly streamIntervalMs: number;
  readonly streamHeartbeatMs: number;
  /** How long ago a client may have left to be told what it missed, ms. */
  readonly streamResumeMs: number;
  /** Miners listed in one event of changes. */
  readonly maxStreamChanges: number;
  /** How long an answer is as good as a new one, ms; and how long it is given while the database is away, ms. */
  readonly summaryTtlMs: number;
  readonly summaryKeepMs: number;
  readonly liveTtlMs: number;
  readonly liveKeepMs: number;
  /** Samples are kept so long, days. */
  readonly historyDays: number;
  /** Points in one answer; past it a coarser resolution is taken. */
  readonly maxHistoryPoints: number;
  /** CSV streams at once. */
  readonly maxCsvExports: number;
  /** Answers of reads remembered, in pages of 50 miners. */
  readonly maxCachedReads: number;
  /** Reads are answered to anyone. */
  readonly hasOpenReads: boolean;
  /** What a program on this machine may do without saying who it is. */
  readonly localAccess: Role | 'none';
  /** Whose word for the address of a client is taken, as express has it; false: nobody's. */
  readonly trustProxy: boolean | number | string;
  /** One may sign in from other machines without TLS. */
  readonly isInsecureAllowed: boolean;
  readonly sessions: SessionLimits;
  readonly logins: LoginLimits;
  /** An API token lasts so long at most, days. */
  readonly tokenMaxDays: number;
  /** How long a session or token is believed, ms; and longer, while the database is away, ms. */
  readonly principalTtlMs: number;
  readonly principalAwayMs: number;
  /** How often who follows an event stream is looked up again, ms. */
  readonly principalCheckMs: number;
  readonly thresholds: HealthThresholds;
}

export const defaultApiOptions: ApiOptions = {
  maxWireBytes: 8 * 1024 ** 2,
  maxInflatedBytes: 64 * 1024 ** 2,
  maxRecords: 100_000,
  maxInflightBytes: 64 * 1024 ** 2,
  bodyTimeoutMs: 15_000,
  discardMs: 10_000,
  requestsPerMinute: 120,
  commandRequestsPerMinute: 12_000,
  badKeysPerMinute: 60,
  keyTtlMs: 30_000,
  badKeyTtlMs: 5_000,
  maxCachedKeys: 10_000,
  databaseDeadlineMs: 15_000,
  readDeadlineMs: 2_000,
  pingDeadlineMs: 2_000,
  maxSampleAgeMs: 72 * 3_600_000,
  maxSampleAheadMs: 5 * 60_000,
  maxStreams: 200,
  maxStreamBufferBytes: 256 * 1024,
  streamIntervalMs: 2_000,
  streamHeartbeatMs: 15_000,
  streamResumeMs: 5 * 60_000,
  maxStreamChanges: 200,
  summaryTtlMs: 2_000,
  summaryKeepMs: 30_000,
  liveTtlMs: 1_000,
  liveKeepMs: 60_000,
  historyDays: 30,
  maxHistoryPoints: 20_000,
  maxCsvExports: 4,
  maxCachedReads: 500,
  hasOpenReads: false,
  localAccess: 'none',
  trustProxy: false,
  isInsecureAllowed: false,
  sessions: { idleMs: 12 * 3_600_000, maxMs: 7 * 86_400_000, perUser: 10 },
  logins: { perAddress: 20, perName: 10, windowS: 300 },
  tokenMaxDays: 365,
  principalTtlMs: 5_000,
  principalAwayMs: 60_000,
  principalCheckMs: 15_000,
  thresholds: defaultHealthThresholds,
};
