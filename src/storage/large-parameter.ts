import { randomUUID } from 'node:crypto';
import type { Socket } from 'node:net';
import { decodeUtf8 } from '../domain/row-texts.js';
import type { Sql } from './pool.js';

/** A text parameter of megabytes, for one query. */
export interface LargeParameter {
  /** Stands for the parameter where postgres.js takes its text. */
  readonly text: string;
  /** To be called when the query has ended. Idempotent. */
  readonly release: () => void;
}

const lent = new Map<string, Uint8Array>();
const tokenPrefix = 'headframe-bytes-';

/**
 * Lends the first parameter of a query as the UTF-8 bytes it already is. postgres.js takes text alone and
 * copies it four times on its way to the socket, which costs more than all the rest of a batch on that
 * thread; so it gets a word nobody can guess, and the socket (`withLargeParameters`) puts the bytes in its
 * place. Over TLS the socket sees no messages: the text itself goes then.
 */
export function lendBytes(sql: Sql, bytes: Uint8Array): LargeParameter {
  if (sql.options.ssl) return { text: decodeUtf8(bytes), release: () => undefined };
  const text = tokenPrefix + randomUUID();
  lent.set(text, bytes);
  return { text, release: () => lent.delete(text) };
}

/** A connection's socket that sends lent bytes in the place of their word. */
export function withLargeParameters(socket: Socket): Socket {
  const write = socket.write.bind(socket) as (chunk: Uint8Array, sent?: () => void) => boolean;
  const writeMessages = (chunk: Uint8Array, sent?: () => void): boolean => {
    const pieces = lent.size === 0 ? [chunk] : putBytes(chunk);
    const last = pieces.length - 1;
    if (last === 0) return write(chunk, sent);
    socket.cork();
    for (const piece of pieces.slice(0, last)) write(piece);
    const isRoomLeft = write(pieces[last] as Uint8Array, sent);
    socket.uncork();
    return isRoomLeft;
  };
  socket.write = writeMessages as typeof socket.write;
  return socket;
}

const bind = 0x42;
/** Type and length. */
const headBytes = 5;

/**
 * The pieces of a chunk of frontend messages (whole ones, as postgres.js writes them), lent bytes in the
 * place of the first parameter of a `Bind` that is a word of theirs.
 */
function putBytes(chunk: Uint8Array): Uint8Array[] {
  const messages = Buffer.from(chunk.buffer, chunk.byteOffset, chunk.byteLength);
  if (!messages.includes(tokenPrefix, 0, 'latin1')) return [chunk];
  const pieces: Uint8Array[] = [];
  let from = 0;
  for (let at = 0; at + headBytes <= messages.length;) {
    const length = messages.readInt32BE(at + 1);
    const parameter = messages[at] === bind ? firstParameter(messages, at + headBytes) : null;
    const bytes = parameter === null ? undefined : lent.get(messages.toString('latin1', ...parameter));
    if (parameter !== null && bytes !== undefined) {
      const [start, end] = parameter;
      const before = Buffer.from(messages.subarray(from, start));
      before.writeInt32BE(length - (end - start) + bytes.byteLength, at + 1 - from);
      before.writeInt32BE(bytes.byteLength, before.length - 4);
      pieces.push(before, bytes);
      from = end;
    }
    at += 1 + length;
  }
  pieces.push(messages.subarray(from));
  return pieces;
}

/** Where the first parameter of a `Bind` stands; null when it has none, or null. */
function firstParameter(messages: Buffer, body: number): [start: number, end: number] | null {
  const statementAt = messages.indexOf(0, body) + 1;
  const formatsAt = messages.indexOf(0, statementAt) + 1;
  const countAt = formatsAt + 2 + 2 * messages.readInt16BE(formatsAt);
  if (messages.readInt16BE(countAt) === 0) return null;
  const start = countAt + 6;
  const length = messages.readInt32BE(countAt + 2);
  return length < 0 ? null : [start, start + length];
}
