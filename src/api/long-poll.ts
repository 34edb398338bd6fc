import type { Response } from 'express';
import { joinSignals } from '../actor/join-signals.js';

/** When one who waits for an answer has gone, and when nobody is to wait any more: then too, or when the api drains. */
export function watchClient(
  response: Response,
  draining: AbortSignal,
): { readonly gone: AbortSignal; readonly over: AbortSignal } {
  const gone = new AbortController();
  const over = joinSignals([gone.signal, draining]);
  const leave = (): void => {
    gone.abort();
    over.end();
  };
  response.once('close', leave);
  // Who has gone while it was asked who it is closes no more.
  if (response.destroyed) leave();
  return { gone: gone.signal, over: over.signal };
}
