import { createReadStream } from 'node:fs';
import { createInterface } from 'node:readline';
import postgres from 'postgres';
import type { Truth } from '../../load-test/simulator/ground-truth.js';
import { scrape } from './processes.js';

/** A summary that a simulated miner served: one of these and one row belong together. */
export type SummaryReply = Truth & { readonly accepted: number };

/** A stored sample, with the times in ms. */
export interface StoredRow {
  readonly ip: string;
  readonly family: string | null;
  readonly state: string;
  readonly timeMs: number;
  readonly offsetMs: number | null;
  readonly accepted: number | null;
  readonly uptimeS: number | null;
  readonly hashrateGhs: number | null;
  readonly hashrate5sGhs: number | null;
}

export interface StoredSamples {
  readonly rows: readonly StoredRow[];
  /** `count(*) - count(distinct (miner_id, time))`, as the database counts. */
  readonly duplicates: number;
  /** From the slot to the commit of its batch, ms, one per batch, ascending. */
  readonly batchLagMs: readonly number[];
}

/** A process was alive until `fromMs` and gone at `toMs`. */
export interface Kill {
  readonly fromMs: number;
  readonly toMs: number;
}

export interface CompareOptions {
  /** When edges were killed: what they held then is no loss, nor a slot polled again. */
  readonly edgeKills?: readonly Kill[];
  /** How long before a kill a reply may have been served and not be on disk yet, ms. */
  readonly lossWindowMs?: number;
  readonly intervalMs: number;
  /** How long after its slot an answer may come at the latest, ms. */
  readonly maxOffsetMs: number;
}

/** What became of every reply served. */
export interface Comparison {
  readonly replies: number;
  readonly rows: number;
  readonly miners: number;
  /** Replies with exactly one row. */
  readonly matched: number;
  /** Replies without a row, and no kill explains it. */
  readonly missing: number;
  /** Replies without a row that an edge held when it was killed. */
  readonly lostByKill: number;
  /** How long before the kill the oldest of those was served, ms; null when there are none. */
  readonly oldestLostMs: number | null;
  /** Replies to a slot that was polled again after a kill: the other reply is the row. */
  readonly polledAgain: number;
  /** Replies to a slot in which the miner was asked again, as after a lost connection: the other is the row. */
  readonly askedAgain: number;
  readonly duplicates: number;
  /** Rows that show the same reply as another row. */
  readonly doubled: number;
  /** Rows of an online miner that show no reply served. */
  readonly invented: number;
  /** Rows whose values or slot differ from their reply. */
  readonly mismatched: number;
  /** Rows of miners that were not reached, although all were there. */
  readonly unreachable: number;
  /** A few of whatever is wrong. */
  readonly examples: readonly string[];
}

/** Reads the summaries of a ground truth; replies that print no counters are left out. */
export async function readTruth(file: string): Promise<SummaryReply[]> {
  const replies: SummaryReply[] = [];
  for await (const line of createInterface({ input: createReadStream(file) })) {
    // The last line may be cut when the simulator was killed.
    if (!line.endsWith('}')) continue;
    const truth = JSON.parse(line) as Truth;
    // A line about a write has no command.
    if (truth.command === 'summary' && truth.accepted !== null) replies.push(truth as SummaryReply);
  }
  return replies;
}

/** Reads every sample of the history. */
export async function readSamples(databaseUrl: string): Promise<StoredSamples> {
  const sql = postgres(databaseUrl, { max: 1, onnotice: () => undefined });
  try {
    const rows = await sql<StoredRow[]>`
      select m.ip, m.family, s.name as state, h.offset_ms as "offsetMs",
        (extract(epoch from h.time) * 1000)::float8 as "timeMs", h.accepted_shares::float8 as accepted,
        h.uptime_seconds as "uptimeS", h.hashrate_ghs::float8 as "hashrateGhs",
        h.hashrate_5s_ghs::float8 as "hashrate5sGhs"
      from miner_telemetry_history h
      join miners m using (miner_id)
      join miner_states s on s.code = h.state`;
    const [counts] = await sql<{ duplicates: number }[]>`
      select (count(*) - count(distinct (miner_id, time)))::int as duplicates from miner_telemetry_history`;
    const lags = await sql<{ ms: number }[]>`
      select (extract(epoch from received_at - max_time) * 1000 + processing_ms)::float8 as ms
      from collector_upload_logs where max_time is not null order by 1`;
    return { rows: [...rows], duplicates: counts?.duplicates ?? NaN, batchLagMs: lags.map(({ ms }) => ms) };
  } finally {
    await sql.end({ timeout: 5 });
  }
}

/**
 * Lays replies and rows side by side. A reply is known again by its accepted shares: every summary a
 * machine serves prints more than the one before. A reply that did not reach its client whole may have
 * a row and need not.
 */
export function compareTruth(
  replies: readonly SummaryReply[],
  samples: StoredSamples,
  options: CompareOptions,
): Comparison {
  const served = new Map(replies.map((reply) => [keyOf(reply), reply]));
  const shown = new Set<string>();
  const slots = new Map<string, number[]>();
  const examples: string[] = [];
  const counts = { doubled: 0, invented: 0, mismatched: 0, unreachable: 0 };
  const note = (kind: string, subject: object): void => {
    if (examples.length < 10) examples.push(`${kind}: ${JSON.stringify(subject)}`);
  };
  for (const row of samples.rows) {
    const known = slots.get(row.ip);
    if (known === undefined) slots.set(row.ip, [row.timeMs]);
    else known.push(row.timeMs);
    if (row.state === 'unreachable') {
      counts.unreachable++;
      continue;
    }
    const reply = served.get(keyOf(row));
    const fault =
      reply === undefined ? 'invented' : shown.has(keyOf(row)) ? 'doubled' : faultOf(row, reply, options);
    if (reply !== undefined) shown.add(keyOf(row));
    if (fault === null) continue;
    counts[fault]++;
    note(fault, { row, reply });
  }
  const unmatched = { missing: 0, lostByKill: 0, polledAgain: 0, askedAgain: 0 };
  let oldestLostMs: number | null = null;
  for (const reply of replies) {
    if (!reply.complete || shown.has(keyOf(reply))) continue;
    const { fate, heldMs } = fateOf(reply, slots.get(reply.ip) ?? [], options);
    unmatched[fate]++;
    if (fate === 'lostByKill') oldestLostMs = Math.max(oldestLostMs ?? 0, heldMs);
    if (fate === 'missing' || fate === 'askedAgain') note(fate, { reply, heldMs });
  }
  return {
    replies: replies.filter((reply) => reply.complete).length,
    rows: samples.rows.length,
    miners: slots.size,
    matched: shown.size,
    duplicates: samples.duplicates,
    ...counts,
    ...unmatched,
    oldestLostMs,
    examples,
  };
}

const keyOf = (one: { ip: string; accepted: number | null }): string => `${one.ip} ${one.accepted}`;

/** Why a reply has no row of its own, and how long the edge had it before it was killed, ms. */
function fateOf(
  reply: SummaryReply,
  slots: readonly number[],
  options: CompareOptions,
): { fate: 'missing' | 'lostByKill' | 'polledAgain' | 'askedAgain'; heldMs: number } {
  const { edgeKills = [], lossWindowMs = 0, intervalMs } = options;
  const next = edgeKills.find(({ toMs }) => toMs >= reply.t);
  const heldMs = next === undefined ? Infinity : Math.max(0, next.fromMs - reply.t);
  const stored = slots.find((slot) => slot <= reply.t && reply.t < slot + intervalMs);
  if (stored === undefined) return { fate: heldMs <= lossWindowMs ? 'lostByKill' : 'missing', heldMs };
  const isKilledWithin = edgeKills.some(({ toMs }) => toMs >= stored && toMs < stored + intervalMs);
  return { fate: isKilledWithin ? 'polledAgain' : 'askedAgain', heldMs };
}

/** History keeps hashrates in four bytes. */
const isNear = (a: number | null, b: number | null): boolean =>
  a === null || b === null ? a === b : Math.abs(a - b) <= 1e-6 * Math.max(Math.abs(a), Math.abs(b)) + 0.01;

/** Whatsminers and Avalons have a steady figure of their own; the others are read by the short window. */
const isSteady = (family: string | null): boolean => family === 'whatsminer' || family === 'avalon';

function faultOf(row: StoredRow, reply: SummaryReply, options: CompareOptions): 'mismatched' | null {
  const hashrateGhs = isSteady(row.family) ? reply.hashrate_ghs : reply.hashrate_5s_ghs;
  const isSame =
    row.state === 'mining' &&
    row.uptimeS === reply.elapsed &&
    isNear(row.hashrateGhs, hashrateGhs) &&
    isNear(row.hashrate5sGhs, reply.hashrate_5s_ghs);
  // A slot's answer comes in the slot, or, begun at its end, soon after.
  const offsetMs = reply.t - row.timeMs;
  const isOfSlot = offsetMs >= 0 && offsetMs <= options.maxOffsetMs && (row.offsetMs ?? -1) >= offsetMs - 50;
  return isSame && isOfSlot ? null : 'mismatched';
}

/** What must not be, by name; empty when all is well. */
export function violationsOf(comparison: Comparison): string[] {
  const { missing, duplicates, doubled, invented, mismatched, unreachable, replies, matched } = comparison;
  // One retry of a lost connection is the poller's right; asking twice as a habit is not.
  const askedAgain = comparison.askedAgain <= 1 + replies / 1_000 ? 0 : comparison.askedAgain;
  const bad = { missing, duplicates, doubled, invented, mismatched, unreachable, askedAgain };
  const found = Object.entries(bad).filter(([, count]) => count !== 0);
  const names = found.map(([name, count]) => `${count} ${name}`);
  return replies === 0 || matched === 0 ? [...names, 'nothing was polled'] : names;
}

/** The conservation law of one edge or poller, as its `/metrics` tells it. */
export interface Conservation {
  readonly scheduled: number;
  readonly atStart: number;
  readonly stored: number;
  readonly duplicate: number;
  readonly rejected: number;
  readonly quarantined: number;
  readonly skipped: number;
  readonly dropped: number;
  readonly inSpool: number;
  readonly inFlight: number;
  /** As the process itself says. */
  readonly error: number;
  /** As its terms add up here. */
  readonly sum: number;
}

/** Scrapes the terms of the law from a running edge, poller or `up`. */
export async function readConservation(url: string): Promise<Conservation> {
  const metrics = await scrape(url);
  const answered = (outcome: string): number =>
    metrics.sum('headframe_upload_rows_total', `outcome="${outcome}"`);
  const terms = {
    scheduled: metrics.sum('headframe_samples_scheduled_total'),
    atStart: metrics.sum('headframe_spool_start_rows'),
    stored: answered('stored'),
    duplicate: answered('duplicate'),
    rejected: answered('rejected'),
    quarantined: answered('quarantined'),
    skipped: metrics.sum('headframe_samples_skipped_total'),
    dropped: metrics.sum('headframe_spool_dropped_rows_total'),
    inSpool: metrics.sum('headframe_spool_rows'),
    inFlight: metrics.sum('headframe_samples_in_flight'),
  };
  const { scheduled, atStart, ...others } = terms;
  const sum = scheduled + atStart - Object.values(others).reduce((total, rows) => total + rows, 0);
  return { ...terms, error: metrics.sum('headframe_conservation_error'), sum };
}
