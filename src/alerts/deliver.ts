import pRetry from 'p-retry';
import type { Notice, Notifier, NotifierTarget } from '../domain/alerts.js';
import type { Send } from './send/sender.js';
import { refused, type SendOutcome } from './send/outcome.js';

/** A notice taken from the outbox for the time of a lease. */
export interface ClaimedNotice {
  readonly notificationId: string;
  readonly notice: Notice;
  readonly notifier: Notifier;
  /** How often it was taken, this time included. */
  readonly rounds: number;
  /** How often of these its lease ended with the process that had it. */
  readonly lapsed: number;
}

/** How a claimed notice leaves the hands of this instance. */
export type Settlement =
  | { readonly state: 'sent' }
  | { readonly state: 'dead'; readonly error: string }
  | { readonly state: 'queued'; readonly error: string; readonly notBefore: Date };

export interface DeliveryDeps {
  claim(now: Date, leaseMs: number, limit: number): Promise<readonly ClaimedNotice[]>;
  /** Refused (false) when the lease was lost to another instance in the meantime. */
  settle(notificationId: string, rounds: number, settlement: Settlement, now: Date): Promise<boolean>;
  /** Makes one notice of what was held back, for each notifier that may send again. */
  summariseHeld(now: Date): Promise<number>;
  send: Send;
  /** Counts an outcome. */
  count(kind: NotifierTarget['kind'], outcome: 'sent' | 'retried' | 'dead'): void;
  now: () => number;
}

/** Settings under `alerts.*`. */
export interface DeliveryOptions {
  /** Tries in a row, within one lease. */
  readonly attempts: number;
  /** First wait between two, ms; it doubles. */
  readonly retryMs: number;
  /** Rounds of tries before a notice is dead. */
  readonly rounds: number;
  /** First wait between two rounds, ms; it doubles, up to an hour. */
  readonly roundMs: number;
  readonly leaseMs: number;
  /** Notices in hand at once. */
  readonly concurrency: number;
}

const maxWaitMs = 3_600_000;

/**
 * Takes what is due from the outbox, tells it, and writes down what became of it; answers how many were
 * taken. A notice is told at least once: when this process dies in between, another takes it after the lease.
 */
export async function deliverDue(
  deps: DeliveryDeps,
  options: DeliveryOptions,
  signal: AbortSignal,
): Promise<number> {
  await deps.summariseHeld(new Date(deps.now()));
  const claimed = await deps.claim(new Date(deps.now()), options.leaseMs, options.concurrency);
  const results = await Promise.allSettled(claimed.map((notice) => deliver(deps, options, notice, signal)));
  for (const result of results) if (result.status === 'rejected') throw result.reason;
  return claimed.length;
}

async function deliver(
  deps: DeliveryDeps,
  options: DeliveryOptions,
  claimed: ClaimedNotice,
  signal: AbortSignal,
): Promise<void> {
  const outcome = await attempt(deps, options, claimed, signal);
  // Not told, and no fault of the receiver's: the lease ends by itself.
  if (signal.aborted && outcome.kind !== 'sent') return;
  const settlement = settle(outcome, claimed, options, deps.now());
  const names = { sent: 'sent', dead: 'dead', queued: 'retried' } as const;
  deps.count(claimed.notifier.target.kind, names[settlement.state]);
  await deps.settle(claimed.notificationId, claimed.rounds, settlement, new Date(deps.now()));
}

async function attempt(
  deps: DeliveryDeps,
  options: DeliveryOptions,
  { notifier, notice, notificationId }: ClaimedNotice,
  signal: AbortSignal,
): Promise<SendOutcome> {
  if (!notifier.enabled) return refused('the notifier was switched off');
  const startedMs = deps.now();
  // Of the lease one third is left for the last try and the writing down.
  const isOver = (): boolean => signal.aborted || deps.now() - startedMs > (options.leaseMs * 2) / 3;
  try {
    return await pRetry(
      async () => {
        const outcome = await deps.send(notifier, notice, notificationId, signal);
        if (outcome.kind === 'retry') throw new NotNow(outcome);
        return outcome;
      },
      {
        retries: options.attempts - 1,
        minTimeout: options.retryMs,
        factor: 2,
        randomize: true,
        // A receiver that names a time is asked again in the next round.
        shouldRetry: ({ error }) => error instanceof NotNow && error.outcome.afterMs === null && !isOver(),
        signal,
      },
    );
  } catch (error) {
    if (error instanceof NotNow) return error.outcome;
    if (signal.aborted) return { kind: 'retry', detail: 'shutting down', afterMs: null };
    throw error;
  }
}

function settle(
  outcome: SendOutcome,
  { rounds, lapsed }: ClaimedNotice,
  options: DeliveryOptions,
  nowMs: number,
): Settlement {
  if (outcome.kind === 'sent') return { state: 'sent' };
  // A kill, or a restart, is no fault of the receiver's.
  const told = rounds - lapsed;
  if (outcome.kind === 'refused' || told >= options.rounds) return { state: 'dead', error: outcome.detail };
  const waitMs = outcome.afterMs ?? options.roundMs * 2 ** (told - 1);
  return {
    state: 'queued',
    error: outcome.detail,
    notBefore: new Date(nowMs + Math.min(maxWaitMs, Math.max(waitMs, options.retryMs))),
  };
}

/** Carries an outcome through p-retry, which tries again on errors only. */
class NotNow extends Error {
  readonly outcome: Extract<SendOutcome, { kind: 'retry' }>;

  constructor(outcome: Extract<SendOutcome, { kind: 'retry' }>) {
    super(outcome.detail);
    this.outcome = outcome;
  }
}
