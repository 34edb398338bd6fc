import { createRequire } from 'node:module';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { Piscina } from 'piscina';
import { Fifo } from '../actor/fifo.js';
import { AppError } from '../domain/errors.js';
import type { IngestResult, IngestTask } from '../domain/ingest-task.js';
import type { Logger } from '../telemetry/logger.js';
import { createThreadUse } from '../telemetry/thread-use.js';
import { overloaded } from './body.js';

export interface IngestPoolOptions {
  readonly threads: number;
  /** Uploads that may wait for a thread. */
  readonly maxQueue: number;
  /** Heap of one thread, MiB; past it the thread dies and is replaced. */
  readonly maxHeapMb: number;
  /** From hand-over to result, ms; past it the thread is ended and replaced. */
  readonly deadlineMs: number;
  /** The thread's entry point. */
  readonly workerFile: string;
}

/** Beside this file's place in the sources, or in the build. */
const ownWorkerFile = fileURLToPath(
  new URL(`../../workers/ingest-worker${import.meta.url.endsWith('.ts') ? '.ts' : '.js'}`, import.meta.url),
);

const defaultIngestPoolOptions: IngestPoolOptions = {
  threads: 1,
  maxQueue: 64,
  maxHeapMb: 512,
  deadlineMs: 10_000,
  workerFile: ownWorkerFile,
};

/**
 * The threads that inflate, parse and validate uploads, one upload at a time each. A thread that
 * dies or passes the deadline fails its own upload only: `BODY_TOO_LARGE` when it ran out of
 * memory (so that the sender splits the batch), `OVERLOADED` past the deadline or the queue's bound.
 */
export class IngestPool {
  readonly #options: IngestPoolOptions;
  readonly #pool: Piscina<IngestTask, IngestResult>;
  #running = 0;
  /** With a thread, or on their way to one; the others wait for their turn here, for Piscina keeps no order. */
  #atWork = 0;
  readonly #waiting = new Fifo<Turn>();

  /** Share of the time since its last call in which the threads were at work. */
  readonly use = createThreadUse(() => this.#pool.threads);

  constructor(log: Logger, options: Partial<IngestPoolOptions> = {}) {
    this.#options = { ...defaultIngestPoolOptions, ...options };
    const { workerFile, threads, maxHeapMb } = this.#options;
    this.#pool = new Piscina({
      filename: workerFile,
      execArgv: typescriptArguments(workerFile),
      minThreads: 1,
      maxThreads: threads,
      concurrentTasksPerWorker: 1,
      idleTimeout: 60_000,
      atomics: 'disabled',
      recordTiming: false,
      // The young generation also bounds the dead buffers that wait for a collection.
      resourceLimits: { maxOldGenerationSizeMb: maxHeapMb, maxYoungGenerationSizeMb: 6 },
    });
    this.#pool.on('error', (err) => log.warn({ err }, 'ingest thread failed'));
  }

  /** Uploads running or waiting. */
  get load(): number {
    return this.#running;
  }

  /** Transfers the body to a thread; the caller's copy is gone. */
  readonly run = async (task: IngestTask): Promise<IngestResult> => {
    const { threads, maxQueue, deadlineMs } = this.#options;
    if (this.#running >= threads + maxQueue) throw overloaded();
    const controller = new AbortController();
    const timer = setTimeout(() => controller.abort(), deadlineMs);
    this.#running += 1;
    try {
      await this.#turn(controller.signal);
      try {
        return await this.#pool.run(task, {
          transferList: [task.body.buffer as ArrayBuffer],
          signal: controller.signal,
        });
      } finally {
        this.#next();
      }
    } catch (error) {
      throw toAppError(error, controller.signal.aborted);
    } finally {
      this.#running -= 1;
      clearTimeout(timer);
    }
  };

  /** Resolves when a thread is free for the caller, who says `#next` then; rejects when it is too late. */
  #turn(signal: AbortSignal): Promise<void> {
    if (this.#atWork < this.#options.threads) {
      this.#atWork += 1;
      return Promise.resolve();
    }
    return new Promise((resolve, reject) => {
      const turn: Turn = { begin: resolve, isOver: false };
      this.#waiting.push(turn);
      signal.addEventListener('abort', () => {
        turn.isOver = true;
        reject(signal.reason as Error);
      });
    });
  }

  #next(): void {
    for (let turn = this.#waiting.shift(); turn !== undefined; turn = this.#waiting.shift())
      if (!turn.isOver) return turn.begin();
    this.#atWork -= 1;
  }

  /** Ends the threads; uploads still on them fail. */
  async close(): Promise<void> {
    await this.#pool.destroy();
  }
}

/** An upload that waits. */
interface Turn {
  readonly begin: () => void;
  isOver: boolean;
}

function toAppError(error: unknown, isLate: boolean): AppError {
  if (isLate)
    return new AppError('OVERLOADED', 'The upload took too long to read', { cause: error, retryAfterS: 5 });
  if ((error as NodeJS.ErrnoException).code === 'ERR_WORKER_OUT_OF_MEMORY') {
    return new AppError('BODY_TOO_LARGE', 'The upload needs too much memory to read', { cause: error });
  }
  return new AppError('INTERNAL', 'The upload could not be read', { cause: error });
}

/** Threads do not inherit a loader: run from the sources they need their own. */
function typescriptArguments(workerFile: string): string[] {
  if (!workerFile.endsWith('.ts')) return [];
  return ['--import', pathToFileURL(createRequire(import.meta.url).resolve('tsx')).href];
}
