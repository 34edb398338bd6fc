import type { Worker } from 'node:worker_threads';

type Use = ReturnType<Worker['performance']['eventLoopUtilization']>;

/**
 * Answers the share of the time since its last call in which the threads were at work, 0 to 1. It asks their event
 * loops from outside: a thread that is busy need not answer.
 */
export function createThreadUse(threads: () => readonly Worker[]): () => number {
  let before = new Map<number, Use>();
  return () => {
    const after = new Map<number, Use>();
    let [active, all] = [0, 0];
    for (const { threadId, performance } of threads()) {
      const now = performance.eventLoopUtilization();
      const last = before.get(threadId) ?? { idle: 0, active: 0 };
      after.set(threadId, now);
      active += now.active - last.active;
      all += now.active + now.idle - last.active - last.idle;
    }
    before = after;
    // Their clocks are read one after the other, so a thread at rest may seem to go back a little.
    return all > 0 ? Math.min(1, Math.max(0, active / all)) : 0;
  };
}
