import { setTimeout as delay } from 'node:timers/promises';
import { joinSignals } from '../../actor/join-signals.js';
import type { CommandClient, PollResult } from './client.js';

/** How often it is looked whether a poll may be made, or go on, ms. */
const lookMs = 1_000;

/** Resolves when commands may be taken, or `signal` is aborted. */
export async function untilClaimable(mayClaim: () => boolean, signal: AbortSignal): Promise<void> {
  while (!mayClaim() && !signal.aborted) await delay(lookMs, undefined, { signal }).catch(() => undefined);
}

/** One poll, ended soon after no command may be taken any more: null then, unless some had been handed out. */
export async function pollWhile(
  mayClaim: () => boolean,
  client: Pick<CommandClient, 'poll'>,
  signal: AbortSignal,
): Promise<PollResult | null> {
  const gone = new AbortController();
  const either = joinSignals([signal, gone.signal]);
  const look = setInterval(() => {
    if (!mayClaim()) gone.abort();
  }, lookMs);
  try {
    const result = await client.poll(either.signal);
    return gone.signal.aborted && result.kind !== 'commands' ? null : result;
  } finally {
    clearInterval(look);
    either.end();
  }
}
