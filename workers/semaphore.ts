const ranks = 3;

/** At most `size` holders at once; waiters of a lower rank (0–2) go first, equal ranks in order. */
export class Semaphore {
  #free: number;
  readonly #waiters: (() => void)[][] = Array.from({ length: ranks }, () => []);

  constructor(size: number) {
    this.#free = size;
  }

  /** Resolves when a place is free. Give it back with `release`. */
  acquire(rank: 0 | 1 | 2): Promise<void> {
    if (this.#free > 0) {
      this.#free--;
      return Promise.resolve();
    }
    return new Promise((resolve) => this.#waiters[rank]?.push(resolve));
  }

  release(): void {
    for (const queue of this.#waiters) {
      const next = queue.shift();
      if (next) return next();
    }
    this.#free++;
  }
}
