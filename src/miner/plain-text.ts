import { isObject } from './reply-status.js';
import type { JsonObject, JsonValue } from './reply.js';
import type { RepairCount } from './tolerant-scan.js';

/** A `|`-separated reply, in the shape its JSON form would have. */
export interface PlainResult {
  readonly value: JsonObject;
  readonly repairs: readonly RepairCount[];
  readonly isTruncated: boolean;
  /** Command of the joined reply the cut fell into, `null` when it is not joined or not cut. */
  readonly cutMember: string | null;
}

const opening =
  /^(?:STATUS=|CMD=|(?:SUMMARY|VERSION|CONFIG|COIN|CHECK|MINECOIN|ASCS|PGAS|LCD),|(?:POOL|ASC|PGA|GPU|CPU|STATS|NOTIFY|DEVDETAILS)=\d)/;
const farewell = /^(RESTART|BYE)\|?$/;
/** JSON section of records whose text form carries the singular. */
const sectionNames: Readonly<Record<string, string>> = {
  POOL: 'POOLS',
  ASC: 'DEVS',
  PGA: 'DEVS',
  GPU: 'DEVS',
  CPU: 'DEVS',
};

/** Sections by the code of the status ahead of them. */
const announcedBy: Readonly<Record<number, string>> = {
  7: 'POOLS',
  9: 'DEVS',
  11: 'SUMMARY',
  22: 'VERSION',
  69: 'DEVDETAILS',
  70: 'STATS',
};

/**
 * Reads CGMiner's text form (`STATUS=S,Code=11,…|SUMMARY,Elapsed=5,…|`), also joined (`CMD=summary|…`).
 *
 * `|`, `,`, `=` and `\` inside values are escaped with `\`; Avalon leaves commas inside `[…]` bare.
 * Every section ends in `|`: when neither it nor the NUL behind the reply (`hasEnd`) is there, the reply
 * was cut and its last field is dropped. `null` when the text is nothing of the kind.
 * Source: cgminer API-README, Avalon10 API manual.
 */
export function parsePlainText(text: string, hasEnd: boolean): PlainResult | null {
  // JSON, damaged or not: what refuses it below costs more than this look.
  if (text.startsWith('{') || text.startsWith('[')) return null;
  const bare = unquoted(text.trim());
  const trimmed = bare ?? text.trim();
  const status = farewell.exec(trimmed)?.[1];
  if (status !== undefined)
    return { value: { STATUS: status }, repairs: [], isTruncated: false, cutMember: null };
  if (!opening.test(trimmed)) return null;
  const sections = splitAt(trimmed, '|');
  const last = sections.pop() ?? '';
  const isTruncated = last !== '' && !hasEnd && bare === null;
  const reader = new SectionReader();
  if (bare !== null) reader.noteExcess();
  for (const section of sections.slice(0, maxSections)) reader.add(section, false);
  if (sections.length > maxSections) reader.noteExcess();
  if (last !== '') reader.add(last, isTruncated);
  const kinds = [...reader.repairs].map(([kind, count]) => ({ kind, count }));
  const repairs = isTruncated ? [...kinds, { kind: 'unterminated' as const, count: 1 }] : kinds;
  return { value: reader.value, repairs, isTruncated, cutMember: isTruncated ? reader.command : null };
}

/** The text between quotes that a shell or an export put around the whole; null when there are none. */
function unquoted(text: string): string | null {
  const quote = text[0];
  if ((quote !== "'" && quote !== '"') || text.length < 2 || !text.endsWith(quote)) return null;
  return text.slice(1, -1).trim();
}

/** Sections read of one reply; devices write a few dozen. */
const maxSections = 5_000;
/** Fields read of one section; devices write about a hundred. */
const maxFields = 10_000;

class SectionReader {
  readonly value: JsonObject = {};
  readonly repairs = new Map<'non_finite' | 'stray_text', number>();
  command: string | null = null;
  #target: JsonObject = this.value;

  add(section: string, isCut: boolean): void {
    // Bitmain's newer firmware writes a comma ahead of every record but the first: `|,POOL=1,…|`.
    const fields = splitFields(section.trim().replace(/^[,\s]+/, ''));
    if (isCut) fields.pop();
    if (fields.length > maxFields) {
      fields.length = maxFields;
      this.#note('stray_text');
    }
    const head = fields[0];
    if (head === undefined || head === '') return;
    const first = splitPair(head);
    if (first.key === 'CMD' && first.value !== null) {
      this.#startCommand(first.value);
      return;
    }
    if (!/^[A-Z][A-Z0-9_ ]*$/i.test(first.key)) {
      this.#note('stray_text');
      return;
    }
    const record: JsonObject = {};
    for (const field of first.value === null ? fields.slice(1) : fields) this.#addField(record, field);
    const name = this.#sectionOf(first);
    const records = Object.hasOwn(this.#target, name) ? this.#target[name] : undefined;
    if (Array.isArray(records)) records.push(record);
    else setOwn(this.#target, name, [record]);
  }

  /** More stood there than is read. */
  noteExcess(): void {
    this.#note('stray_text');
  }

  /** A record that begins with a field of its own (`BMMiner=1.0.0,…`) is of the section its status announces. */
  #sectionOf(head: { readonly key: string; readonly value: string | null }): string {
    const known = sectionNames[head.key];
    if (known !== undefined || head.value === null || !/[a-z]/.test(head.key)) return known ?? head.key;
    const status = Object.hasOwn(this.#target, 'STATUS') ? this.#target.STATUS : undefined;
    const announced = Array.isArray(status) ? status[0] : undefined;
    const code = isObject(announced) ? announced.Code : undefined;
    return (typeof code === 'number' ? announcedBy[code] : undefined) ?? head.key;
  }

  #startCommand(command: string): void {
    this.command = command;
    this.#target = {};
    setOwn(this.value, command, [this.#target]);
  }

  #addField(record: JsonObject, field: string): void {
    const { key, value } = splitPair(field);
    if (key === '') return;
    if (value === null) {
      this.#note('stray_text');
      return;
    }
    const read = readValue(value);
    if (read === null) this.#note('non_finite');
    setOwn(record, key, read);
  }

  #note(kind: 'non_finite' | 'stray_text'): void {
    this.repairs.set(kind, (this.repairs.get(kind) ?? 0) + 1);
  }
}

/** Splits at every unescaped `separator`; the pieces keep their escapes. */
function splitAt(text: string, separator: string): string[] {
  const pieces: string[] = [];
  let start = 0;
  for (let i = 0; i < text.length; i += 1) {
    const char = text[i];
    if (char === '\\') i += 1;
    else if (char === separator) {
      pieces.push(text.slice(start, i));
      start = i + 1;
    }
  }
  pieces.push(text.slice(start));
  return pieces;
}

/** Splits at commas outside brackets, or at every comma when the brackets do not pair up. */
function splitFields(section: string): string[] {
  const fields: string[] = [];
  let start = 0;
  let depth = 0;
  for (let i = 0; i < section.length; i += 1) {
    const char = section[i];
    if (char === '\\') i += 1;
    else if (char === '[') depth += 1;
    else if (char === ']') depth -= 1;
    else if (char === ',' && depth === 0) {
      fields.push(section.slice(start, i));
      start = i + 1;
    }
    if (depth < 0) break;
  }
  if (depth !== 0) return splitAt(section, ',');
  fields.push(section.slice(start));
  return fields;
}

/** `key=value`, or Avalon's `MM ID0[Ver[…],Temp[…]]`, whose inside becomes the space-separated text of the JSON form. */
function splitPair(field: string): { readonly key: string; readonly value: string | null } {
  const pair = /^((?:[^\\=[]|\\.){0,256})([=[])/s.exec(field);
  if (pair === null) return { key: unescape(field), value: null };
  const key = unescape(pair[1] ?? '');
  if (pair[2] === '=') return { key, value: unescape(field.slice(pair[0].length)) };
  const inside = field.trimEnd();
  if (!inside.endsWith(']')) return { key: unescape(field), value: null };
  return { key, value: splitFields(inside.slice(pair[0].length, -1)).map(unescape).join(' ') };
}

const unescape = (text: string): string => text.replace(/\\(.)/gs, '$1').trim();

const jsonNumber = /^-?(?:0|[1-9][0-9]{0,14})(?:\.[0-9]+)?(?:[eE][+-]?[0-9]{1,3})?$/;

/** Text carries no types: what JSON would write as a number or a boolean is one, the rest stays text. */
function readValue(text: string): JsonValue {
  if (jsonNumber.test(text)) return Number(text);
  if (text === 'true' || text === 'false') return text === 'true';
  return /^[+-]?(?:nan|inf)$/i.test(text) ? null : text;
}

/** Sets an own property whatever its name: `__proto__` is data like any other. */
function setOwn(object: JsonObject, key: string, value: JsonValue): void {
  if (key === '__proto__') {
    Object.defineProperty(object, key, { value, writable: true, enumerable: true, configurable: true });
  } else object[key] = value;
}
