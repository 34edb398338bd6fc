import { isObject } from './reply-status.js';
import type { JsonObject, JsonValue } from './reply.js';

/*
 * What may have stood behind a cut nobody knows, but a reader can be watched: the names it asks for in the
 * containers that a cut left open are those that could have changed what it reads. Replies completed with
 * such names, whatever stands under them, are replies the device may have sent.
 */

/** Levels of containers made up, at most. */
const maxDepth = 10;
/** Names remembered per container, at most. */
const maxNames = 512;
/** A container that may hold more, or a value that is missing. */
export class Gap {
  shape: 'unknown' | 'object' | 'list' | 'leaf' = 'unknown';
  /** Names asked for and not there. */
  readonly missing = new Map<string, Gap>();
  /** The open container inside this one: what the cut fell into. */
  inner: Gap | null = null;
  /** One more entry of a list. */
  entry: Gap | null = null;
  /** Somebody looked through all its names. */
  isListed = false;

  readonly depth: number;
  #seen = 0;

  constructor(depth: number) {
    this.depth = depth;
  }

  name(name: string): Gap | null {
    const known = this.missing.get(name);
    if (known !== undefined) return known;
    if (this.missing.size >= maxNames || this.depth >= maxDepth) return null;
    const gap = new Gap(this.depth + 1);
    this.missing.set(name, gap);
    return gap;
  }

  isLookedInto(): boolean {
    return this.missing.size > 0 || this.isListed;
  }

  /**
   * Learns from a round in which it stood as what `shape` says: what nobody looked into is no container.
   * True when another round may show more.
   */
  settle(): boolean {
    let isOpen = this.missing.size + (this.inner?.missing.size ?? 0) > this.#seen;
    this.#seen = this.missing.size + (this.inner?.missing.size ?? 0);
    for (const gap of this.missing.values()) isOpen = gap.settle() || isOpen;
    if (this.inner !== null && this.inner !== this.entry) isOpen = this.inner.settle() || isOpen;
    if (this.entry !== null) isOpen = this.entry.settle() || isOpen;
    if (this.shape === 'list' && this.entry?.isLookedInto() !== true) this.shape = 'leaf';
    if (this.shape !== 'unknown') return isOpen;
    this.shape = this.isLookedInto() ? 'object' : 'list';
    if (this.shape === 'list') this.entry ??= new Gap(this.depth + 1);
    return true;
  }
}

/** A JSON object or list. */
export type Container = JsonObject | JsonValue[];
/** Whether a value holds others. */
export const isContainer = (value: JsonValue | undefined): value is Container =>
  typeof value === 'object' && value !== null;

/** What the first look at a missing value shows. */
const anyLeaf = '140';

/** Names by which records are put together, and of switches without which nothing else is looked at. */
const numberNames = new Set('id index slot asc pga pool dev board position priority name'.split(' '));
const longestNumberName = 8;
/** Whether a record's number may stand under a name. */
export const isNumberName = (name: string): boolean =>
  name.length <= longestNumberName && numberNames.has(name.toLowerCase());
const switchName = /active|running|enabled|connected/i;

/** What a round of watching shows and learns. */
export interface Watch {
  readonly round: number;
  /** Set when a record was asked for its number. */
  isNumbered: boolean;
}

/** A record's number is its place at first, later any, so that whoever looks for one finds it once. */
function numberIn(name: string, watch: Watch, place: number | null): string {
  const { round } = watch;
  watch.isNumbered = true;
  if (round % 2 === 1 && /name/i.test(name)) return 'chip';
  return String(round === 0 ? (place ?? 0) : round);
}

function stand(name: string, gap: Gap | null, watch: Watch, place: number | null): JsonValue | undefined {
  if (gap === null) return undefined;
  if (switchName.test(name) || isNumberName(name)) gap.shape = 'leaf';
  if (switchName.test(name)) return true;
  if (isNumberName(name)) return numberIn(name, watch, place);
  if (gap.shape === 'leaf') return anyLeaf;
  if (gap.shape === 'list') return gap.entry === null ? [] : [watched({}, gap.entry, watch)];
  return watched({}, gap, watch);
}

/** The open container as it is, but noting in `gap` what is asked of it that it does not have. */
export function watched<T extends Container>(
  value: T,
  gap: Gap,
  watch: Watch,
  place: number | null = null,
): T {
  if (Array.isArray(value)) {
    const last = value.at(-1);
    const entry = (gap.entry ??= new Gap(gap.depth + 1));
    // What is asked of one record of a list may be asked of the next.
    if (isContainer(last)) gap.inner ??= isObject(last) ? entry : new Gap(gap.depth + 1);
    const head =
      isContainer(last) && gap.inner !== null
        ? [...value.slice(0, -1), watched(last, gap.inner, watch, value.length - 1)]
        : value;
    return [...head, watched({}, entry, watch, value.length)] as T;
  }
  const target: JsonObject = value;
  const lastName = Object.keys(target).at(-1);
  const last = lastName === undefined ? undefined : target[lastName];
  const open = isContainer(last) ? watched(last, (gap.inner ??= new Gap(gap.depth + 1)), watch) : last;
  const look = (name: string): JsonValue | undefined => {
    if (Object.hasOwn(target, name)) return name === lastName ? open : target[name];
    return name in Object.prototype ? undefined : stand(name, gap.name(name), watch, place);
  };
  return new Proxy<JsonObject>(target, {
    get: (_target, name) => (typeof name === 'string' ? look(name) : undefined),
    getOwnPropertyDescriptor: (_target, name) => {
      const found = typeof name === 'string' ? look(name) : undefined;
      return found === undefined
        ? undefined
        : { value: found, configurable: true, enumerable: true, writable: true };
    },
    ownKeys: () => {
      gap.isListed = true;
      return Object.keys(target);
    },
  }) as T;
}
