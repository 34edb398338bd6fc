import type { Family, ReadContext } from '../family.js';
import { finishWeb, isWebCommand, webObject, webReply } from '../http/web-replies.js';
import { toNumber } from '../numbers.js';
import { isObject } from '../reply-status.js';
import type { JsonObject, JsonValue, Replies, Reply } from '../reply.js';
import { otherVendor } from './antminer-identity.js';
import { antminer } from './antminer.js';
import { cleanMac, cleanModel } from './model-names.js';
import { descriptions, own, rows, textOf } from './records.js';
import { antminerWebSources } from './web-field-sources.js';

/**
 * Bitmain's CGI pages and those built like them (Hiveon, Blackminer, Elphapex): digest authentication.
 * `stats.cgi`, `summary.cgi`, `pools.cgi` answer as the API does with `new_api`; older firmware has
 * `get_miner_status.cgi` alone. Either is put under the API's names and read like it.
 */
export const antminerWeb: Family = {
  name: 'antminer-web',
  transport: 'http',
  port: 80,
  commands: ['/cgi-bin/stats.cgi', '/cgi-bin/summary.cgi', '/cgi-bin/pools.cgi'],
  identityCommands: ['/cgi-bin/get_system_info.cgi'],
  mayJoin: false,
  request: (command) => `GET ${command}`,
  sources: antminerWebSources,
  followUp: (replies) => (hasSections(replies) ? [] : ['/cgi-bin/get_miner_status.cgi']),
  web: {
    recognises: (page) =>
      /antminer|daoge|elphapex|blackminer|hiveon|volcminer/i.test(`${page.realm} ${page.text}`),
    schemes: ['digest'],
  },
  // The names of boards on the old page.
  listed: (value) => ({
    ...Object.fromEntries([...Object.keys(slotNames), 'fan1'].map((name) => [name, value])),
    chain_acs: 'ox',
  }),
  matches: (replies) =>
    rows(replies, ['stats'], 'STATS').length === 0 &&
    !/gcminer|fluxos/i.test(descriptions(replies)) &&
    (hasSections(replies) ||
      isObject(own(statusOf(replies), 'summary')) ||
      own(systemOf(replies), 'minertype') !== undefined),
  read,
};

/** The web's own `stats` or `summary`, not the API's of the same name. */
function hasSections(replies: Replies): boolean {
  return ['stats', 'summary'].some((name) => {
    const value = webReply(replies, name, { onlyWeb: true })?.value ?? {};
    return own(value, 'STATS', 'SUMMARY') !== undefined;
  });
}

const statusOf = (replies: Replies): JsonObject => webObject(replies, 'get_miner_status');
const systemOf = (replies: Replies): JsonObject => webObject(replies, 'get_system_info');

function read(replies: Replies, context: ReadContext) {
  const told = underApiNames(replies);
  const identity = identityOf(replies, context);
  const sample = antminer.read(told, { ...context, identity });
  const { boardsTotal, boards } = sample;
  // What the pages themselves say of damage and failures counts, not the copies made of them.
  const { repairs, truncated, errorMessage, health } = finishWeb(
    {
      ...sample,
      boards,
      boardsExpected: boardsTotal,
      repairs: sample.repairs.filter((it) => it.kind === 'unit_scale'),
    },
    replies,
    context,
  );
  return {
    ...sample,
    family: 'antminer-web',
    identity: sample.identity,
    repairs,
    truncated,
    errorMessage,
    health,
  };
}

/** The API's replies as they are, the web's in place of those that are missing. */
function underApiNames(replies: Replies): Map<string, Reply> {
  const told = new Map([...replies].filter(([command]) => !isWebCommand(command)));
  for (const name of ['stats', 'summary', 'pools']) {
    const reply = webReply(replies, name, { onlyWeb: true });
    if (reply !== null && !told.has(name)) told.set(name, { ...reply, value: inPlainDegrees(reply.value) });
  }
  const status = webReply(replies, 'get_miner_status');
  if (status !== null) {
    for (const [name, value] of Object.entries(fromStatus(status.value)))
      if (!told.has(name)) told.set(name, { ...status, command: name, value });
  }
  return told;
}

/** Elphapex tells chip temperatures in thousandths. */
function inPlainDegrees(value: JsonObject): JsonObject {
  const stats = own(value, 'STATS');
  if (!Array.isArray(stats)) return value;
  const degrees = (temp: JsonValue): JsonValue => {
    const read = toNumber(temp);
    return read !== null && read > 1000 ? read / 1000 : temp;
  };
  const chainOf = (chain: JsonValue): JsonValue => {
    const temps = isObject(chain) ? own(chain, 'temp_chip') : undefined;
    return isObject(chain) && Array.isArray(temps) ? { ...chain, temp_chip: temps.map(degrees) } : chain;
  };
  const recordOf = (record: JsonValue): JsonValue => {
    const chains = isObject(record) ? own(record, 'chain') : undefined;
    return isObject(record) && Array.isArray(chains) ? { ...record, chain: chains.map(chainOf) } : record;
  };
  return { ...value, STATS: stats.map(recordOf) };
}

/** `get_miner_status.cgi` as `summary`, `stats` and `pools`. */
function fromStatus(status: JsonObject): Record<string, JsonObject> {
  const summary = own(status, 'summary');
  if (!isObject(summary)) return {};
  const elapsed = own(summary, 'elapsed') ?? null;
  const rates = { 'GHS 5s': own(summary, 'ghs5s') ?? null, 'GHS av': own(summary, 'ghsav') ?? null };
  const devices = own(status, 'devs');
  const stats: JsonObject = { Elapsed: elapsed, ...rates };
  // VolcMiner tells its fans beside the boards.
  for (const [name, value] of Object.entries(status)) if (/^fan\d+$/.test(name)) stats[name] = value;
  for (const device of Array.isArray(devices) ? devices.slice(0, 16) : [])
    if (isObject(device)) Object.assign(stats, slotOf(device));
  return {
    summary: {
      SUMMARY: [
        {
          Elapsed: elapsed,
          ...rates,
          Accepted: own(summary, 'accepted') ?? null,
          Rejected: own(summary, 'rejected') ?? null,
          'Hardware Errors': own(summary, 'hw') ?? null,
        },
      ],
    },
    stats: { STATS: [stats] },
    pools: { POOLS: own(status, 'pools') ?? [] },
  };
}

/** Members of a board in `devs`, by what `stats` calls them; fans are the machine's. */
const slotNames: Readonly<Record<string, string>> = {
  chain_acn: 'chain_acn',
  chain_acs: 'chain_acs',
  freq: 'freq',
  freqavg: 'freq',
  rate: 'chain_rate',
  rate2: 'chain_rate',
  hw: 'chain_hw',
  temp: 'temp',
  temp2: 'temp2_',
};

/**
 * One board of `devs` as numbered members. Some firmware forgets the closing quote of `freq` and the
 * whole of `stats` follows in it as text: `560,fan_num=2,fan1=4730,…`.
 */
function slotOf(device: JsonObject): JsonObject {
  const slot = textOf(device, 'index', 'ASC') ?? '';
  const run = own(device, 'freq');
  if (typeof run === 'string' && run.includes('=')) return pairsOf(run);
  const members: JsonObject = {};
  for (const [name, value] of Object.entries(device)) {
    if (/^fan\d*$/.test(name)) members[name] = value;
    const known = Object.hasOwn(slotNames, name) ? slotNames[name] : undefined;
    if (known !== undefined) members[`${known}${slot}`] = value;
  }
  return members;
}

/** Longest run of `name=value` looked at, characters. */
const maxRun = 16_384;

function pairsOf(run: string): JsonObject {
  const members: JsonObject = {};
  for (const part of run.slice(0, maxRun).split(/,(?=[A-Za-z_][\w %-]*=)/)) {
    const at = part.indexOf('=');
    if (at > 0) members[part.slice(0, at)] = part.slice(at + 1);
  }
  return members;
}

function identityOf(replies: Replies, context: ReadContext) {
  const system = systemOf(replies);
  const known = context.identity;
  const host = textOf(system, 'hostname');
  const told = textOf(system, 'minertype') ?? (/volcminer/i.test(host ?? '') ? host : null);
  const type = cleanModel(told);
  const isBitmain = type !== null && /antminer|^[STLDEKZ]\d/i.test(type);
  const isElphapex = type !== null && /^DG/i.test(type);
  const other = type === null ? null : otherVendor(type);
  const vendor = other ?? (isBitmain ? 'Bitmain' : isElphapex ? 'Elphapex' : null);
  return {
    vendor: vendor ?? known?.vendor ?? null,
    model: type ?? known?.model ?? null,
    firmware: known?.firmware ?? (vendor === null ? null : 'stock'),
    firmwareVersion: textOf(system, 'system_filesystem_version') ?? known?.firmwareVersion ?? null,
    mac: cleanMac(textOf(system, 'macaddr')) ?? known?.mac ?? null,
    serial: textOf(system, 'serinum') ?? known?.serial ?? null,
  };
}
