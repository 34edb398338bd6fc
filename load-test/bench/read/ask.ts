import { unit } from '../../simulator/random.js';

/** One kind of request, asked again and again with other parameters. */
export interface Ask {
  readonly name: string;
  /** 95th percentile it must reach, ms; absent for what is only told. */
  readonly targetMs?: number;
  /** The next request of this kind. */
  readonly next: () => Request;
  /** Whether the first answer holds what was meant: a fast answer of nothing is no figure. */
  readonly isMeant: (data: Answer) => boolean;
}

export interface Request {
  readonly path: string;
  /** Answers of the api's own caches that this request makes or takes: none is asked for while it is fresh. */
  readonly cached: readonly string[];
}

/** `data` of an answer, as far as the benchmark looks into it. */
export interface Answer {
  readonly [name: string]: unknown;
}

/** An endless row of the same pseudo-random numbers, 0 up to 1. */
export type Random = () => number;

export function createRandom(seed: number): Random {
  let draws = 0;
  return () => unit(seed, draws++);
}

/** A number below `count`. */
export function below(random: Random, count: number): number {
  return Math.floor(random() * count);
}

export function oneOf<T>(random: Random, values: readonly T[]): T {
  return values[below(random, values.length)] as T;
}

/** Whether a list of the answer has at least so many entries. */
export function hasAtLeast(data: Answer, name: string, count: number): boolean {
  const list = data[name];
  return Array.isArray(list) && list.length >= count;
}
