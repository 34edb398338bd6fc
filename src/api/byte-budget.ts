/** Bytes one request holds of the budget, until released. */
export interface Lease {
  /** Bytes held now. */
  readonly bytes: number;
  /** Asks for another size; false, and unchanged, when the budget has no room. */
  tryResize(bytes: number): boolean;
  /** Takes the size the memory really has by now, room or not. */
  settle(bytes: number): void;
  /** Idempotent. */
  release(): void;
}

/**
 * Bounds the bytes of upload bodies in memory, over all requests. A request that is alone always
 * has room, so that a body within its own limits can never be refused for ever.
 */
export class ByteBudget {
  readonly #maxBytes: number;
  #used = 0;

  constructor(maxBytes: number) {
    this.#maxBytes = maxBytes;
  }

  get used(): number {
    return this.#used;
  }

  /** Null when there is no room. */
  lease(initialBytes: number): Lease | null {
    if (!this.#hasRoom(0, initialBytes)) return null;
    this.#used += initialBytes;
    let held = initialBytes;
    const hold = (bytes: number): void => {
      this.#used += bytes - held;
      held = bytes;
    };
    return {
      get bytes() {
        return held;
      },
      tryResize: (bytes) => {
        if (!this.#hasRoom(held, bytes)) return false;
        hold(bytes);
        return true;
      },
      settle: hold,
      release: () => hold(0),
    };
  }

  #hasRoom(held: number, bytes: number): boolean {
    const others = this.#used - held;
    return others === 0 || bytes <= held || others + bytes <= this.#maxBytes;
  }
}
