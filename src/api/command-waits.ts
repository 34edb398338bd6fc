export interface CommandWaitsOptions {
  /** Polls that may wait at once; one more is answered at once. */
  readonly maxWaiting: number;
  /** And of one key, so that no key takes all places. */
  readonly maxOfKey: number;
  /** How often it looks by itself while somebody waits, ms. */
  readonly tickMs: number;
  /** Those of the sites that have something to hand out. */
  readonly ready: (siteIds: readonly number[]) => Promise<readonly number[]>;
}

/** Why a wait ended: something may be there, its time is over or it was called off, or too many wait. */
export type WaitEnd = 'woken' | 'over' | 'full';

/** Who waits for commands of which site. */
export interface WaitFor {
  readonly siteId: number;
  readonly keyId: number;
}

interface Waiter extends WaitFor {
  readonly end: (why: WaitEnd) => void;
}

/**
 * Polls that wait for commands. They are woken by {@link wake}, and by a look of its own every tick, one for all
 * sites, so that a wake that was lost costs no more than that.
 */
export class CommandWaits {
  readonly #options: CommandWaitsOptions;
  readonly #waiters = new Set<Waiter>();
  readonly #ofKey = new Map<number, number>();
  /** How often each site was woken: tells who looked before that it must look again. */
  readonly #wakes = new Map<number, number>();
  #allWakes = 0;
  #timer: NodeJS.Timeout | null = null;
  #isLooking = false;

  constructor(options: CommandWaitsOptions) {
    this.#options = options;
  }

  get waiting(): number {
    return this.#waiters.size;
  }

  /** To be taken before looking, and given to {@link wait}. */
  mark(siteId: number): number {
    return this.#allWakes + (this.#wakes.get(siteId) ?? 0);
  }

  /** Until the site is woken (or was since `mark`), `ms` have passed, or the signal aborts. */
  async wait({ siteId, keyId }: WaitFor, mark: number, ms: number, signal: AbortSignal): Promise<WaitEnd> {
    if (signal.aborted || ms <= 0) return 'over';
    if (this.mark(siteId) !== mark) return 'woken';
    const { maxWaiting, maxOfKey } = this.#options;
    const ofKey = this.#ofKey.get(keyId) ?? 0;
    if (this.#waiters.size >= maxWaiting || ofKey >= maxOfKey) return 'full';
    this.#timer ??= setInterval(() => void this.#look(), this.#options.tickMs);
    return new Promise((resolve) => {
      const over = (): void => waiter.end('over');
      const timer = setTimeout(over, ms);
      const waiter: Waiter = {
        siteId,
        keyId,
        end: (why) => {
          clearTimeout(timer);
          signal.removeEventListener('abort', over);
          if (this.#waiters.delete(waiter)) this.#count(keyId, -1);
          if (this.#waiters.size === 0) this.#stopLooking();
          resolve(why);
        },
      };
      signal.addEventListener('abort', over, { once: true });
      this.#waiters.add(waiter);
      this.#count(keyId, 1);
    });
  }

  #count(keyId: number, by: 1 | -1): void {
    const n = (this.#ofKey.get(keyId) ?? 0) + by;
    if (n > 0) this.#ofKey.set(keyId, n);
    else this.#ofKey.delete(keyId);
  }

  /** Something may be there for a site; null: for any. */
  wake(siteId: number | null): void {
    if (siteId === null) this.#allWakes++;
    else this.#wakes.set(siteId, (this.#wakes.get(siteId) ?? 0) + 1);
    for (const waiter of [...this.#waiters])
      if (siteId === null || waiter.siteId === siteId) waiter.end('woken');
  }

  async #look(): Promise<void> {
    if (this.#isLooking) return;
    this.#isLooking = true;
    try {
      const siteIds = [...new Set([...this.#waiters].map((waiter) => waiter.siteId))];
      for (const siteId of await this.#options.ready(siteIds)) this.wake(siteId);
    } catch {
      // The database is away: the next tick looks again, and who waits is told by its own next call.
    } finally {
      this.#isLooking = false;
    }
  }

  #stopLooking(): void {
    if (this.#timer !== null) clearInterval(this.#timer);
    this.#timer = null;
  }
}
