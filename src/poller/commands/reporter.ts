import { setTimeout as delay } from 'node:timers/promises';
import { Actor } from '../../actor/actor.js';
import type { Logger } from '../../telemetry/logger.js';
import type { Metrics } from '../../telemetry/metrics.js';
import { waitAfter } from '../collector-http.js';
import type { BackoffLimits } from '../upload-backoff.js';
import type { CommandClient } from './client.js';
import type { CommandJournal, JournalEntry } from './journal.js';

/** Results reported at once. */
const reportsAtOnce = 3;

export interface ReporterOptions {
  readonly site: string;
  readonly client: Pick<CommandClient, 'report'>;
  readonly journal: Pick<CommandJournal, 'over' | 'toReport'>;
  readonly backoff: BackoffLimits;
  readonly random: () => number;
  readonly metrics: Metrics;
  readonly log: Logger;
  /** One result is off its hands. */
  readonly onReported: () => void;
  readonly onCrash: (error: unknown) => void;
  readonly onEscalate: (error: unknown) => void;
}

/** Reports what has ended by the journal, a few at once, until the api has it all. */
export class CommandReporter {
  readonly #options: ReporterOptions;
  readonly #actor: Actor<'report'>;

  constructor(options: ReporterOptions) {
    this.#options = options;
    this.#actor = new Actor<'report'>({
      name: 'command reports',
      mailboxSize: 1,
      create: () => ({ receive: (_message, signal) => this.#report(signal) }),
      onCrash: options.onCrash,
      onEscalate: options.onEscalate,
    });
  }

  /** There is something to report. */
  tell(): void {
    this.#actor.tell('report');
  }

  /** Results that wait for the api. */
  get unreported(): number {
    let count = 0;
    for (const _entry of this.#options.journal.toReport()) count++;
    return count;
  }

  /** Reports what it can until the deadline. */
  async stop({ deadlineMs }: { readonly deadlineMs: number }): Promise<void> {
    this.tell();
    await this.#actor.stop({ drain: true, deadlineMs });
  }

  async #report(signal: AbortSignal): Promise<void> {
    let failures = 0;
    for (;;) {
      const due = [...this.#options.journal.toReport()].slice(0, reportsAtOnce);
      if (due.length === 0 || signal.aborted) return;
      const waits = await Promise.all(due.map((entry) => this.#reportOne(entry, signal, failures + 1)));
      const waitMs = Math.max(...waits);
      failures = waitMs === 0 ? 0 : failures + 1;
      if (waitMs > 0) await delay(waitMs, undefined, { signal }).catch(() => undefined);
    }
  }

  /** Answers how long to wait before the next try, ms. */
  async #reportOne(entry: JournalEntry, signal: AbortSignal, failures: number): Promise<number> {
    const { site, client, journal, log, metrics, onReported } = this.#options;
    const result = entry.report === null ? null : await client.report(entry.id, entry.report, signal);
    switch (result?.kind) {
      case 'refused':
        metrics.set('headframe_edge_commands_key_refused', 1, { site });
        return waitAfter(result, failures, this.#options);
      case 'absent':
      case 'retry':
        return waitAfter(result, failures, this.#options);
      case 'gone':
        log.warn({ command: entry.id, status: result.status }, 'commands: a result is not wanted');
        break;
      case 'taken':
      case undefined:
        break;
    }
    await journal.over(entry.id).catch((err: unknown) => {
      log.error({ err, command: entry.id }, 'commands: the journal cannot be written');
    });
    onReported();
    return 0;
  }
}
