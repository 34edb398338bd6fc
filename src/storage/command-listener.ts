import { within } from '../actor/within.js';
import type { Logger } from '../telemetry/logger.js';
import { Pool } from './pool.js';

/** Stands in `sql/queries/` too. */
const commandChannel = 'headframe_commands';
/** Stands in `plans.repo.ts` too. */
const planChannel = 'headframe_plans';
const retryMs = { first: 500, most: 15_000 };
/** How often it asks to be told again: a half-open connection tells nothing. */
const renewEveryMs = 10_000;

export interface CommandListenerOptions {
  readonly url: string;
  readonly connectTimeoutMs: number;
  /** How often it asks to be told again; 10 s when absent. */
  readonly renewEveryMs?: number;
  readonly log: Logger;
  /** A site has commands; null: any may have, for something may have been missed. */
  readonly onWake: (siteId: number | null) => void;
  /** The same of the plan of a site. */
  readonly onPlan?: (siteId: number | null) => void;
}

/**
 * Hears of commands and plans from all instances, on a connection of its own. States: `connecting` → `listening` → (it breaks)
 * `waiting` → `connecting`; any → `stopped`. Whoever waits must look now and then by itself: a notice can be lost.
 */
export class CommandListener {
  readonly #options: CommandListenerOptions;
  readonly #stopping = new AbortController();
  readonly #loop: Promise<void>;
  #wake: () => void = () => undefined;
  /** What is told is heard, since the connection that was asked last is open still. */
  #isHeard = false;

  constructor(options: CommandListenerOptions) {
    this.#options = options;
    this.#loop = this.#run();
  }

  /** Idempotent. */
  async stop(): Promise<void> {
    this.#stopping.abort();
    this.#wake();
    await this.#loop;
  }

  async #run(): Promise<void> {
    for (let failures = 0; !this.#isStopping; failures++) {
      if (failures > 0) await this.#sleep(Math.min(retryMs.most, retryMs.first * 2 ** (failures - 1)));
      if (this.#isStopping) return;
      const pool = this.#open();
      try {
        while (!this.#isStopping) {
          // Asking twice is the same as once, and tells whether the connection lives.
          const ms = this.#options.connectTimeoutMs + 1_000;
          for (const channel of [planChannel, commandChannel])
            await within(
              pool.sql.unsafe(`listen ${channel}`),
              ms,
              () => new Error(`no answer within ${ms} ms`),
            );
          failures = 0;
          // What was told while nobody listened is not told again. Otherwise nobody is to look: all would at once.
          if (!this.#isHeard) {
            this.#options.onWake(null);
            this.#options.onPlan?.(null);
          }
          this.#isHeard = true;
          await this.#sleep(this.#options.renewEveryMs ?? renewEveryMs);
        }
      } catch (err) {
        this.#options.log.debug({ err }, 'not listening for commands');
      }
      await pool.end(0);
    }
  }

  #open(): Pool {
    const { url, connectTimeoutMs, onWake, onPlan } = this.#options;
    this.#isHeard = false;
    return new Pool({
      url,
      poolSize: 1,
      connectTimeoutMs,
      statementTimeoutMs: connectTimeoutMs + 1_000,
      onNotify: (channel, payload) => {
        const siteId = /^\d+$/.test(payload) ? Number(payload) : null;
        if (channel === planChannel) onPlan?.(siteId);
        else onWake(siteId);
      },
      onClose: () => {
        this.#isHeard = false;
        this.#wake();
      },
    });
  }

  get #isStopping(): boolean {
    return this.#stopping.signal.aborted;
  }

  /** For `ms`, or until the connection closes or it is stopped. */
  async #sleep(ms: number): Promise<void> {
    if (this.#isStopping) return;
    await new Promise<void>((resolve) => {
      const timer = setTimeout(resolve, ms);
      this.#wake = () => {
        clearTimeout(timer);
        resolve();
      };
    });
    this.#wake = () => undefined;
  }
}
