import { setTimeout as delay } from 'node:timers/promises';
import { joinSignals } from '../../actor/join-signals.js';
import { Actor } from '../../actor/actor.js';
import {
  isFault,
  isIdempotent,
  readOrder,
  type CommandKind,
  type CommandOrder,
  type CommandReport,
} from '../../domain/commands.js';
import { parseIp } from '../../domain/ip-ranges.js';
import type { WriteOutcome } from '../../miner/writers/writer.js';
import type { Logger } from '../../telemetry/logger.js';
import type { Metrics } from '../../telemetry/metrics.js';
import { waitAfter } from '../collector-http.js';
import type { BackoffLimits } from '../upload-backoff.js';
import { elapsedMs, type BootClock } from './boot-clock.js';
import { knownKinds, type CommandClient, type HandedCommand } from './client.js';
import type { CommandJournal, JournalEntry } from './journal.js';
import { pollWhile, untilClaimable } from './poll-while.js';
import { CommandReporter } from './reporter.js';

export interface RunnerOptions {
  readonly site: string;
  readonly client: Pick<CommandClient, 'poll' | 'report' | 'close'>;
  readonly journal: Pick<
    CommandJournal,
    'get' | 'isOver' | 'received' | 'begun' | 'done' | 'over' | 'toReport' | 'close'
  >;
  /** What an earlier process left in the journal. */
  readonly recovered: readonly JournalEntry[];
  /**
   * Keeps polls away from a miner; resolves when none talks to it, with what lets them again, or with null
   * when that cannot be made sure. Never rejects.
   */
  readonly hold: (ip: string) => Promise<(() => void) | null>;
  /** Talks to the miner for so long at most. Never rejects. */
  readonly execute: (order: CommandOrder, ip: string, deadlineMs: number) => Promise<WriteOutcome>;
  /** Of one command, ms. */
  readonly deadlineMs: number;
  /** Results that may wait for the api; while more do, nothing is taken. */
  readonly maxUnreported: number;
  /** Whether this process may take commands of the site now: it can reach its miners. */
  readonly mayClaim: () => boolean;
  /** True for addresses of the site's ranges: no other is ever written to. */
  readonly isOwn: (address: number) => boolean;
  readonly allow: ReadonlySet<CommandKind>;
  /** Commands under way at once. */
  readonly concurrency: number;
  readonly clock: BootClock;
  readonly backoff: BackoffLimits;
  readonly random: () => number;
  readonly metrics: Metrics;
  readonly log: Logger;
  readonly onEscalate: (error: unknown) => void;
}

/** Polls that bring nothing are at least so far apart, ms. */
const leastPollMs = 1_000;
/** Taken off lifetimes for what the answer took on its way, and half of it for what a command takes to arrive, ms. */
const marginMs = 1_000;

/**
 * Takes the commands of a site, has them executed, and reports how they ended.
 *
 * A command goes `received` → `begun` → `done` → reported, each step in the journal before the next. After
 * a crash a reboot or restart that was begun is reported `unknown` and never executed; one that was not is,
 * if its time and lease are not over by the machine's own clock; kinds that may be done twice are left to
 * the api, which hands them out again when their lease ends.
 */
export class CommandRunner {
  readonly #options: RunnerOptions;
  readonly #claims: Actor<'claim'>;
  readonly #reporter: CommandReporter;
  readonly #running = new Map<number, Promise<void>>();
  /** Miners with a command under way: one at a time. */
  readonly #busy = new Set<string>();
  readonly #stopping = new AbortController();
  readonly #waiting = new Set<() => void>();
  #executing = 0;
  #failures = 0;
  #hasTold = false;

  constructor(options: RunnerOptions) {
    this.#options = options;
    const { metrics, log } = options;
    const onCrash = (err: unknown): void => {
      metrics.add('headframe_actor_restarts_total', 1, { actor: 'commands' });
      log.error({ err }, 'commands: a loop crashed');
    };
    const receive = async (_message: 'claim', signal: AbortSignal): Promise<void> => {
      const over = joinSignals([signal, this.#stopping.signal]);
      try {
        await this.#claim(over.signal);
      } finally {
        over.end();
        setImmediate(() => this.#claims.tell('claim'));
      }
    };
    const { onEscalate } = options;
    this.#claims = new Actor<'claim'>({
      name: 'command claims',
      mailboxSize: 1,
      create: () => ({ receive }),
      onCrash,
      onEscalate,
    });
    this.#reporter = new CommandReporter({ ...options, onReported: () => this.#wake(), onCrash });
  }

  /** Settles what an earlier process left, and begins to take commands. */
  async start(): Promise<void> {
    for (const entry of this.#options.recovered) {
      await this.#recover(entry).catch((err: unknown) =>
        this.#options.log.error({ err, command: entry.id }, 'commands: the journal cannot be written'),
      );
    }
    this.#reporter.tell();
    this.#claims.tell('claim');
  }

  /** Commands in hand. */
  get running(): number {
    return this.#running.size;
  }

  /** Results that the api does not have yet. */
  get unreported(): number {
    return this.#reporter.unreported;
  }

  /** Takes no more; commands under way have until the deadline, then they stay in the journal as begun. */
  async stop({ deadlineMs }: { readonly deadlineMs: number }): Promise<void> {
    this.#stopping.abort();
    this.#wake();
    const over = delay(deadlineMs * 0.7, undefined, { ref: false });
    await this.#claims.stop({ drain: false, deadlineMs: 0 });
    await Promise.race([Promise.all(this.#running.values()), over]);
    await this.#reporter.stop({ deadlineMs: deadlineMs * 0.3 });
    await this.#options.client.close();
    await this.#options.journal.close();
  }

  async #claim(signal: AbortSignal): Promise<void> {
    const { site, client, mayClaim, clock, concurrency, maxUnreported, backoff, metrics, log } =
      this.#options;
    const isFull = (): boolean =>
      this.#running.size >= concurrency || this.#reporter.unreported >= maxUnreported;
    while (isFull() && !signal.aborted) await this.#change();
    await untilClaimable(mayClaim, signal);
    if (signal.aborted) return;
    const askedMs = clock().ms;
    const result = await pollWhile(mayClaim, client, signal);
    if (result === null) return;
    metrics.set('headframe_edge_commands_key_refused', result.kind === 'refused' ? 1 : 0, { site });
    if (result.kind === 'commands') {
      this.#failures = 0;
      this.#hasTold = false;
      if (result.commands.length > 0) return this.#take(result.commands, result.lateMs);
      // An api that is full or does not wait must not be asked in a loop.
      const fullMs = Math.min(result.retryAfterMs ?? 0, backoff.maxRetryAfterMs);
      const restMs = Math.max(fullMs, askedMs + leastPollMs - clock().ms);
      if (restMs > 0) await delay(restMs, undefined, { signal }).catch(() => undefined);
      return;
    }
    if (signal.aborted) return;
    const waitMs = waitAfter(result, ++this.#failures, this.#options);
    if (!this.#hasTold) log.warn({ ...result, waitMs }, 'commands: none can be fetched');
    this.#hasTold = true;
    await delay(waitMs, undefined, { signal }).catch(() => undefined);
  }

  async #take(commands: readonly HandedCommand[], lateMs: number): Promise<void> {
    const { journal, clock, log, metrics } = this.#options;
    const receivedAt = clock();
    const taken = new Map<number, { readonly command: HandedCommand; readonly entry: JournalEntry }>();
    for (const command of commands) {
      const known = journal.get(command.command_id);
      // Handed out again while it runs or waits to be reported: its result is on the way.
      if (known !== undefined || this.#running.has(command.command_id)) continue;
      // Named twice in one answer: the journal does not have it yet.
      if (taken.has(command.command_id)) continue;
      const kind = command.command as CommandKind;
      const aliveMs = Math.min(command.ttl_s, command.lease_s) * 1_000 - lateMs - marginMs;
      const ip = command.ip_address ?? (parseIp(command.miner_id) === null ? null : command.miner_id);
      const entry: JournalEntry = {
        id: command.command_id,
        mark: command.created_at,
        kind,
        miner: command.miner_id,
        ip,
        receivedAt,
        aliveMs,
        leaseMs: command.lease_s * 1_000 - lateMs - marginMs,
        state: 'received',
        report: null,
      };
      taken.set(entry.id, { command, entry });
    }
    if (taken.size === 0) return;
    try {
      await journal.received([...taken.values()].map(({ entry }) => entry));
    } catch (err) {
      metrics.add('headframe_edge_command_journal_errors_total', 1);
      log.error({ err }, 'commands: the journal cannot be written, so nothing is executed');
      // Not executed: the lease brings them back, or ends them.
      await delay(1_000, undefined, { signal: this.#stopping.signal }).catch(() => undefined);
      return;
    }
    for (const { command, entry } of taken.values())
      this.#run(entry, () => this.#decide(entry, command.params));
  }

  /** Runs a command in the background; the priority is the order they were handed out in. */
  #run(entry: JournalEntry, work: () => Promise<void>): void {
    const done = work()
      .catch((err: unknown) => this.#options.log.error({ err, command: entry.id }, 'commands: one broke off'))
      .finally(() => {
        this.#running.delete(entry.id);
        this.#wake();
      });
    this.#running.set(entry.id, done);
  }

  async #decide(entry: JournalEntry, params: unknown): Promise<void> {
    const order = this.#read(entry, params);
    if (typeof order === 'string') return this.#end(entry, { status: 'rejected', code: 1, message: order });
    await this.#execute(entry, order);
  }

  /** The order, or why it is none for this edge. */
  #read(entry: JournalEntry, params: unknown): CommandOrder | string {
    const { allow, isOwn, journal } = this.#options;
    if (!knownKinds.has(entry.kind)) return `this edge knows no command "${entry.kind.slice(0, 40)}"`;
    if (!allow.has(entry.kind)) return `this edge takes no ${entry.kind} (commands.allow)`;
    if (journal.isOver(entry.id, entry.mark ?? null)) return 'it was here before, and runs at most once';
    if (entry.ip === null) return 'the address of the miner is not known';
    const address = parseIp(entry.ip);
    if (address === null || !isOwn(address)) return `${entry.ip} is in no range of this site`;
    const order = readOrder(entry.kind, params);
    return isFault(order) ? `${order.field} ${order.message}` : order;
  }

  async #execute(entry: JournalEntry, order: CommandOrder): Promise<void> {
    const { journal, hold, execute, clock, metrics, concurrency, deadlineMs } = this.#options;
    const { signal } = this.#stopping;
    const ip = entry.ip ?? '';
    while (!signal.aborted && (this.#busy.has(ip) || this.#executing >= concurrency)) await this.#change();
    if (signal.aborted) return;
    this.#busy.add(ip);
    this.#executing++;
    const release = await hold(ip);
    try {
      if (signal.aborted) return;
      if (release === null)
        return await this.#letGo(entry, 'failed', 'another poller kept talking to the miner');
      if (!this.#isAlive(entry)) return await this.#letGo(entry, 'expired', 'its time was over');
      await journal.begun(entry.id);
      // The disk may have taken its time.
      if (!this.#isAlive(entry)) return await this.#letGo(entry, 'expired', 'its time was over');
      // Past its lease the api may have handed it to another edge; past its time nothing may be sent any more.
      const endMs = Math.min(entry.leaseMs, entry.aliveMs + marginMs / 2);
      const leftMs = endMs - (elapsedMs(clock(), entry.receivedAt) ?? Infinity);
      const began = clock();
      const executedAt = new Date().toISOString();
      const outcome = await execute(order, ip, Math.max(1, Math.min(deadlineMs, leftMs)));
      const durationMs = clock().ms - began.ms;
      metrics.observe('headframe_edge_command_seconds', durationMs / 1_000, { type: entry.kind });
      await this.#end(entry, outcome, { executed_at: executedAt, duration_ms: durationMs });
    } finally {
      release?.();
      this.#busy.delete(ip);
      this.#executing--;
      this.#wake();
    }
  }

  #isAlive(entry: JournalEntry): boolean {
    const age = elapsedMs(this.#options.clock(), entry.receivedAt);
    return age !== null && age < entry.aliveMs;
  }

  /**
   * Not begun. One that may be done twice is the api's to hand out again or to end; of the others the api
   * must know that nothing was sent.
   */
  async #letGo(entry: JournalEntry, status: 'failed' | 'expired', reason: string): Promise<void> {
    if (isIdempotent(entry.kind)) return this.#options.journal.over(entry.id);
    await this.#end(entry, { status, code: 1, message: `${reason} before it was begun; nothing was sent` });
  }

  async #end(
    entry: JournalEntry,
    outcome: Omit<WriteOutcome, 'status'> & { readonly status: CommandReport['status'] },
    times: Pick<CommandReport, 'executed_at' | 'duration_ms'> = {},
  ): Promise<void> {
    const { journal, metrics, log } = this.#options;
    const type = knownKinds.has(entry.kind) ? entry.kind : 'other';
    metrics.add('headframe_edge_commands_total', 1, { type, outcome: outcome.status });
    const report: CommandReport = {
      status: outcome.status,
      result_code: outcome.code,
      result_message: outcome.message,
      ...times,
      ...(outcome.errorClass === undefined ? {} : { error_class: outcome.errorClass }),
      ...(outcome.before === undefined ? {} : { before: outcome.before }),
      ...(outcome.after === undefined ? {} : { after: outcome.after }),
      ...(entry.mark == null ? {} : { created_at: entry.mark }),
    };
    try {
      await journal.done(entry.id, report);
    } catch (err) {
      // It is reported from memory; after a crash now it would be told as unknown.
      metrics.add('headframe_edge_command_journal_errors_total', 1);
      log.error({ err, command: entry.id }, 'commands: a result is not on disk');
    }
    this.#reporter.tell();
  }

  async #recover(entry: JournalEntry): Promise<void> {
    if (entry.state === 'done') return;
    if (isIdempotent(entry.kind)) return this.#options.journal.over(entry.id);
    if (entry.state === 'begun') {
      return this.#end(entry, {
        status: 'unknown',
        code: 1,
        message: 'this edge ended while it was executed; it may have been done',
      });
    }
    // Only kinds without parameters are gone on with.
    this.#run(entry, () => this.#decide(entry, {}));
  }

  /** Until a command is over, or this stops. */
  #change(): Promise<void> {
    return new Promise((resolve) => this.#waiting.add(resolve));
  }

  /** In the order they came, so that what was handed out first is begun first. */
  #wake(): void {
    const waiting = [...this.#waiting];
    this.#waiting.clear();
    for (const go of waiting) go();
  }
}
