import { gzipSync } from 'node:zlib';

// gzip streams may be joined end to end: brackets and commas are streams of their own, so what is
// compressed once is never inflated again on its way.
const [open, comma, close] = ['[', ',', ']'].map((text) => gzipSync(text, { level: 9 })) as [
  Buffer,
  Buffer,
  Buffer,
];

/** gzip of a JSON array, of gzipped pieces of it: records with commas between them. */
export function joinPieces(pieces: readonly Uint8Array[]): Buffer {
  return Buffer.concat([
    open,
    ...pieces.flatMap((piece, at) => (at === 0 ? [piece] : [comma, piece])),
    close,
  ]);
}

/** What `joinPieces` put between its brackets; null when the bytes are not of its making. */
export function piecesOf(gz: Uint8Array): Uint8Array | null {
  const bytes = Buffer.from(gz.buffer, gz.byteOffset, gz.byteLength);
  const end = bytes.length - close.length;
  const isJoined =
    end > open.length && bytes.subarray(0, open.length).equals(open) && bytes.subarray(end).equals(close);
  return isJoined ? bytes.subarray(open.length, end) : null;
}
