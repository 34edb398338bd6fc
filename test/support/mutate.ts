/** Numbers from 0 to below 1 that follow from a seed (mulberry32). */
export function randomOf(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296;
  };
}

type Mutation = (text: string, random: () => number) => string;

const place = (text: string, random: () => number): number => Math.floor(random() * (text.length + 1));
const pick = <T>(list: readonly T[], random: () => number): T =>
  list[Math.floor(random() * list.length)] as T;

const fragments = [
  ...'{}[]",:\\\'|=',
  '\n',
  '\0',
  'nan',
  '-inf',
  '""',
  '[[[[[[[[',
  '{"a":',
  'é',
  '\ufffd',
  '1e999',
  '-1',
  ' ',
  'null',
] as const;

/** What happens to replies on their way, and what firmware does to them. */
export const mutations: Readonly<Record<string, Mutation>> = {
  cut: (text, random) => text.slice(0, place(text, random)),
  'one byte changed': (text, random) => {
    const at = place(text, random);
    return `${text.slice(0, at)}${String.fromCharCode(Math.floor(random() * 256))}${text.slice(at + 1)}`;
  },
  'bytes lost': (text, random) => {
    const at = place(text, random);
    return text.slice(0, at) + text.slice(at + 1 + Math.floor(random() * 40));
  },
  'a fragment put in': (text, random) => {
    const at = place(text, random);
    return text.slice(0, at) + pick(fragments, random) + text.slice(at);
  },
  'a number that is none': (text, random) => {
    const numbers = [...text.matchAll(/:-?\d+(?:\.\d+)?/g)];
    const found = numbers[Math.floor(random() * numbers.length)];
    if (found === undefined) return `${text}nan`;
    const end = found.index + found[0].length;
    return `${text.slice(0, found.index)}:${pick(['nan', '-nan', 'inf', '""', '-1', '1e400', '99999999999999'], random)}${text.slice(end)}`;
  },
  'keys in another order': (text, random) => {
    try {
      return JSON.stringify(reorder(JSON.parse(text) as unknown, random));
    } catch {
      return text.slice(1);
    }
  },
  'a comma lost': (text, random) => {
    const commas = [...text.matchAll(/,/g)];
    const at = commas[Math.floor(random() * commas.length)]?.index ?? 0;
    return text.slice(0, at) + text.slice(at + 1);
  },
  'a part twice': (text, random) => {
    const [a, b] = [place(text, random), place(text, random)].sort((x, y) => x - y) as [number, number];
    return text.slice(0, b) + text.slice(a, b) + text.slice(b);
  },
  'another ending': (text, random) =>
    text + pick(['\n', '\n\0', '\0\n', '"}', '\0{', '}', 'GET /', ','], random),
};

const names = Object.keys(mutations);

/** A text with one to three mutations that follow from the seed, and their names. */
export function mutate(
  text: string,
  random: () => number,
): { readonly text: string; readonly how: string[] } {
  const how = Array.from({ length: 1 + Math.floor(random() * 3) }, () => pick(names, random));
  return { how, text: how.reduce((so, name) => mutations[name]?.(so, random) ?? so, text) };
}

function reorder(value: unknown, random: () => number): unknown {
  if (Array.isArray(value)) return value.map((entry) => reorder(entry, random));
  if (typeof value !== 'object' || value === null) return value;
  const entries = Object.entries(value).map(([key, child]) => [key, reorder(child, random)] as const);
  for (let at = entries.length - 1; at > 0; at -= 1) {
    const other = Math.floor(random() * (at + 1));
    [entries[at], entries[other]] = [
      entries[other] as (typeof entries)[0],
      entries[at] as (typeof entries)[0],
    ];
  }
  return Object.fromEntries(entries);
}
