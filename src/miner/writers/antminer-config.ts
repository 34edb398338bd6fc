import type { CommandOrder, PoolParams } from '../../domain/commands.js';
import { readObject } from '../decode-reply.js';
import { toNumber, toText } from '../numbers.js';
import { isObject } from '../reply-status.js';
import type { JsonObject, JsonValue } from '../reply.js';
import { isSamePool, newPool, noPassword } from './order-text.js';

/** A configuration as `get_miner_conf.cgi` tells it; `form`: the device takes it back as form fields. */
export interface AntminerConfig {
  readonly style: 'json' | 'form';
  readonly value: JsonObject;
}

/** What a change made of a configuration, or why it cannot be made. */
export type Change =
  | {
      readonly kind: 'changed';
      readonly value: JsonObject;
      readonly before: Summary;
      readonly after: Summary;
    }
  | { readonly kind: 'cannot'; readonly reason: string };

/** What a change is about, for people. */
type Summary = Readonly<Record<string, string>>;

const levelKeys = ['freq-level', 'bitmain-freq-level', 'bitmain-hashrate-percent'] as const;
/** The form of S9 and L3 has room for so many. */
export const formPools = 3;
/** Modes of S19 and later, and of the form of S17. */
const asleep = { json: 1, form: 254 } as const;

/** Reads a configuration; `null` when it is none or not whole: to write back part of one would lose the rest. */
export function readConfig(text: string, model: string | null): AntminerConfig | null {
  const read = readObject('get_miner_conf', Buffer.from(text, 'utf8'));
  if (read.kind !== 'object' || read.isTruncated || !Array.isArray(read.value['pools'])) return null;
  return { style: styleOf(read.value, model), value: read.value };
}

/** Firmware of S19 and later has a level or a mode in place of a frequency alone, and takes JSON. */
function styleOf(value: JsonObject, model: string | null): AntminerConfig['style'] {
  if (['miner-mode', ...levelKeys].some((key) => Object.hasOwn(value, key))) return 'json';
  return isLevelModel(model) ? 'json' : 'form';
}

/** Models whose firmware takes a level in percent in place of MHz. */
export const isLevelModel = (model: string | null): boolean =>
  /\b(?:[ST](?:19|21|23)|L[79]|K7|D9|E9|KS[35]|Z15 ?Pro|E11|HS3)/i.test(model ?? '');

/** The whole configuration with one thing changed; what is not known of it stays as it was. */
export function change(config: AntminerConfig, order: CommandOrder): Change {
  const { value, style } = config;
  switch (order.kind) {
    case 'enable':
    case 'disable':
      return setMode(config, order.kind === 'disable' ? asleep[style] : 0);
    case 'set_pool':
      return setPool(value, order.params);
    case 'set_fan':
      return changed(value, {
        'bitmain-fan-ctrl': alike(value['bitmain-fan-ctrl'], true),
        'bitmain-fan-pwm': alike(value['bitmain-fan-pwm'] ?? '', order.params.speed),
      });
    case 'set_frequency':
      return setFrequency(config, order.params);
    case 'restart':
    case 'reboot':
      return changed(value, {});
  }
}

function setMode({ value, style }: AntminerConfig, mode: number): Change {
  if (style === 'form') {
    if (!Object.hasOwn(value, 'bitmain-work-mode'))
      return { kind: 'cannot', reason: 'its configuration has no work mode: this firmware cannot sleep' };
    return changed(value, { 'bitmain-work-mode': alike(value['bitmain-work-mode'], mode) });
  }
  return changed(value, {
    // Not told by most; their page sends it as a number, beside a work mode that is text.
    'miner-mode': alike(value['miner-mode'], mode),
    'bitmain-work-mode': alike(value['bitmain-work-mode'] ?? '', mode),
  });
}

function setFrequency(
  { value, style }: AntminerConfig,
  params: { frequency: number } | { percent: number },
): Change {
  if ('percent' in params) {
    const keys = levelKeys.filter((key) => Object.hasOwn(value, key));
    if (style === 'form' || keys.length === 0)
      return { kind: 'cannot', reason: 'takes a frequency in MHz, not in percent' };
    const level = Math.round(100 + params.percent);
    const names = keys.includes('bitmain-freq-level') ? new Set([...keys, 'freq-level']) : keys;
    return changed(
      value,
      Object.fromEntries([...names].map((key) => [key, alike(value[key] ?? value[keys[0] ?? ''], level)])),
    );
  }
  if (style === 'json')
    return { kind: 'cannot', reason: 'takes a level in percent of its own frequency, not MHz' };
  return changed(value, { 'bitmain-freq': alike(value['bitmain-freq'] ?? '', params.frequency) });
}

/** The pool wanted first, the others behind it; the one replaced is the first. */
function setPool(value: JsonObject, params: PoolParams): Change {
  const pools = (Array.isArray(value['pools']) ? value['pools'] : []).filter(isObject);
  const wanted = newPool(params);
  const at =
    'pool_id' in params
      ? params.pool_id
      : pools.findIndex((pool) =>
          isSamePool(poolText(pool), { url: params.pool_url, user: params.pool_user }),
        );
  const there = at < 0 ? undefined : pools[at];
  if ('pool_id' in params && (there === undefined || poolText(there).url === ''))
    return { kind: 'cannot', reason: `has no pool ${params.pool_id}` };
  const first: JsonObject =
    wanted === null
      ? { ...there }
      : {
          ...there,
          url: wanted.pool_url,
          user: wanted.pool_user,
          pass: wanted.pool_password ?? asWritten(there?.['pass']) ?? noPassword,
        };
  const rest = there === undefined ? pools.slice(1) : pools.filter((pool) => pool !== there);
  const after = { ...value, pools: [first, ...rest] };
  const told = (pool: JsonObject | undefined): Summary =>
    pool === undefined ? {} : { pool_url: poolText(pool).url, pool_user: poolText(pool).user };
  return { kind: 'changed', value: after, before: told(pools[0]), after: told(first) };
}

const poolText = (pool: JsonObject) => ({
  url: toText(pool['url'] ?? null) ?? '',
  user: toText(pool['user'] ?? null) ?? '',
});

/** A value to be written back: text to the letter, blanks at its ends included. */
const asWritten = (value: JsonValue | undefined): string | null =>
  typeof value === 'string' ? value : toText(value ?? null);

/** A value in the type the device uses: `"1"` where it wrote `"0"`, `1` where it wrote `0`. */
function alike(old: JsonValue | undefined, next: number | boolean): JsonValue {
  if (typeof old === 'string') return String(next);
  return next;
}

function changed(value: JsonObject, fields: JsonObject): Change {
  const names = Object.keys(fields);
  const told = (record: JsonObject): Summary =>
    Object.fromEntries(
      names.flatMap((name) => (record[name] === undefined ? [] : [[name, toText(record[name]) ?? '']])),
    );
  const after = { ...value, ...fields };
  return { kind: 'changed', value: after, before: told(value), after: told(after) };
}

/**
 * The configuration as the body of JSON firmware: gaps that its own page prints are filled as it reads them,
 * and mode and level stand under the names that page sends too, so that no write wakes or slows it.
 */
export function toJsonBody(value: JsonObject): JsonObject {
  const body: JsonObject = {};
  for (const [key, each] of Object.entries(value))
    body[key] = each ?? (/-ctrl$|-listen$/.test(key) ? false : '');
  if (Object.hasOwn(value, 'bitmain-work-mode'))
    body['miner-mode'] ??= toNumber(value['bitmain-work-mode']) ?? 0;
  if (Object.hasOwn(value, 'bitmain-freq-level'))
    body['freq-level'] ??= toText(value['bitmain-freq-level']) ?? '100';
  return body;
}

/**
 * The configuration as the fields of S9, L3 and S17. Their script takes them by place, so the order counts
 * and nothing is added that it does not know; voltage and work mode only where
 * the device has the latter.
 */
export function toFormFields(value: JsonObject): (readonly [name: string, value: string])[] {
  const pools = (Array.isArray(value['pools']) ? value['pools'] : []).filter(isObject);
  const text = (key: string): string => toText(value[key] ?? null) ?? '';
  const isFixed = /^(?:true|1)$/.test(text('bitmain-fan-ctrl'));
  const fields: (readonly [string, string])[] = [];
  for (let at = 0; at < formPools; at++) {
    const pool = pools[at] ?? {};
    for (const [name, key] of [
      ['url', 'url'],
      ['user', 'user'],
      ['pw', 'pass'],
    ] as const)
      fields.push([`_ant_pool${at + 1}${name}`, asWritten(pool[key]) ?? '']);
  }
  fields.push(
    ['_ant_nobeeper', text('bitmain-nobeeper') === 'true' ? 'true' : 'false'],
    ['_ant_notempoverctrl', text('bitmain-notempoverctrl') === 'true' ? 'true' : 'false'],
    ['_ant_fan_customize_switch', String(isFixed)],
    ['_ant_fan_customize_value', isFixed ? text('bitmain-fan-pwm') : ''],
    ['_ant_freq', text('bitmain-freq')],
  );
  if (!Object.hasOwn(value, 'bitmain-work-mode')) return fields;
  if (Object.hasOwn(value, 'bitmain-voltage')) fields.push(['_ant_voltage', text('bitmain-voltage')]);
  fields.push(['_ant_work_mode', text('bitmain-work-mode')]);
  return fields;
}
