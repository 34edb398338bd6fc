/**
 * Where a reply stands.
 *
 * - `incomplete`: read on until NUL, end of stream or the deadline.
 * - `quiet-candidate`: what came may be all of it (balanced JSON, or bare NULs). The caller ends the
 *   reply when nothing more arrives for its quiet time (150–250 ms); more bytes may lead back to `incomplete`.
 * - `complete`: a NUL or the end of the stream was seen; later bytes are dropped.
 * - `too_large`: over the limit; nothing more is kept, the caller closes the connection.
 */
export type FrameState = 'incomplete' | 'quiet-candidate' | 'complete' | 'too_large';

/** Largest reply read, bytes; the largest one known from a device is 67 KB. */
export const defaultMaxReplyBytes = 1024 * 1024;

const NUL = 0x00;
const QUOTE = 0x22;
const BACKSLASH = 0x5c;

const isSpace = (byte: number): boolean => byte === 0x20 || (byte >= 0x09 && byte <= 0x0d);
const isByteOrderMark = (byte: number): boolean => byte === 0xef || byte === 0xbb || byte === 0xbf;

/**
 * Decides when one reply is complete, from its bytes alone: no clock, no socket.
 *
 * CGMiner ends a reply with one NUL and closes; some firmwares leave out the NUL, send a newline
 * around it, or keep the socket open. A newline never ends a reply: pretty-printed JSON has them.
 * Brackets count only outside strings, and every byte is looked at once.
 */
export class ReplyFramer {
  readonly #maxBytes: number;
  readonly #chunks: Buffer[] = [];
  #length = 0;
  #state: FrameState = 'incomplete';
  /** `start` until a byte that is no space; `text` is never balanced. */
  #mode: 'start' | 'json' | 'text' = 'start';
  #depth = 0;
  #isInString = false;
  #isEscaped = false;

  constructor(options: { readonly maxBytes?: number } = {}) {
    this.#maxBytes = options.maxBytes ?? defaultMaxReplyBytes;
  }

  /** Takes the next bytes of the stream and keeps a reference to them, not a copy. */
  push(chunk: Buffer): FrameState {
    if (this.#state === 'complete' || this.#state === 'too_large') return this.#state;
    const nul = this.#findEnd(chunk);
    const part = nul === -1 ? chunk : chunk.subarray(0, nul + 1);
    if (this.#length + part.length > this.#maxBytes) return (this.#state = 'too_large');
    this.#chunks.push(part);
    this.#length += part.length;
    if (nul !== -1) return (this.#state = 'complete');
    return (this.#state = this.#scan(part));
  }

  /** The peer closed its side. */
  end(): FrameState {
    if (this.#state !== 'too_large') this.#state = 'complete';
    return this.#state;
  }

  /** What came so far, up to and with the NUL that ended it: `decodeReply` reads it as the mark of completeness. */
  bytes(): Buffer {
    return this.#chunks.length === 1 ? (this.#chunks[0] ?? Buffer.alloc(0)) : Buffer.concat(this.#chunks);
  }

  /** Index of the first NUL after content; NULs ahead of any content end nothing. */
  #findEnd(chunk: Buffer): number {
    let from = 0;
    if (this.#mode === 'start') {
      while (from < chunk.length && (chunk[from] === NUL || isSpace(chunk[from] ?? NUL))) from += 1;
    }
    return chunk.indexOf(NUL, from);
  }

  #scan(part: Buffer): FrameState {
    let i = 0;
    if (this.#mode === 'start') {
      while (i < part.length && this.#isLead(part[i] ?? NUL)) i += 1;
      if (i === part.length) return part.includes(NUL) ? 'quiet-candidate' : this.#state;
      this.#mode = part[i] === 0x7b || part[i] === 0x5b ? 'json' : 'text';
    }
    if (this.#mode === 'text') return 'incomplete';
    this.#countBrackets(part, i);
    return this.#depth === 0 ? 'quiet-candidate' : 'incomplete';
  }

  #isLead(byte: number): boolean {
    return byte === NUL || isSpace(byte) || isByteOrderMark(byte);
  }

  /** Outside every bracket strings are not followed: there only stray text can stand. */
  #countBrackets(part: Buffer, from: number): void {
    let depth = this.#depth;
    let isInString = this.#isInString;
    let isEscaped = this.#isEscaped;
    for (let i = from; i < part.length; i += 1) {
      const byte = part[i];
      if (isEscaped) isEscaped = false;
      else if (isInString) {
        if (byte === QUOTE) isInString = false;
        else if (byte === BACKSLASH) isEscaped = true;
      } else if (byte === QUOTE) isInString = depth > 0;
      else if (byte === 0x7b || byte === 0x5b) depth += 1;
      else if ((byte === 0x7d || byte === 0x5d) && depth > 0) depth -= 1;
    }
    this.#depth = depth;
    this.#isInString = isInString;
    this.#isEscaped = isEscaped;
  }
}
