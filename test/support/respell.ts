/** A JSON value, its objects loosely typed: what a reply may hold. */
export type Value = string | number | boolean | null | readonly Value[] | { readonly [name: string]: Value };
type Record_ = { readonly [name: string]: Value };

const isRecord = (value: Value): value is Record_ =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

function names(value: Value, spell: (name: string) => string): Value {
  if (Array.isArray(value)) return value.map((it: Value) => names(it, spell));
  if (!isRecord(value)) return value;
  return Object.fromEntries(Object.entries(value).map(([name, it]) => [spell(name), names(it, spell)]));
}

function numbers(value: Value, write: (number: number, name: string) => Value, name = ''): Value {
  if (Array.isArray(value)) return value.map((it: Value) => numbers(it, write, name));
  if (isRecord(value))
    return Object.fromEntries(Object.entries(value).map(([key, it]) => [key, numbers(it, write, key)]));
  return typeof value === 'number' ? write(value, name) : value;
}

function withThousands(number: number): string {
  const [whole = '', rest] = String(number).split('.');
  return `${whole.replace(/\B(?=(\d{3})+(?!\d))/g, ',')}${rest === undefined ? '' : `.${rest}`}`;
}

const unitOf: readonly (readonly [RegExp, string])[] = [
  [/^temp|Temp/i, 'C'],
  [/fan\d|rpm|Speed/i, 'rpm'],
  [/^MHS/, 'MH/s'],
  [/^GHS/, 'GH/s'],
  [/power|watt/i, 'W'],
  [/freq/i, 'MHz'],
];

function withUnit(number: number, name: string): Value {
  const unit = unitOf.find(([pattern]) => pattern.test(name))?.[1];
  return unit === undefined ? number : `${number} ${unit}`;
}

/** A list of one record becomes the record; of several, an object with their numbers as names. */
function asObjects(value: Value): Value {
  if (Array.isArray(value)) {
    const list = value as readonly Value[];
    if (list.length === 0 || !list.every(isRecord)) return list;
    if (list.length === 1) return asObjects(list[0] ?? null);
    return Object.fromEntries(list.map((it, at) => [String(at), asObjects(it)]));
  }
  if (!isRecord(value)) return value;
  return Object.fromEntries(Object.entries(value).map(([name, it]) => [name, asObjects(it)]));
}

function withStatus(reply: Value, put: (status: Record_, reply: Record_) => Value): Value {
  const list = isRecord(reply) ? reply['STATUS'] : undefined;
  const status = Array.isArray(list) ? ((list as readonly Value[])[0] ?? null) : null;
  return isRecord(reply) && isRecord(status) ? put(status, reply) : reply;
}

const title = (name: string): string =>
  name.toLowerCase().replace(/\b[a-z]/g, (letter) => letter.toUpperCase());

/** What firmware and whatever stands between does to replies without changing what they say. */
export const respellings: Readonly<Record<string, (reply: Value) => Value>> = {
  'names in lower case': (reply) => names(reply, (name) => name.toLowerCase()),
  'names in upper case': (reply) => names(reply, (name) => name.toUpperCase()),
  'names with capitals': (reply) => names(reply, title),
  'sections in lower case': (reply) =>
    isRecord(reply)
      ? Object.fromEntries(Object.entries(reply).map(([k, it]) => [k.toLowerCase(), it]))
      : reply,
  'names with _': (reply) => names(reply, (name) => name.replaceAll(' ', '_')),
  'names without blanks': (reply) => names(reply, (name) => name.replaceAll(' ', '')),
  'names with a blank behind': (reply) => names(reply, (name) => `${name} `),
  'names with %%': (reply) => names(reply, (name) => name.replaceAll('%', '%%')),
  'numbers as text': (reply) => numbers(reply, String),
  'numbers as padded text': (reply) => numbers(reply, (number) => ` ${number} `),
  'thousands apart': (reply) => numbers(reply, (number) => (number >= 1000 ? withThousands(number) : number)),
  'units behind figures': (reply) => numbers(reply, withUnit),
  'objects for lists': asObjects,
  'a letter for STATUS': (reply) =>
    withStatus(reply, (status, rest) => ({ ...status, ...rest, STATUS: status['STATUS'] ?? 'S' })),
  'an object for STATUS': (reply) => withStatus(reply, (status, rest) => ({ ...rest, STATUS: status })),
};

const escaped = (text: string): string => text.replace(/[|,=\\]/g, (sign) => `\\${sign}`);
const field = ([name, value]: [string, Value]): string =>
  `${name}=${typeof value === 'string' ? escaped(value) : JSON.stringify(value)}`;
const numbered: Readonly<Record<string, string>> = {
  POOLS: 'POOL',
  DEVS: 'ASC',
  STATS: 'STATS',
  DEVDETAILS: 'DEVDETAILS',
};

/** The text form of a reply; null for one that has none: text holds no lists. */
export function textForm(reply: Value): string | null {
  if (!isRecord(reply)) return null;
  let text = '';
  for (const [section, list] of Object.entries(reply)) {
    if (section === 'id') continue;
    if (!Array.isArray(list)) return null;
    for (const [at, record] of (list as readonly Value[]).entries()) {
      if (!isRecord(record) || Object.values(record).some((it) => typeof it === 'object')) return null;
      const all = Object.entries(record);
      const opener = numbered[section];
      const isOpened =
        all[0]?.[0] === opener || (section === 'DEVS' && /^(?:ASC|PGA|GPU)$/.test(all[0]?.[0] ?? ''));
      const head =
        section === 'STATUS' || isOpened ? '' : opener === undefined ? `${section},` : `${opener}=${at},`;
      text += `${head}${all.map(field).join(',')}|`;
    }
  }
  return text;
}
