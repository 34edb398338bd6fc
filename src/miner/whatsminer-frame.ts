import { defaultMaxReplyBytes } from './framing.js';

/** Bytes of the length in front of every message: unsigned, little end first. */
const headerBytes = 4;

/**
 * One message of Whatsminer's API v3 (port 4433): its length in bytes, then the UTF-8 text.
 * The same both ways.
 */
export function encodeFrame(text: string): Buffer {
  const body = Buffer.from(text, 'utf8');
  const frame = Buffer.allocUnsafe(headerBytes + body.length);
  frame.writeUInt32LE(body.length, 0);
  body.copy(frame, headerBytes);
  return frame;
}

/**
 * Where a frame stands: read on; all of it came, or the stream ended; its length is over the limit
 * (nothing is kept then, the caller closes the connection).
 */
export type FrameProgress = 'incomplete' | 'complete' | 'too_large';

/**
 * Puts one frame together from the chunks of a stream: no clock, no socket.
 *
 * An announced length is believed only up to `maxBytes`, before anything is set aside for it. A device
 * that answers in plain JSON (an older API behind the same port) is taken as it is: `{` and a blank or
 * quote as a length would be over 500 MiB.
 */
export class FrameAssembler {
  readonly #maxBytes: number;
  #chunks: Buffer[] = [];
  #length = 0;
  #progress: FrameProgress = 'incomplete';

  constructor(options: { readonly maxBytes?: number } = {}) {
    this.#maxBytes = options.maxBytes ?? defaultMaxReplyBytes;
  }

  /** Takes the next bytes of the stream; those behind the frame are dropped. */
  push(chunk: Buffer): FrameProgress {
    if (this.#progress !== 'incomplete' || chunk.length === 0) return this.#progress;
    this.#chunks.push(chunk);
    this.#length += chunk.length;
    const announced = this.#announced();
    if (announced === null) {
      if (this.#length > headerBytes && this.#length > this.#maxBytes) return this.#refuse();
      return this.#progress;
    }
    if (announced > this.#maxBytes) return this.#refuse();
    if (this.#length >= headerBytes + announced) this.#progress = 'complete';
    return this.#progress;
  }

  /** The peer closed its side: what came is all there will be. */
  end(): FrameProgress {
    if (this.#progress === 'incomplete') this.#progress = 'complete';
    return this.#progress;
  }

  /**
   * The message without its length. Of a frame whose end is missing it is what came; nothing when even
   * the length is cut, or the frame was too large.
   */
  body(): Buffer {
    const all = this.#joined();
    const announced = this.#announced();
    if (announced === null) return isPlain(all) ? all : all.subarray(all.length);
    return all.subarray(headerBytes, headerBytes + announced);
  }

  /** The frame's length; null while it has not come, or where there is none. */
  #announced(): number | null {
    if (this.#length < headerBytes) return null;
    const first = this.#chunks[0];
    const head = first !== undefined && first.length >= headerBytes ? first : this.#joined();
    return isPlain(head) ? null : head.readUInt32LE(0);
  }

  #joined(): Buffer {
    if (this.#chunks.length > 1) this.#chunks = [Buffer.concat(this.#chunks)];
    return this.#chunks[0] ?? Buffer.alloc(0);
  }

  #refuse(): FrameProgress {
    this.#chunks = [];
    this.#length = 0;
    return (this.#progress = 'too_large');
  }
}

/** True when the bytes begin like JSON text: `{` and a blank, a quote or `}` beside it. */
function isPlain(head: Buffer): boolean {
  const next = head[1] ?? 0;
  const third = head[2] ?? 0;
  const isText = (byte: number) =>
    byte === 0x09 || byte === 0x0a || byte === 0x0d || (byte >= 0x20 && byte < 0x7f);
  return head[0] === 0x7b && isText(next) && isText(third) && isText(head[3] ?? 0);
}
