import { Fifo } from './fifo.js';

/** What an actor does. A crash throws the behaviour away and builds a new one with `create()`. */
export interface Behaviour<M> {
  /** One message at a time. `signal` aborts when the actor stops without draining, or its drain ran out. */
  receive(message: M, signal: AbortSignal): Promise<void> | void;
  /** Releases what the behaviour holds; called before it is thrown away. */
  stop?(): Promise<void> | void;
}

export interface RestartBudget {
  /** Crashes allowed within the window; one more escalates. */
  readonly maxRestarts: number;
  readonly withinMs: number;
  readonly minDelayMs: number;
  readonly maxDelayMs: number;
}

export const defaultRestartBudget: RestartBudget = {
  maxRestarts: 10,
  withinMs: 60_000,
  minDelayMs: 50,
  maxDelayMs: 5_000,
};

export interface ActorOptions<M> {
  readonly name: string;
  readonly create: () => Behaviour<M> | Promise<Behaviour<M>>;
  /** Messages that may wait; one more is refused. */
  readonly mailboxSize: number;
  readonly budget?: RestartBudget;
  /** A crash within budget; the message that caused it is lost. */
  readonly onCrash?: (error: unknown, message: M | undefined) => void;
  /** The budget is spent: the owner decides. The actor has stopped. */
  readonly onEscalate: (error: unknown) => void;
  readonly random?: () => number;
  readonly now?: () => number;
}

/**
 * A mailbox and one behaviour.
 *
 * States: `running` → `restarting` (a crash) → `running`; any → `stopping` (stop called) → `stopped`;
 * `restarting` → `failed` (budget spent). In `stopping`, `stopped` and `failed`, `tell` answers false.
 */
export class Actor<M> {
  readonly name: string;
  readonly #options: ActorOptions<M>;
  readonly #mailbox = new Fifo<M>();
  readonly #abort = new AbortController();
  readonly #crashes: number[] = [];
  readonly #loop: Promise<void>;
  #state: 'running' | 'stopping' | 'stopped' | 'failed' = 'running';
  #wake: (() => void) | null = null;

  constructor(options: ActorOptions<M>) {
    this.name = options.name;
    this.#options = options;
    this.#loop = this.#run();
  }

  /** False when the mailbox is full or the actor is ending: the caller sheds or waits, and counts it. */
  tell(message: M): boolean {
    if (this.#state !== 'running' || this.#mailbox.length >= this.#options.mailboxSize) return false;
    this.#mailbox.push(message);
    this.#wake?.();
    return true;
  }

  get waiting(): number {
    return this.#mailbox.length;
  }

  /**
   * Idempotent. With `drain`, waiting messages are handled first, for at most `deadlineMs`; then the
   * behaviour's signal aborts. Answers the messages never handled.
   */
  async stop(options: { drain: boolean; deadlineMs: number }): Promise<M[]> {
    if (this.#state === 'running') this.#state = 'stopping';
    const rest = options.drain ? [] : this.#mailbox.clear();
    if (!options.drain) this.#abort.abort();
    this.#wake?.();
    const timer = setTimeout(() => this.#abort.abort(), options.deadlineMs);
    await this.#loop;
    clearTimeout(timer);
    return [...rest, ...this.#mailbox.clear()];
  }

  async #run(): Promise<void> {
    let behaviour: Behaviour<M> | null = null;
    while (!this.#isDone()) {
      let message: M | undefined;
      try {
        behaviour ??= await this.#options.create();
        message = await this.#next();
        if (message === undefined) break;
        await behaviour.receive(message, this.#abort.signal);
      } catch (error) {
        await this.#release(behaviour);
        behaviour = null;
        if (this.#state === 'running' && !(await this.#mayRestart(error, message))) return;
      }
    }
    await this.#release(behaviour);
    if (this.#state !== 'failed') this.#state = 'stopped';
  }

  #isDone(): boolean {
    return this.#abort.signal.aborted || (this.#state !== 'running' && this.#mailbox.length === 0);
  }

  async #next(): Promise<M | undefined> {
    while (this.#mailbox.length === 0) {
      if (this.#isDone()) return undefined;
      await this.#sleep(null);
    }
    return this.#mailbox.shift();
  }

  async #mayRestart(error: unknown, message: M | undefined): Promise<boolean> {
    const budget = this.#options.budget ?? defaultRestartBudget;
    const now = (this.#options.now ?? Date.now)();
    this.#crashes.push(now);
    while (this.#crashes.length > 0 && now - (this.#crashes[0] ?? now) > budget.withinMs)
      this.#crashes.shift();
    if (this.#crashes.length > budget.maxRestarts) {
      this.#state = 'failed';
      this.#options.onEscalate(error);
      return false;
    }
    this.#options.onCrash?.(error, message);
    const ceiling = Math.min(budget.maxDelayMs, budget.minDelayMs * 2 ** (this.#crashes.length - 1));
    await this.#sleep(ceiling * (0.5 + (this.#options.random ?? Math.random)() / 2));
    return true;
  }

  /** Until woken by a message or a stop; with `ms`, for that long unless stopped. */
  async #sleep(ms: number | null): Promise<void> {
    const signal = this.#abort.signal;
    await new Promise<void>((resolve) => {
      const timer = ms === null ? undefined : setTimeout(done, ms);
      this.#wake = () => {
        if (ms === null || this.#state !== 'running') done();
      };
      signal.addEventListener('abort', done, { once: true });
      function done(): void {
        clearTimeout(timer);
        signal.removeEventListener('abort', done);
        resolve();
      }
    });
    this.#wake = null;
  }

  async #release(behaviour: Behaviour<M> | null): Promise<void> {
    try {
      await behaviour?.stop?.();
    } catch (error) {
      this.#options.onCrash?.(error, undefined);
    }
  }
}
