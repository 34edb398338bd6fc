import { Gap, isContainer, isNumberName, watched, type Container, type Watch } from './cut-gaps.js';
import type { Family } from './family.js';
import { toText } from './numbers.js';
import { isObject } from './reply-status.js';
import type { JsonObject, JsonValue, Replies, Reply } from './reply.js';

/** Readings watched: objects are told from lists, and those from plain values, by being tried. */
const rounds = 6;
/** Records that are put together by number show more when the number looked for comes round. */
const numberedRounds = 3;

/** What stands in the gaps of one completion. */
interface Filling {
  /** The plain value under a name. */
  leaf(name: string): JsonValue;
  /** The number of a list's entry under a name that may hold one. */
  number(name: string, number: string): JsonValue;
  /** The number of the record that the cut fell into; `null`: its place in its list. */
  readonly at: string | null;
  /** Whether it fills a copy, in which nothing is open. */
  readonly isCopy?: boolean;
  /** Whether more entries have the figures of those before them. */
  readonly isAlike?: boolean;
  /** How many more entries open lists have. */
  readonly more: number;
  /** Names that readers look for by going through a record instead of asking. */
  listed(record: JsonObject, leaf: JsonValue): JsonObject;
}

function build(name: string, gap: Gap, filling: Filling): JsonValue {
  if (gap.shape === 'object') {
    // One record stands for a list of such, where they are numbered.
    const isListed = filling.more > 0 && [...gap.missing.keys()].some((it) => isNumberName(it));
    return isListed
      ? entries({}, gap, filling, freeNumbers([]).slice(0, listLength))
      : completed({}, gap, filling);
  }
  if (gap.shape === 'list' && gap.entry?.isLookedInto() === true)
    return entries({}, gap.entry, filling, freeNumbers([]).slice(0, listLength));
  return filling.leaf(name);
}

/** Entries of a list that is made up. */
const listLength = 5;

/** Numbers that no record of a list has, as its `ID` where it has one. */
function freeNumbers(list: readonly JsonValue[]): string[] {
  const records = list.filter(isObject);
  const name = ['ID', 'id', 'Index', 'index'].find((it) => records.some((record) => it in record));
  const taken = new Set(records.map((record) => toText(name === undefined ? undefined : record[name])));
  return Array.from({ length: list.length + listLength + 1 }, (_, number) => String(number)).filter(
    (number) => !taken.has(number),
  );
}

/** Records like `sample`, one for each number. */
function entries(sample: JsonObject, gap: Gap, filling: Filling, numbers: readonly string[]): JsonObject[] {
  return numbers.map((at) => {
    const own = { ...filling, at, isCopy: true };
    return completed(likeness(sample, own), gap, own);
  });
}

/** A record with the names of `sample` and other values. */
function likeness(sample: JsonObject, filling: Filling): JsonObject {
  const other = (name: string, value: JsonValue): JsonValue => {
    if (Array.isArray(value)) return value.slice(0, listLength).map((entry) => other('', entry));
    if (isObject(value)) return likeness(value, filling);
    if (isNumberName(name)) return filling.number(name, filling.at ?? '0');
    return filling.isAlike === true ? value : filling.leaf(name);
  };
  return Object.fromEntries(Object.entries(sample).map(([name, value]) => [name, other(name, value)]));
}

function completed<T extends Container>(value: T, gap: Gap, filling: Filling): T {
  if (Array.isArray(value)) return completedList(value, gap, filling) as T;
  const whole: JsonObject = { ...value };
  const lastName = Object.keys(whole).at(-1);
  const last = lastName === undefined ? undefined : whole[lastName];
  if (lastName !== undefined && isContainer(last) && gap.inner !== null && filling.isCopy !== true)
    whole[lastName] = completed(last, gap.inner, filling);
  for (const [name, missing] of gap.missing) {
    if (Object.hasOwn(whole, name)) continue;
    const isNumber = isNumberName(name);
    whole[name] = isNumber ? filling.number(name, filling.at ?? '0') : build(name, missing, filling);
  }
  if (!gap.isListed) return whole as T;
  Object.assign(whole, moreMembers(value, filling));
  for (const [name, more] of Object.entries(filling.listed(value, scalarOf(filling.leaf('rate')))))
    if (!Object.hasOwn(whole, name)) whole[name] = more;
  return whole as T;
}

/** More members of a list that is written as an object. */
function moreMembers(record: JsonObject, filling: Filling): JsonObject {
  const values = Object.values(record);
  const last = values.at(-1);
  if (!values.every(isObject) || !isObject(last)) return {};
  const names = freeNumbers([]).filter((name) => !Object.hasOwn(record, name));
  return Object.fromEntries(
    names.slice(0, filling.more).map((at) => [at, likeness(last, { ...filling, at })]),
  );
}

/** Names up to which a record is taken for one of many: wider ones tell of everything side by side. */
const mostNames = 64;

/** Whether it is a record of a list, or nothing at all. */
function isNarrow(record: JsonValue | undefined): record is JsonObject | undefined {
  if (record === undefined) return true;
  return isObject(record) && Object.keys(record).length <= mostNames;
}

function completedList(value: JsonValue[], gap: Gap, filling: Filling): JsonValue[] {
  const last = value.at(-1);
  const before = value.at(-2);
  // The one before is whole.
  const sample = isNarrow(last) && isNarrow(before) ? { ...last, ...before } : {};
  const own = { ...filling, at: filling.at ?? String(value.length - 1) };
  const head = [...value];
  if (isContainer(last) && gap.inner !== null) {
    const whole = completed(last, gap.inner, own);
    head[head.length - 1] = whole;
    if (isObject(whole) && gap.entry !== null && isNarrow(last)) {
      // What its like has it may have too.
      const like = completed(likeness(sample, own), gap.entry, { ...own, isCopy: true });
      const told = Object.entries(whole).filter(([name]) => Object.hasOwn(last, name));
      head[head.length - 1] = { ...whole, ...like, ...Object.fromEntries(told) };
    }
  }
  if (filling.more === 0 || gap.entry === null) return head;
  const isOfScalars = value.length > 0 && !isContainer(last);
  if (isOfScalars) return [...head, scalarOf(filling.leaf(''))];
  return [...head, ...entries(sample, gap.entry, filling, freeNumbers(value).slice(0, filling.more))];
}

const scalarOf = (leaf: JsonValue): JsonValue => (Array.isArray(leaf) ? (leaf[0] ?? null) : leaf);

/** Words by which readers know what stands beside them, by the name they stand under; else `figure`. */
function wordOr(name: string, figure: string): JsonValue {
  if (/active|running|enabled|connected/i.test(name)) return true;
  // Chip maps.
  if (/^(?:chain_acs\d*|asic|asic_status)$/.test(name)) return 'oxo';
  if (/status/i.test(name)) return 'Alive';
  if (/model/i.test(name)) return 'Antminer S9';
  if (/name|desc|type|label/i.test(name)) return 'chip btminer';
  if (/state|mode|sleep|off/i.test(name)) return 'sleeping';
  // No machine does what the largest figure would be as a rate.
  if (/rate|hs|hash|ideal|nominal|factory/i.test(name) && figure.length > 6) return '145';
  return /mac|addr|netid/i.test(name) ? '02:00:00:00:00:01' : figure;
}

type Plan = Omit<Filling, 'listed'>;
const asNumber = (_name: string, number: string): JsonValue => number;
const figures = (figure: string, at: string | null, more: number): Plan => ({
  leaf: () => figure,
  number: asNumber,
  at,
  more,
});
/** The same names come for every record. */
function remembered(leaf: (name: string) => JsonValue): (name: string) => JsonValue {
  const known = new Map<string, JsonValue>();
  return (name) => {
    let value = known.get(name);
    if (value === undefined) known.set(name, (value = leaf(name)));
    return value;
  };
}

const words = (figure: string, at: string | null, more: number): Plan => ({
  leaf: remembered((name) => wordOr(name, figure)),
  number: (name, number) => (/name/i.test(name) ? wordOr(name, number) : number),
  at,
  more,
});

/** More than any machine does, GH/s. */
const mostGhs = 1e6;

/**
 * What is tried in the gaps: words and small, large and impossible figures, a yes, a list; and, since readers
 * tell units by what stands beside a rate, the rate in others. Figures are text, which is read as a name too.
 */
function plansFor(hashrateGhs: number | null): Plan[] {
  const rates = [1e3, 1e6].map((scale) => (hashrateGhs ?? 0) * scale);
  return [
    words('3', null, 4),
    words('145', null, 5),
    words('9000000000', '0', 2),
    { ...figures('140', null, 6), isAlike: true },
    figures('254', '4', 0),
    { leaf: () => ['140', '140'], number: asNumber, at: '6', more: 3 },
    ...rates.filter((it) => it > 0 && it < mostGhs).map((it) => figures(String(it), '7', 0)),
  ];
}

function opened(reply: Reply, value: JsonObject): Reply {
  const { command, bytes } = reply;
  return { kind: 'ok', command, value, repairs: [], isTruncated: true, bytes };
}

const valueOf = (reply: Reply): JsonObject =>
  reply.kind === 'ok' || reply.kind === 'device_error' ? reply.value : {};

/**
 * Replies that the device may have sent where `cut` names the commands whose replies lost their end: each
 * with other values behind the cut, as far as `read` would look at them.
 */
export function completionsOf(
  replies: Replies,
  cut: readonly string[],
  read: (replies: Replies) => unknown,
  options: { readonly listed: Filling['listed']; readonly hashrateGhs: number | null },
): Replies[] {
  const gaps = new Map(cut.map((command) => [command, new Gap(0)]));
  const withValues = (valueFor: (reply: Reply, gap: Gap) => JsonObject): Replies => {
    const all = new Map(replies);
    for (const [command, gap] of gaps) {
      const reply = replies.get(command);
      if (reply !== undefined) all.set(command, opened(reply, valueFor(reply, gap)));
    }
    return all;
  };
  for (let round = 0; round < rounds; round += 1) {
    const watch: Watch = { round, isNumbered: false };
    read(withValues((reply, gap) => watched(valueOf(reply), gap, watch)));
    let isNew = false;
    for (const gap of gaps.values()) {
      gap.shape = 'object';
      isNew = gap.settle() || isNew;
    }
    if (!isNew && (round >= numberedRounds || !watch.isNumbered)) break;
  }
  const { listed, hashrateGhs } = options;
  return plansFor(hashrateGhs).map((plan) =>
    withValues((reply, gap) => completed(valueOf(reply), gap, { ...plan, listed })),
  );
}

const rateName = /^([KMGTP]HS) (?:\d+[smhS]|av)$/;
const windows = ['5s', 'av', '1m', '5m', '15m'];

/** Rates a record may tell besides: readers take whichever windows there are. */
function moreRates(record: JsonObject, leaf: JsonValue): JsonObject {
  const values = Object.values(record);
  // A list written as an object; what is added would make one record of it.
  if (values.length > 0 && values.every(isObject)) return {};
  const names = Object.keys(record);
  const rates = names.filter((name) => rateName.test(name));
  // Rates stand side by side: what comes behind them ends them.
  if (rates.length > 0 && rates.at(-1) !== names.at(-1)) return {};
  const unit = rateName.exec(rates[0] ?? '')?.[1] ?? 'MHS';
  return Object.fromEntries(windows.map((window) => [`${unit} ${window}`, leaf]));
}

/** What a family's reader may find in a record by going through it. */
export function listedNames(family: Family): Filling['listed'] {
  return (record, leaf) => ({ ...moreRates(record, leaf), ...family.listed?.(toText(leaf) ?? '') });
}
