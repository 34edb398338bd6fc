const chunkBytes = 131_072;
/** Empty chunks kept for the next batch, of all batches of a thread. */
const maxIdle = 64;
const idle: Buffer[] = [];

/**
 * Text put together outside the heap, so that what waits to be sent is not copied by every collection
 * of garbage. Chunks are used again.
 */
export class TextChunks {
  #full: Buffer[] = [];
  #chunk: Buffer | null = null;
  #length = 0;

  /** Appends `text` in UTF-8. */
  add(text: string): void {
    // Three bytes a UTF-16 unit are the most there can be.
    const most = text.length * 3;
    if (this.#chunk === null || this.#chunk.length - this.#length < most) this.#begin(most);
    this.#length += this.#chunk?.write(text, this.#length, 'utf8') ?? 0;
  }

  /** Everything added so far as one buffer; empty afterwards. */
  take(): Buffer {
    this.#begin(null);
    const whole = Buffer.concat(this.#full);
    for (const part of this.#full) {
      const chunk = Buffer.from(part.buffer);
      if (chunk.length === chunkBytes && idle.length < maxIdle) idle.push(chunk);
    }
    this.#full = [];
    return whole;
  }

  /** Puts the chunk aside and, unless `bytes` is null, opens one that so many fit into. */
  #begin(bytes: number | null): void {
    if (this.#chunk !== null && this.#length > 0) this.#full.push(this.#chunk.subarray(0, this.#length));
    this.#length = 0;
    if (bytes === null) this.#chunk = null;
    else if (bytes > chunkBytes) this.#chunk = Buffer.allocUnsafeSlow(bytes);
    else this.#chunk = idle.pop() ?? Buffer.allocUnsafeSlow(chunkBytes);
  }
}
