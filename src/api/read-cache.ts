/**
 * Answers of reads, shared: while one is being loaded everyone waits for the same load, and for
 * `ttlMs` after it everyone gets its answer. Failures are not kept. The oldest go past `maxEntries`.
 */
export class ReadCache {
  readonly #maxEntries: number;
  readonly #now: () => number;
  readonly #loaded = new Map<string, { readonly value: unknown; readonly expiresMs: number }>();
  readonly #loading = new Map<string, Promise<unknown>>();

  constructor(maxEntries: number, now: () => number) {
    this.#maxEntries = maxEntries;
    this.#now = now;
  }

  /** `key` names the read and its parameters; one key is always of one type. */
  async get<T>(key: string, ttlMs: number, load: () => Promise<T>): Promise<T> {
    const kept = this.#loaded.get(key);
    if (kept !== undefined && kept.expiresMs > this.#now()) return kept.value as T;
    const running = this.#loading.get(key);
    if (running !== undefined) return (await running) as T;
    const loading = load();
    this.#loading.set(key, loading);
    try {
      const value = await loading;
      this.#keep(key, value, ttlMs);
      return value;
    } finally {
      this.#loading.delete(key);
    }
  }

  #keep(key: string, value: unknown, ttlMs: number): void {
    this.#loaded.delete(key);
    this.#loaded.set(key, { value, expiresMs: this.#now() + ttlMs });
    for (const oldest of this.#loaded.keys()) {
      if (this.#loaded.size <= this.#maxEntries) break;
      this.#loaded.delete(oldest);
    }
  }
}
