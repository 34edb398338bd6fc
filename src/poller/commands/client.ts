import { z } from 'zod';
import { commandKinds, type CommandReport } from '../../domain/commands.js';
import { parseJson } from '../api-answer.js';
import { CollectorHttp, faultOf, type CollectorAnswer, type CollectorFault } from '../collector-http.js';

export interface CommandClientOptions {
  /** Base URL of the api. */
  readonly apiUrl: string;
  readonly key: () => string;
  /** How long the api may hold a poll when there is nothing to do, s. */
  readonly waitS: number;
  /** Of connecting, and of an answer beyond what was waited for, ms. */
  readonly deadlineMs: number;
  readonly maxAnswerBytes?: number;
  /** A clock that nobody sets, ms. */
  readonly nowMs: () => number;
}

/** A command as it was handed out. What is no command of ours keeps its kind as text. */
export interface HandedCommand {
  readonly command_id: number;
  readonly miner_id: string;
  readonly ip_address: string | null;
  readonly command: string;
  readonly params: unknown;
  readonly priority: number;
  /** Seconds it lives, and that its lease lasts, from the answer on. */
  readonly ttl_s: number;
  readonly lease_s: number;
  /** When it was made: with the number, what no other command has; null: the api does not say. */
  readonly created_at: string | null;
}

/** `lateMs`: how much longer than usual the answer was under way; its lifetimes are older by that. */
export type PollResult =
  | {
      readonly kind: 'commands';
      readonly commands: readonly HandedCommand[];
      readonly lateMs: number;
      readonly retryAfterMs: number | null;
    }
  | CollectorFault;

/** `gone`: the api does not want it, now or later. */
export type ReportResult =
  { readonly kind: 'taken' } | { readonly kind: 'gone'; readonly status: number } | CollectorFault;

/** Unknown fields are ignored; an api that tells no lifetimes gets a short one. */
const itemSchema = z.object({
  command_id: z.number().int(),
  miner_id: z.string(),
  ip_address: z
    .string()
    .nullish()
    .transform((ip) => ip ?? null),
  command: z.string(),
  params: z.unknown(),
  priority: z.number().catch(5),
  ttl_s: z.number().nonnegative().catch(60),
  lease_s: z.number().nonnegative().catch(60),
  created_at: z.string().nullable().catch(null),
});

const answerSchema = z.object({ success: z.literal(true), commands: z.array(itemSchema).max(1_000) });

/** Kinds this edge knows. */
export const knownKinds: ReadonlySet<string> = new Set(commandKinds);

/** Fetches commands and reports results. Never throws. */
export class CommandClient {
  readonly #options: CommandClientOptions;
  readonly #http: CollectorHttp;
  readonly #delay = new AnswerDelay();

  constructor(options: CommandClientOptions) {
    this.#options = options;
    this.#http = new CollectorHttp({ ...options, connectTimeoutMs: options.deadlineMs, connections: 4 });
  }

  /** Waits for commands. `signal` gives up. */
  async poll(signal: AbortSignal): Promise<PollResult> {
    const { waitS, deadlineMs } = this.#options;
    const answer = await this.#http.ask({
      method: 'GET',
      path: `/commands/pending?wait=${waitS}`,
      deadlineMs: waitS * 1_000 + deadlineMs,
      signal,
    });
    if (!('body' in answer)) return answer;
    if (answer.status === 404 || answer.status === 405) return { kind: 'absent' };
    const fault = faultOf(answer);
    if (fault !== null) return fault;
    const lateMs = this.#delay.of(answer);
    const read = answerSchema.safeParse(parseJson(answer.body));
    return read.success
      ? { kind: 'commands', commands: read.data.commands, lateMs, retryAfterMs: answer.retryAfterMs }
      : { kind: 'retry', retryAfterMs: answer.retryAfterMs, detail: 'the answer cannot be read' };
  }

  /** Reports how a command ended. */
  async report(id: number, report: CommandReport, signal: AbortSignal): Promise<ReportResult> {
    const answer = await this.#http.ask({
      method: 'POST',
      path: `/commands/${id}/result`,
      body: JSON.stringify(report),
      deadlineMs: this.#options.deadlineMs,
      signal,
    });
    if (!('body' in answer)) return answer;
    if ([400, 404, 413, 422].includes(answer.status)) return { kind: 'gone', status: answer.status };
    return faultOf(answer) ?? { kind: 'taken' };
  }

  /** Closes every connection, also those in use. */
  close(): Promise<void> {
    return this.#http.close();
  }
}

/** Answers compared with each other. */
const comparedAnswers = 16;
/** A `Date` tells whole seconds. */
const dateStepMs = 1_000;

/**
 * Tells answers that were held up on their way, whatever the two clocks say: by how much later than its
 * `Date` each arrived, against the quickest of the last ones. The first has nothing to be held against: all
 * the time since it was asked for may have been its way.
 */
class AnswerDelay {
  readonly #lags: number[] = [];

  of({ date, askedMs, arrivedMs }: Pick<CollectorAnswer, 'date' | 'askedMs' | 'arrivedMs'>): number {
    const sentMs = date === null ? NaN : Date.parse(date);
    if (Number.isNaN(sentMs)) return arrivedMs - askedMs;
    this.#lags.push(arrivedMs - sentMs);
    if (this.#lags.length === 1) return arrivedMs - askedMs;
    if (this.#lags.length > comparedAnswers) this.#lags.shift();
    const lateMs = arrivedMs - sentMs - Math.min(...this.#lags);
    return lateMs > dateStepMs ? lateMs : 0;
  }
}
