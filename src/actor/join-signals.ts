import { setMaxListeners } from 'node:events';

/** A signal that follows others. */
export interface JoinedSignal {
  readonly signal: AbortSignal;
  /** Lets go of what it follows; to be called once the signal is needed no more. */
  readonly end: () => void;
}

/**
 * A signal that is aborted as soon as one of `sources` is, or `afterMs` have passed. In place of `AbortSignal.any`, which
 * on Node 20 leaves a mark in its sources for good, and lets an `AbortSignal.timeout` that nothing else holds be
 * collected: that never fires then.
 */
export function joinSignals(sources: readonly AbortSignal[], afterMs?: number): JoinedSignal {
  const controller = new AbortController();
  const follow = (event: Event): void => controller.abort((event.target as AbortSignal).reason);
  for (const source of sources) {
    if (source.aborted) controller.abort(source.reason);
    setMaxListeners(0, source);
    source.addEventListener('abort', follow, { once: true });
  }
  const late = (): void => controller.abort(new DOMException(`not within ${afterMs} ms`, 'TimeoutError'));
  const timer = afterMs === undefined ? undefined : setTimeout(late, afterMs);
  timer?.unref();
  return {
    signal: controller.signal,
    end() {
      clearTimeout(timer);
      for (const source of sources) source.removeEventListener('abort', follow);
    },
  };
}
