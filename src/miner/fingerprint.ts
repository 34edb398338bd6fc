import { createHash } from 'node:crypto';
import type { JsonValue, Reply } from './reply.js';

/** Text looked at for its shape, characters. */
const maxShapeText = 1024;
/** Key paths looked at for a shape, and how deep. */
const maxPaths = 2000;
const maxPathDepth = 12;

/** Twelve hex digits that stand for a shape: the same text, the same fingerprint, on every machine. */
export function fingerprintOf(shape: string): string {
  return createHash('sha1').update(shape).digest('hex').slice(0, 12);
}

/**
 * The shape of a text: runs of letters `a`, of digits `0`, of white space ` `, of other alphabets or
 * undecodable bytes `?`; punctuation stands for itself. Values differ between miners, this does not.
 */
export function textShape(text: string): string {
  return text
    .slice(0, maxShapeText)
    .replace(/\P{ASCII}+/gu, '?')
    .replace(/[A-Za-z]+/g, 'a')
    .replace(/[0-9]+/g, '0')
    .replace(/[ \p{Cc}]+/gu, ' ');
}

/** The shape of a reply: its key paths with their types, digits in keys as `#`, list elements as one; sorted. */
function jsonShape(value: JsonValue): string {
  const paths = new Set<string>();
  const pending: { readonly at: string; readonly value: JsonValue; readonly depth: number }[] = [
    { at: '', value, depth: 0 },
  ];
  for (let next = pending.pop(); next !== undefined && paths.size < maxPaths; next = pending.pop()) {
    const { at, depth } = next;
    if (typeof next.value !== 'object' || next.value === null) paths.add(`${at}:${typeof next.value}`);
    else if (depth >= maxPathDepth) paths.add(`${at}:deep`);
    else {
      const isList = Array.isArray(next.value);
      paths.add(`${at}:${isList ? 'list' : 'object'}`);
      for (const [key, child] of Object.entries(next.value)) {
        const step = isList ? '[]' : `.${key.replace(/[0-9]+/g, '#')}`;
        pending.push({ at: at + step, value: child, depth: depth + 1 });
      }
    }
  }
  return [...paths].sort().join('\n');
}

/**
 * The fingerprint of a damaged reply: its command, its kinds of repair and its shape. The shape is left
 * out when the reply was cut, since every cut falls elsewhere. `null` for a reply without damage.
 */
export function fingerprintReply(reply: Reply): string | null {
  if (reply.kind === 'unreadable') return reply.fingerprint;
  if (reply.kind === 'denied' || reply.repairs.length === 0) return null;
  const kinds = reply.repairs.map((repair) => repair.kind).sort();
  const isCut = reply.kind === 'ok' && reply.isTruncated;
  return fingerprintOf([reply.command, ...kinds, isCut ? '' : jsonShape(reply.value)].join('\n'));
}
