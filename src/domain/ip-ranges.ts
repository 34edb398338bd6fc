import { AppError } from './errors.js';

/** An inclusive range of IPv4 addresses as unsigned 32-bit numbers. */
export interface IpRange {
  readonly first: number;
  readonly last: number;
}

/** More than a /12 in one range is a typing error, not a farm. */
export const maxRangeAddresses = 2 ** 20;

/** More ranges than these in one list would fill the memory before anything is counted; neighbours count each. */
const maxRanges = 2 ** 17;

const refusedBlocks: readonly {
  readonly name: string;
  readonly range: IpRange;
  readonly isLoopback?: true;
}[] = [
  { name: 'loopback', range: block('127.0.0.0', 8), isLoopback: true },
  { name: 'link-local', range: block('169.254.0.0', 16) },
  { name: 'multicast', range: block('224.0.0.0', 4) },
  { name: 'unspecified', range: block('0.0.0.0', 8) },
  { name: 'reserved', range: block('240.0.0.0', 4) },
];

/** An address as text, `10.0.0.1`. */
export function formatIp(address: number): string {
  return `${address >>> 24}.${(address >>> 16) & 255}.${(address >>> 8) & 255}.${address & 255}`;
}

/** Four decimal octets to a number; `null` when it is not an address (octal-looking octets are not). */
export function parseIp(text: string): number | null {
  const octets = text.split('.');
  if (octets.length !== 4) return null;
  let address = 0;
  for (const octet of octets) {
    if (!/^(0|[1-9]\d{0,2})$/.test(octet) || Number(octet) > 255) return null;
    address = address * 256 + Number(octet);
  }
  return address;
}

/**
 * Reads range expressions into disjoint, sorted ranges: CIDR `10.0.0.0/24`, `a-b`, the short form
 * `10.0.0.10-60`, wildcards `10.0.*.2`, single addresses; `!` before any of them excludes it.
 *
 * @throws AppError RANGE_INVALID naming the expression and what is wrong with it.
 */
export function parseRanges(expressions: readonly string[], options: { allowLoopback: boolean }): IpRange[] {
  const included: IpRange[] = [];
  const excluded: IpRange[] = [];
  let count = 0;
  for (const expression of expressions) {
    const text = expression.trim();
    const isExclusion = text.startsWith('!');
    const ranges = parseExpression(isExclusion ? text.slice(1).trim() : text, expression);
    count += ranges.length;
    if (count > maxRanges)
      throw new AppError(
        'RANGE_INVALID',
        `range "${expression}": ${maxRanges} ranges are the most of one list`,
      );
    if (!isExclusion) for (const range of ranges) refuseSpecial(range, expression, options.allowLoopback);
    (isExclusion ? excluded : included).push(...ranges);
  }
  return subtract(merge(included), merge(excluded));
}

/** The same ranges. @throws AppError RANGE_INVALID when nothing is in them. */
export function someOf(ranges: IpRange[]): IpRange[] {
  if (ranges.length === 0)
    throw new AppError('RANGE_INVALID', 'no address is left: the exclusions take all of them');
  return ranges;
}

/** True for an address in one of the ranges. */
export const holdsAddress = (ranges: readonly IpRange[], address: number): boolean =>
  ranges.some(({ first, last }) => first <= address && address <= last);

/** How many addresses disjoint ranges hold. */
export function countAddresses(ranges: readonly IpRange[]): number {
  return ranges.reduce((sum, range) => sum + range.last - range.first + 1, 0);
}

/** Every address of disjoint ranges, ascending. */
export function* addressesOf(ranges: readonly IpRange[]): Generator<number> {
  for (const range of ranges) for (let address = range.first; address <= range.last; address++) yield address;
}

function parseExpression(text: string, expression: string): IpRange[] {
  const fail = (why: string): never => {
    throw new AppError('RANGE_INVALID', `range "${expression}": ${why}`);
  };
  const octal = text.split(/[./*-]/).find((part) => /^0\d/.test(part));
  if (octal !== undefined) fail(`"${octal}" looks octal; write ${Number(octal)} without the leading zero`);
  const address = (part: string): number =>
    parseIp(part.trim()) ?? fail(`"${part.trim()}" is no IPv4 address`);

  if (text.includes('*')) return parseWildcard(text, fail);
  if (text.includes('/')) {
    const [base = '', bits = ''] = text.split('/', 2);
    if (!/^\d{1,2}$/.test(bits) || Number(bits) > 32) fail(`"/${bits}" is no prefix length (0 to 32)`);
    if (Number(bits) < 12) fail(`a /${bits} is larger than a /12 (${maxRangeAddresses} addresses); split it`);
    return [block(formatIp(address(base)), Number(bits))];
  }
  if (text.includes('-')) {
    const [from = '', to = ''] = text.split('-', 2);
    const first = address(from);
    const short = /^\s*\d{1,3}\s*$/.test(to);
    if (short && Number(to) > 255) fail(`"${to.trim()}" is no last octet (0 to 255)`);
    const last = short ? first - (first % 256) + Number(to) : address(to);
    if (last < first) fail(`it runs backwards: ${formatIp(last)} is before ${formatIp(first)}`);
    if (last - first + 1 > maxRangeAddresses)
      fail(`it is larger than a /12 (${maxRangeAddresses} addresses); split it`);
    return [{ first, last }];
  }
  const single = address(text);
  return [{ first: single, last: single }];
}

function parseWildcard(text: string, fail: (why: string) => never): IpRange[] {
  const octets = text.split('.');
  if (octets.length !== 4) fail('a wildcard needs four octets, as in 10.0.*.2');
  const choices = octets.map((octet) => {
    if (octet === '*') return { from: 0, to: 255 };
    if (!/^\d{1,3}$/.test(octet) || Number(octet) > 255) fail(`"${octet}" is no octet (0 to 255, or *)`);
    return { from: Number(octet), to: Number(octet) };
  });
  const size = choices.reduce((product, choice) => product * (choice.to - choice.from + 1), 1);
  if (size > maxRangeAddresses) fail(`it is larger than a /12 (${maxRangeAddresses} addresses); split it`);
  let prefixes = [0];
  for (const choice of choices.slice(0, 3)) {
    prefixes = prefixes.flatMap((prefix) => {
      const next: number[] = [];
      for (let octet = choice.from; octet <= choice.to; octet++) next.push(prefix * 256 + octet);
      return next;
    });
  }
  const last = choices[3] ?? { from: 0, to: 255 };
  return prefixes.map((prefix) => ({ first: prefix * 256 + last.from, last: prefix * 256 + last.to }));
}

function refuseSpecial(range: IpRange, expression: string, allowLoopback: boolean): void {
  for (const refused of refusedBlocks) {
    if (range.last < refused.range.first || range.first > refused.range.last) continue;
    if (refused.isLoopback && allowLoopback) continue;
    const fix = refused.isLoopback ? '; set `allow_loopback: true` to poll simulated miners' : '';
    throw new AppError('RANGE_INVALID', `range "${expression}": ${refused.name} addresses are refused${fix}`);
  }
}

function block(base: string, bits: number): IpRange {
  const size = 2 ** (32 - bits);
  const address = parseIp(base) ?? 0;
  const first = address - (address % size);
  return { first, last: first + size - 1 };
}

function merge(ranges: readonly IpRange[]): IpRange[] {
  const merged: { first: number; last: number }[] = [];
  for (const range of [...ranges].sort((a, b) => a.first - b.first)) {
    const previous = merged.at(-1);
    if (previous && range.first <= previous.last + 1) previous.last = Math.max(previous.last, range.last);
    else merged.push({ ...range });
  }
  return merged;
}

/** Both lists sorted and disjoint. */
function subtract(ranges: readonly IpRange[], holes: readonly IpRange[]): IpRange[] {
  const left: IpRange[] = [];
  let next = 0;
  for (const range of ranges) {
    let first = range.first;
    while (next > 0 && (holes[next - 1]?.last ?? 0) >= range.first) next--;
    for (let i = next; i < holes.length; i++) {
      const hole = holes[i];
      if (!hole || hole.first > range.last) break;
      next = i;
      if (hole.last < first) continue;
      if (hole.first > first) left.push({ first, last: hole.first - 1 });
      first = hole.last + 1;
    }
    if (first <= range.last) left.push({ first, last: range.last });
  }
  return left;
}
