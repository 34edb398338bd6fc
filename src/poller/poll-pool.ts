import { MessageChannel } from 'node:worker_threads';
import { Piscina } from 'piscina';
import type { PollOutcome, PollTask, PollWorkerData, PolledPiece } from '../domain/poll-task.js';
import type { Logger } from '../telemetry/logger.js';
import { createThreadUse } from '../telemetry/thread-use.js';

export interface PollPoolOptions {
  /** The compiled `poll-worker.js`. */
  readonly workerFile: string;
  readonly threads: number;
  readonly socketsPerThread: number;
  /** Shards a thread works on at once. */
  readonly tasksPerThread: number;
  /** Tasks that may wait for a thread. */
  readonly maxQueue: number;
  /** Heap of one thread, MiB; past it the thread dies and is replaced. */
  readonly maxHeapMb: number;
  /** A thread whose event loop stands still this long is ended, ms. */
  readonly stuckMs: number;
  /** Shared with commands; see `MinerGate`. */
  readonly gate?: SharedArrayBuffer;
  readonly log: Logger;
}

/** `failed`: the thread died, was stuck, or the queue was full. */
export type PollRun =
  | { readonly kind: 'done'; readonly outcome: PollOutcome }
  | { readonly kind: 'failed'; readonly error: unknown };

/** Half of what V8 takes by itself: each thread has its own, and little of it is ever alive. */
const youngHeapMb = 24;
const pulseSlots = 256;
const pulseMs = 500;

/** The worker threads that poll. A thread that dies or hangs fails its own tasks only. */
export class PollPool {
  readonly #options: PollPoolOptions;
  readonly #pool: Piscina;
  readonly #pulse = new SharedArrayBuffer(pulseSlots * 4);
  readonly #lastBeat = new Map<number, { count: number; at: number }>();
  readonly #watch: NodeJS.Timeout;
  #running = 0;

  /** Share of the time since its last call in which the threads were at work. */
  readonly use = createThreadUse(() => this.#pool.threads);

  constructor(options: PollPoolOptions) {
    this.#options = options;
    const workerData: PollWorkerData = {
      socketsPerThread: options.socketsPerThread,
      pulse: this.#pulse,
      pulseMs,
      ...(options.gate && { gate: options.gate }),
    };
    this.#pool = new Piscina({
      filename: options.workerFile,
      minThreads: options.threads,
      maxThreads: options.threads,
      concurrentTasksPerWorker: options.tasksPerThread,
      maxQueue: options.maxQueue,
      // With atomics a thread's event loop stands still between tasks, and its sockets with it.
      atomics: 'disabled',
      idleTimeout: Infinity,
      recordTiming: false,
      resourceLimits: {
        maxOldGenerationSizeMb: options.maxHeapMb,
        maxYoungGenerationSizeMb: youngHeapMb,
      },
      workerData,
    });
    this.#pool.on('error', (err) => options.log.warn({ err }, 'poll thread failed'));
    this.#watch = setInterval(() => this.#endStuckThreads(), pulseMs);
    this.#watch.unref();
  }

  /** Tasks running or waiting. */
  get load(): number {
    return this.#running;
  }

  /** Runs one task; `onBatch` is called for each batch, all of them before this resolves. Never rejects. */
  async run(task: PollTask, onBatch: (batch: PolledPiece) => void): Promise<PollRun> {
    const { port1: mine, port2: theirs } = new MessageChannel();
    let received = 0;
    let wake = (): void => undefined;
    mine.on('message', (batch: PolledPiece) => {
      received++;
      onBatch(batch);
      wake();
    });
    this.#running++;
    try {
      const outcome = (await this.#pool.run(
        { task, port: theirs },
        { transferList: [theirs] },
      )) as PollOutcome;
      // The outcome and the batches come through different ports, in no order.
      while (received < outcome.batches) await new Promise<void>((resolve) => (wake = resolve));
      return { kind: 'done', outcome };
    } catch (error) {
      return { kind: 'failed', error };
    } finally {
      this.#running--;
      mine.close();
    }
  }

  async close(): Promise<void> {
    clearInterval(this.#watch);
    await this.#pool.destroy();
  }

  #endStuckThreads(): void {
    const pulse = new Int32Array(this.#pulse);
    const now = performance.now();
    const alive = new Set<number>();
    for (const thread of this.#pool.threads) {
      const id = thread.threadId;
      alive.add(id);
      const count = Atomics.load(pulse, id % pulseSlots);
      const last = this.#lastBeat.get(id);
      if (!last || last.count !== count) {
        this.#lastBeat.set(id, { count, at: now });
      } else if (now - last.at > this.#options.stuckMs) {
        this.#options.log.error(
          { threadId: id, stuckMs: this.#options.stuckMs },
          'poll thread stuck, ending it',
        );
        this.#lastBeat.delete(id);
        void thread.terminate();
      }
    }
    for (const id of this.#lastBeat.keys()) if (!alive.has(id)) this.#lastBeat.delete(id);
  }
}
