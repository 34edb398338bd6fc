import { isAscii } from 'node:buffer';

/** UTF-16 code units become at most three bytes. */
const maxBytesPerUnit = 3;

/**
 * Collects the JSON texts of an upload's rows as bytes. A text that is kept until the end of the upload
 * is copied by every collection of garbage until then; one that is written here is dead at once.
 */
export class RowTexts {
  readonly #ends: number[] = [];
  #bytes: Buffer;
  #length = 0;

  /** `expectedBytes`: a guess of all texts together. */
  constructor(expectedBytes: number) {
    this.#bytes = Buffer.allocUnsafeSlow(expectedBytes);
  }

  /** Adds the text of the next row, made of these parts. */
  add(...parts: readonly string[]): void {
    for (const part of parts) {
      this.#reserve(part.length * maxBytesPerUnit);
      this.#length += this.#bytes.write(part, this.#length, 'utf8');
    }
    this.#ends.push(this.#length);
  }

  /** The JSON array of the rows at these positions, in this order, in memory of its own. */
  toArray(order: readonly number[]): Uint8Array {
    const total = order.reduce((sum, row) => sum + this.#end(row) - this.#end(row - 1) + 1, 1);
    const array = Buffer.allocUnsafeSlow(Math.max(total, 2));
    let at = 0;
    for (const row of order) {
      array[at++] = at === 1 ? openBracket : comma;
      at += this.#bytes.copy(array, at, this.#end(row - 1), this.#end(row));
    }
    if (order.length === 0) array[at++] = openBracket;
    array[at] = closeBracket;
    return array;
  }

  #end(row: number): number {
    return this.#ends[row] ?? 0;
  }

  #reserve(bytes: number): void {
    const needed = this.#length + bytes;
    if (needed <= this.#bytes.length) return;
    const larger = Buffer.allocUnsafeSlow(Math.max(needed, Math.ceil(this.#bytes.length * 1.5)));
    this.#bytes.copy(larger, 0, 0, this.#length);
    this.#bytes = larger;
  }
}

const openBracket = 0x5b;
const closeBracket = 0x5d;
const comma = 0x2c;

/** Text of UTF-8 bytes, from `from` to `to`; `isPlain` when all of them are known to be ASCII. */
export function textOf(bytes: Uint8Array, isPlain: boolean, from = 0, to = bytes.byteLength): string {
  const buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  return buffer.toString(isPlain ? 'latin1' : 'utf8', from, to);
}

/** The same, told from the bytes. */
export function decodeUtf8(bytes: Uint8Array): string {
  return textOf(bytes, isAscii(bytes));
}
