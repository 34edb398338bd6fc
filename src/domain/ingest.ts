import type { ReplyQuirk } from './quirks.js';
import type { Health, MinerState } from './telemetry.js';

/**
 * One validated row on its way into the database. Property names are the column names of the
 * statement that stores it (`sql/queries/ingest_batch.sql`); arrays hold no holes.
 */
export interface IngestRow {
  /** External miner id, 1–128 characters. */
  readonly key: string;
  /** Sample time, ISO 8601 with `Z`. */
  readonly time: string;
  readonly offset_ms: number | null;
  readonly ip: string | null;
  /** With `key` an address, who the miner is: a MAC or serial seen before keeps its history. */
  readonly mac: string | null;
  readonly serial: string | null;
  readonly online: boolean;
  readonly state: MinerState;
  /** Derived here from the numbers. */
  readonly health: Health;
  /** What the collector said, kept as reported. */
  readonly reported_health: string | null;
  readonly hashrate_ghs: number | null;
  readonly hashrate_5s_ghs: number | null;
  readonly hashrate_expected_ghs: number | null;
  readonly temperature_avg: number | null;
  readonly temperature_min: number | null;
  readonly temperature_max: number | null;
  readonly temperature_chips: readonly number[] | null;
  readonly fan_speeds: readonly (number | null)[] | null;
  readonly frequency_avg: number | null;
  readonly accepted_shares: number | null;
  readonly rejected_shares: number | null;
  readonly hardware_errors: number | null;
  readonly uptime_seconds: number | null;
  readonly power_w: number | null;
  readonly efficiency: number | null;
  readonly pool_latency_ms: number | null;
  readonly latency_ms: number | null;
  readonly pool_url: string | null;
  readonly worker_name: string | null;
  readonly model: string | null;
  readonly firmware: string | null;
  readonly family: string | null;
  /** Boards as received, for the live row. */
  readonly boards: readonly Readonly<Record<string, unknown>>[] | null;
  readonly board_hashrate_ghs: readonly (number | null)[] | null;
  readonly board_temp_c: readonly (number | null)[] | null;
  readonly board_chips_ok: readonly (number | null)[] | null;
  readonly boards_total: number | null;
  readonly boards_healthy: number | null;
  /** Serials of the boards that told one, sorted. */
  readonly board_serials: readonly string[] | null;
  readonly error_class: string | null;
  readonly error_message: string | null;
  readonly details: Readonly<Record<string, unknown>> | null;
  readonly raw: Readonly<Record<string, string>> | null;
  /** Damaged replies behind this sample. */
  readonly quirks: readonly ReplyQuirk[] | null;
}

/** Why one record of a batch was not stored. Bounded: it is a metric label. */
export const rejectReasons = [
  'NOT_AN_OBJECT',
  'INVALID_MINER_ID',
  'INVALID_TIMESTAMP',
  'TIME_TOO_OLD',
  'TIME_IN_FUTURE',
  'INVALID_ONLINE',
  'DUPLICATE_IN_BATCH',
  'UNSTORABLE',
] as const;
export type RejectReason = (typeof rejectReasons)[number];

export interface RejectedRow {
  readonly index: number;
  readonly reason: RejectReason;
}

/** A batch ready to be written: rows sorted by key, then time, no (key, time) twice. */
export interface IngestBatch {
  readonly siteId: number;
  readonly keyId: number;
  /** From `X-Batch-Id`, else derived from the body's SHA-256 (so a resent body is recognised). UUID. */
  readonly batchId: string;
  readonly receivedAt: Date;
  /** JSON text in UTF-8: array of `IngestRow`. */
  readonly rows: Uint8Array;
  readonly rowCount: number;
  readonly onlineCount: number;
  readonly rejectedCount: number;
  /** Compressed size on the wire, bytes. */
  readonly wireBytes: number;
  /** Seconds between slots, as the collector tells in `X-Poll-Interval`; null when it does not. */
  readonly intervalS: number | null;
}

/** What the one statement did. `stored + duplicate = rowCount`. */
export interface WriteOutcome {
  readonly stored: number;
  readonly duplicate: number;
  /** Live rows inserted or moved forward. */
  readonly updated: number;
  /** Miners seen for the first time. */
  readonly created: number;
  /** The batch id was in the ledger already. */
  readonly isDuplicateBatch: boolean;
  /** Rows the database could not take, found by bisection. Indexes into the batch's rows. */
  readonly unstorable: readonly number[];
}

export interface CollectorKey {
  readonly keyId: number;
  readonly siteId: number;
  readonly prefix: string;
}

/** Site summary: counts, TH/s, °C, W. Stale = last sample older than three intervals while online. */
export interface SiteSummary {
  readonly site_id: number;
  readonly site_name: string;
  readonly total_miners: number;
  readonly online_miners: number;
  readonly offline_miners: number;
  readonly stale_miners: number;
  readonly degraded_miners: number;
  readonly by_state: Readonly<Record<string, number>>;
  readonly by_health: Readonly<Record<string, number>>;
  readonly total_hashrate_ths: number;
  readonly nominal_hashrate_ths: number;
  readonly total_power_w: number;
  /** J/TH over the miners that report power. */
  readonly efficiency: number | null;
  readonly avg_temperature: number | null;
  readonly max_temperature: number | null;
  /** Percent. */
  readonly online_rate: number;
  readonly last_upload: string | null;
  /** Age of the newest sample, s. */
  readonly lag_seconds: number | null;
}

/** Which miners of a site; null (or false) leaves a condition out. */
export interface LiveFilter {
  readonly onlineOnly: boolean;
  /** A state, or `stale`. */
  readonly state: string | null;
  readonly health: string | null;
  /** Whole, in any case; so is `firmware`. */
  readonly model: string | null;
  readonly firmware: string | null;
  /** Part of the URL, in any case. */
  readonly pool: string | null;
  /** `address/bits`. */
  readonly subnet: string | null;
  /** Part of any of the texts, in any case. */
  readonly search: string | null;
}

export interface LiveOrder {
  readonly sort: LiveSort;
  readonly descending: boolean;
}

/** One page of a filtered, sorted site: by number, or the one after `after`. */
export interface LiveQuery extends LiveFilter, LiveOrder {
  readonly page: number;
  readonly perPage: number;
  /** Sort values of the last miner of the page before. */
  readonly after: LivePosition | null;
}

/** Where a miner stands in an order: its values of the columns that are sorted by, as text. */
export type LivePosition = readonly (string | null)[];

export const liveSorts = [
  'miner_id',
  'hashrate',
  'temperature',
  'rejected',
  'last_seen',
  'ratio',
  'state',
] as const;
export type LiveSort = (typeof liveSorts)[number];

/** A row of the live list, in the contract's words. */
export interface LiveMiner {
  readonly miner_id: string;
  readonly ip_address: string | null;
  readonly online: boolean;
  readonly state: string;
  readonly health: string;
  readonly is_stale: boolean;
  readonly last_seen: string;
  readonly hashrate_ths: number | null;
  readonly hashrate_5s_ths: number | null;
  readonly hashrate_expected_ths: number | null;
  readonly temperature_avg: number | null;
  readonly temperature_max: number | null;
  readonly fan_speeds: readonly (number | null)[];
  readonly accepted_shares: number | null;
  readonly rejected_shares: number | null;
  readonly uptime_hours: number | null;
  readonly power_w: number | null;
  readonly pool_url: string | null;
  readonly worker_name: string | null;
  readonly model: string | null;
  readonly firmware: string | null;
  readonly boards_total: number | null;
  readonly boards_healthy: number | null;
  readonly error_class: string | null;
  readonly error_message: string | null;
  readonly latency_ms: number | null;
}

/** One miner in full: the live row, boards, details, raw replies (command → text, with their time). */
export interface MinerDetail extends LiveMiner {
  readonly site_id: number;
  readonly mac: string | null;
  readonly family: string | null;
  readonly reported_health: string | null;
  readonly hardware_errors: number | null;
  readonly frequency_avg: number | null;
  readonly efficiency: number | null;
  readonly pool_latency_ms: number | null;
  readonly temperature_min: number | null;
  readonly temperature_chips: readonly number[];
  readonly boards: readonly Readonly<Record<string, unknown>>[];
  readonly details: Readonly<Record<string, unknown>> | null;
  readonly raw: Readonly<Record<string, string>> | null;
  readonly raw_time: string | null;
}

export interface LivePage {
  readonly miners: readonly LiveMiner[];
  readonly pagination: {
    /** Null on a page that was asked for by cursor. */
    readonly page: number | null;
    readonly per_page: number;
    readonly total: number;
    readonly pages: number;
    /** For the page after this one; null on the last. */
    readonly next_cursor: string | null;
  };
}

export interface TopMiners {
  /** Highest temperature first. */
  readonly hottest: readonly LiveMiner[];
  /** Lowest share of the nominal hashrate first. */
  readonly worst: readonly LiveMiner[];
  /** Highest share of rejected shares first. */
  readonly most_rejects: readonly LiveMiner[];
}

/** One page. */
export interface LiveRows {
  readonly miners: readonly LiveMiner[];
  /** How many match, where looking for a page tells it; null for an unknown site. Absent: it is to be counted. */
  readonly total?: number | null;
  /** Where the page after this one begins; null on the last. */
  readonly next: LivePosition | null;
}

/** A miner whose state or health became another. */
export interface LiveChange {
  readonly miner_id: string;
  readonly ip_address: string | null;
  readonly online: boolean;
  readonly state: string;
  readonly health: string;
  readonly changed_at: string;
}

export interface LiveChanges {
  /** The newest first, at most as many as asked for. */
  readonly changes: readonly LiveChange[];
  /** Of all of them one each, the same for the same change of the same miner; the first are those of `changes`. */
  readonly marks: readonly string[];
  /** When this was so, on the database's clock, ms since the epoch. */
  readonly atMs: number;
}
