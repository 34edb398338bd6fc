import { keepNewest } from '../src/domain/keep-newest.js';
import type { StoredToken, TokenSlot } from '../src/miner/writers/writer.js';

/** Tokens remembered at once; the one used longest ago is let go. */
const maxTokens = 20_000;

/** Tokens of miners between commands, by address. Secret: they stay in memory. */
export class TokenMemory {
  readonly #tokens = new Map<string, StoredToken>();

  /** One miner's place, bound to what it was earned with: other credentials find it empty. */
  slot(address: string, secret: string): TokenSlot {
    const key = `${address} ${secret}`;
    return {
      get: () => this.#tokens.get(key) ?? null,
      set: (token) => {
        this.#tokens.delete(key);
        this.#tokens.set(key, token);
        keepNewest(this.#tokens, maxTokens);
      },
      clear: () => {
        this.#tokens.delete(key);
      },
    };
  }
}
