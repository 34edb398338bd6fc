import { Piscina } from 'piscina';
import type { CommandTask } from '../../domain/command-task.js';
import type { WriteOutcome } from '../../miner/writers/writer.js';
import type { Logger } from '../../telemetry/logger.js';

export interface OrderPoolOptions {
  /** The compiled `command-worker.js`. */
  readonly workerFile: string;
  /** Orders under way at once, of all sites. */
  readonly concurrency: number;
  readonly maxHeapMb: number;
  readonly log: Logger;
}

/** A thread whose orders do not end is ended so long after their deadline, ms. */
const graceMs = 10_000;

/** The thread that talks to miners for commands: its own, so that no load of polling delays them. */
export class OrderPool {
  readonly #pool: Piscina;
  readonly #log: Logger;

  constructor(options: OrderPoolOptions) {
    this.#log = options.log;
    this.#pool = new Piscina({
      filename: options.workerFile,
      minThreads: 0,
      maxThreads: 1,
      concurrentTasksPerWorker: options.concurrency,
      maxQueue: options.concurrency,
      // With atomics a thread's event loop stands still between tasks, and its sockets with it.
      atomics: 'disabled',
      idleTimeout: 60_000,
      recordTiming: false,
      resourceLimits: { maxOldGenerationSizeMb: options.maxHeapMb },
    });
    this.#pool.on('error', (err) => options.log.warn({ err }, 'command thread failed'));
  }

  /** Never rejects: an order whose thread died may have been done. */
  async run(task: CommandTask): Promise<WriteOutcome> {
    const timer = setTimeout(() => this.#endThread(), task.limits.deadlineMs + graceMs);
    try {
      return (await this.#pool.run(task)) as WriteOutcome;
    } catch (error) {
      // Whatever it was at: it may have been sent.
      this.#log.error({ err: error }, 'commands: a thread died under an order');
      return { status: 'unknown', code: 1, message: 'broke off inside; it may have been done' };
    } finally {
      clearTimeout(timer);
    }
  }

  async close(): Promise<void> {
    await this.#pool.destroy();
  }

  #endThread(): void {
    this.#log.error('commands: a thread is stuck, ending it');
    for (const thread of this.#pool.threads) void thread.terminate();
  }
}
