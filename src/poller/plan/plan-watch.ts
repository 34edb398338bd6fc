import { setTimeout as delay } from 'node:timers/promises';
import { joinSignals } from '../../actor/join-signals.js';
import { Actor } from '../../actor/actor.js';
import { AppError } from '../../domain/errors.js';
import { tagOf, type VersionedPlan } from '../../domain/site-plan.js';
import type { Logger } from '../../telemetry/logger.js';
import type { Metrics } from '../../telemetry/metrics.js';
import { waitAfter } from '../collector-http.js';
import type { BackoffLimits } from '../upload-backoff.js';
import type { PlanClient } from './plan-client.js';
import type { PlanFile } from './plan-file.js';

export interface PlanWatchOptions {
  readonly site: string;
  readonly file: PlanFile;
  readonly client: PlanClient;
  /** Takes a plan into force; throws an `AppError` for one that may not be followed. */
  readonly follow: (plan: VersionedPlan) => void;
  readonly backoff: BackoffLimits;
  readonly random: () => number;
  readonly metrics: Metrics;
  readonly log: Logger;
  readonly onEscalate: (error: unknown) => void;
}

/** Least time between two looks, ms: an api that does not wait is not asked in a loop. */
const leastLookMs = 1_000;

/**
 * Follows the plan of a site: first the one on disk, then whatever the api says. Whatever fails, the plan in force
 * stays in force: the api may be away for ever.
 */
export class PlanWatch {
  readonly #options: PlanWatchOptions;
  readonly #actor: Actor<'look'>;
  readonly #stopping = new AbortController();
  /** Of the plan that the api told last, followed or refused. */
  #tag: string | null = null;
  #failures = 0;
  #hasTold = false;

  constructor(options: PlanWatchOptions) {
    this.#options = options;
    const receive = async (_message: 'look', signal: AbortSignal): Promise<void> => {
      const over = joinSignals([signal, this.#stopping.signal]);
      try {
        await this.#look(over.signal);
      } finally {
        over.end();
        setImmediate(() => this.#actor.tell('look'));
      }
    };
    this.#actor = new Actor<'look'>({
      name: 'plan',
      mailboxSize: 1,
      create: () => ({ receive }),
      onCrash: (err) => {
        options.metrics.add('headframe_actor_restarts_total', 1, { actor: 'plan' });
        options.log.error({ err }, 'following the plan crashed');
      },
      onEscalate: options.onEscalate,
    });
  }

  /** Takes the plan on disk into force, then begins to look. */
  async start(): Promise<void> {
    const { file, log } = this.#options;
    const kept = await file.read();
    if (kept.kind === 'plan') {
      if (this.#follow(kept.plan)) this.#tag = tagOf(kept.plan);
    } else if (kept.kind === 'damaged') {
      this.#count('file_damaged');
      log.error(
        { file: file.path, detail: kept.detail },
        'the plan on disk is damaged; nothing is polled until the api tells it',
      );
    } else log.info({ file: file.path }, 'no plan on disk; nothing is polled until the api tells one');
    this.#actor.tell('look');
  }

  async stop(): Promise<void> {
    this.#stopping.abort();
    await this.#actor.stop({ drain: false, deadlineMs: 0 });
    await this.#options.client.close();
  }

  async #look(signal: AbortSignal): Promise<void> {
    const { client, backoff, log } = this.#options;
    const askedMs = performance.now();
    const result = await client.fetch(this.#tag, signal);
    if (signal.aborted) return;
    let waitMs: number;
    if (result.kind === 'plan' || result.kind === 'same') {
      if (this.#hasTold) log.info('the api tells the plan again');
      this.#failures = 0;
      this.#hasTold = false;
      if (result.kind === 'plan') await this.#take(result.plan, result.tag);
      const fullMs = result.kind === 'same' ? Math.min(result.retryAfterMs ?? 0, backoff.maxRetryAfterMs) : 0;
      waitMs = Math.max(fullMs, askedMs + leastLookMs - performance.now());
    } else {
      waitMs = waitAfter(result, ++this.#failures, this.#options);
      if (!this.#hasTold)
        log.warn({ ...result, waitMs }, 'the plan cannot be fetched; going on with the last one');
      this.#hasTold = true;
      this.#count(result.kind === 'refused' ? 'key_refused' : 'not_fetched');
    }
    if (waitMs > 0) await delay(waitMs, undefined, { signal }).catch(() => undefined);
  }

  async #take(plan: VersionedPlan | null, tag: string | null): Promise<void> {
    const { file, log, metrics } = this.#options;
    this.#tag = tag;
    if (plan === null) {
      // A database that was made anew knows no plan: that is no reason to stop polling a farm.
      log.warn('the api has no plan of this site; give it one with `headframe plan set`');
      return;
    }
    if (!this.#follow(plan)) return;
    metrics.add('headframe_plan_changes_total', 1);
    await file.write(plan).catch((err: unknown) => {
      this.#count('file_not_written');
      log.error({ err, file: file.path }, 'the plan is followed, and could not be kept on disk');
    });
  }

  #follow(plan: VersionedPlan): boolean {
    try {
      this.#options.follow(plan);
      return true;
    } catch (error) {
      if (!(error instanceof AppError)) throw error;
      this.#count('refused');
      this.#options.log.error(
        { err: error, version: plan.version },
        'a plan is not followed; going on with the last one',
      );
      return false;
    }
  }

  #count(reason: 'file_damaged' | 'file_not_written' | 'refused' | 'key_refused' | 'not_fetched'): void {
    this.#options.metrics.add('headframe_plan_faults_total', 1, { reason });
  }
}
