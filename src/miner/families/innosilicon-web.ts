import type { Family, ReadContext } from '../family.js';
import { tokenText } from '../http/web-access.js';
import { digList, digObject, finishWeb, webObject, webReply } from '../http/web-replies.js';
import { toNumber } from '../numbers.js';
import type { JsonObject, Replies, Reply } from '../reply.js';
import { positive } from './antminer-chains.js';
import { toBoard } from './generic-boards.js';
import { deviceUptimeS, readLayout } from './generic-reading.js';
import { cleanMac } from './model-names.js';
import { poolsOf, sumShares } from './pools.js';
import { lostOf } from './cut-reading.js';
import { deriveState, emptyReading, withIdentity } from './reading.js';
import { mean, own, sum, textOf } from './records.js';
import { ratesOf, times } from './units.js';
import { innosiliconWebSources } from './web-field-sources.js';

/**
 * The web interface that Innosilicon (T2, T3, A9, A10) and Halong (DragonMint T1) share: cgminer's own
 * `DEVS` and `POOLS` in one page, rates in MH/s. Fans are told as a duty alone.
 */
export const innosiliconWeb: Family = {
  name: 'innosilicon-web',
  transport: 'http',
  port: 80,
  commands: ['/api/summary'],
  identityCommands: ['/api/overview'],
  mayJoin: false,
  request: (command) => `POST ${command}\n{}`,
  // Machines without the one page have the other.
  followUp: (replies) =>
    digList(webReply(replies, 'summary')?.value ?? {}, 'DEVS').length > 0
      ? []
      : ['/api/getAll', '/api/pools'],
  sources: innosiliconWebSources,
  web: {
    recognises: (page) => /innosilicon|innominer|dragonmint|halong/i.test(page.text),
    schemes: [],
    login: {
      request: ({ username, password }) =>
        `POST /api/auth\nusername=${encodeURIComponent(username)}&password=${encodeURIComponent(password)}`,
      token: (body) => {
        const token = tokenText(body, 'jwt');
        return token === null ? null : ['authorization', `Bearer ${token}`];
      },
    },
  },
  matches: (replies) => {
    const page = webReply(replies, 'summary', { onlyWeb: true })?.value ?? {};
    const version = digObject(webObject(replies, 'overview'), 'version');
    return (
      (own(page, 'success') !== undefined && Array.isArray(own(page, 'DEVS'))) ||
      own(version, 'ethaddr', 'hwver') !== undefined ||
      own(allOf(replies), 'total_hash', 'chain') !== undefined
    );
  },
  read,
};

function read(replies: Replies, context: ReadContext) {
  const page = webReply(replies, 'summary', { onlyWeb: true });
  const devices = digList(page?.value ?? {}, 'DEVS');
  const all = allOf(replies);
  if (devices.length === 0 && Object.keys(all).length > 0) return readAll(all, replies, context);
  const identity = readIdentity(replies, devices.map((it) => textOf(it, 'Name') ?? '').join(' '));
  const layout = {
    boards: devices.map((device, position) => toBoard(device, position, {})),
    boardRates: devices.map(ratesOf),
    fans: [],
    identity,
    uptimeS: deviceUptimeS(devices),
    powerW: positive(toNumber(own(all, 'power'))),
  };
  return readLayout('innosilicon-web', layout, underApiNames(replies, page), context);
}

/** What newer machines (T3H, A10 Pro) tell in one page; fans as a duty alone. */
const allOf = (replies: Replies): JsonObject => digObject(webObject(replies, 'getall'), 'all');

/** That page: rates in H/s under `Hash Rate H`, else in MH/s under `Hash Rate`. */
function readAll(all: JsonObject, replies: Replies, context: ReadContext) {
  const boards = digList(all, 'chain').map((chain, position) => ({
    ...toBoard(chain, position, {}),
    hashrateGhs: hashRateOf(chain),
  }));
  const hashrateGhs = hashRateOf(digObject(all, 'total_hash')) ?? sum(boards.map((it) => it.hashrateGhs));
  const pools = poolsOf(digList(webObject(replies, 'pools'), 'POOLS'));
  const uptimeS = deviceUptimeS(digList(all, 'chain'));
  const acceptedShares = sumShares(pools, 'accepted');
  return finishWeb(
    {
      ...emptyReading,
      family: 'innosilicon-web',
      identity: withIdentity({ ...readIdentity(replies, ''), ...macOf(all) }, context),
      hashrateGhs,
      boards,
      pools,
      acceptedShares,
      rejectedShares: sumShares(pools, 'rejected'),
      hardwareErrors: sum(boards.map((board) => board.hardwareErrors)),
      frequencyAvgMhz: mean(boards.map((board) => board.frequencyMhz)),
      uptimeS,
      powerW: positive(toNumber(own(all, 'power'))),
      powerSource: 'reported',
      state: deriveState({
        told: null,
        hashrateGhs,
        averageGhs: null,
        acceptedShares,
        uptimeS,
        neverHashed: 'stopped',
      }),
    },
    replies,
    context,
  );
}

function hashRateOf(record: JsonObject): number | null {
  const hashes = toNumber(own(record, 'Hash Rate H'));
  return hashes === null ? times(toNumber(own(record, 'Hash Rate')), 1e-3) : times(hashes, 1e-9);
}

function macOf(all: JsonObject) {
  const mac = cleanMac(textOf(all, 'mac'));
  return mac === null ? {} : { mac };
}

/** The page's sections as replies of their own, beside what came. */
function underApiNames(replies: Replies, page: Extract<Reply, { kind: 'ok' }> | null): Replies {
  if (page === null) return replies;
  const told = new Map(replies);
  for (const [command, section] of [
    ['devs', 'DEVS'],
    ['pools', 'POOLS'],
  ] as const)
    if (!told.has(command))
      told.set(command, {
        ...page,
        command,
        repairs: [],
        value: { [section]: own(page.value, section) ?? [] },
      });
  return told;
}

function readIdentity(replies: Replies, names: string) {
  const overview = webObject(replies, 'overview');
  const version = digObject(overview, 'version');
  const type = textOf(overview, 'type');
  const isHalong = /\bDT1\b/i.test(names) || /dragonmint/i.test(type ?? '');
  return {
    // What would have told a Halong may be what was lost.
    vendor: isHalong ? 'Halong' : lostOf(replies).length > 0 ? null : 'Innosilicon',
    model: isHalong ? 'DragonMint T1' : type,
    firmware: 'stock',
    firmwareVersion: textOf(version, 'build_date', 'platform_v'),
    mac: cleanMac(textOf(version, 'ethaddr')),
  };
}
