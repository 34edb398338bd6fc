import { keepNewest } from '../src/domain/keep-newest.js';
import type { Challenge } from '../src/miner/http/digest.js';
import type { WebToken } from '../src/miner/http/web-access.js';

/** What lets the next request to a miner go through at once. Secret: it stays in the thread's memory. */
export interface WebSession {
  readonly token?: WebToken;
  readonly challenge?: Challenge;
  /** How often the challenge's nonce has been used. */
  uses: number;
}

/** Sessions remembered at once; the one used longest ago is let go. */
const maxSessions = 20_000;

/** Logins and nonces by address and family: learned again when the thread is replaced. */
export class WebMemory {
  readonly #sessions = new Map<string, WebSession>();

  get(key: string): WebSession | null {
    return this.#sessions.get(key) ?? null;
  }

  set(key: string, session: WebSession): void {
    this.#sessions.delete(key);
    this.#sessions.set(key, session);
    keepNewest(this.#sessions, maxSessions);
  }

  delete(key: string): void {
    this.#sessions.delete(key);
  }
}
