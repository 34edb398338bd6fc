import type { MinerState, PoolSample } from '../../domain/telemetry.js';
import type { Family, ReadContext } from '../family.js';
import { tokenText } from '../http/web-access.js';
import { emptyPool } from '../http/web-pools.js';
import { digObject, finishWeb, webObject } from '../http/web-replies.js';
import { toCount, toNumber, toTemperature } from '../numbers.js';
import { isObject } from '../reply-status.js';
import type { JsonObject, Replies } from '../reply.js';
import { positive } from './antminer-chains.js';
import { cleanMac } from './model-names.js';
import { deriveState, emptyBoard, emptyReading, withIdentity, type BoardReading } from './reading.js';
import { largest, mean, own, sum, textOf } from './records.js';
import { bitfurySources } from './web-field-sources.js';

const page = 'om_miner_stat_agg';

/** Bitfury's OpenMiner (B8): one page with everything, boards by slot, rates in GH/s as text. */
export const bitfury: Family = {
  name: 'bitfury',
  transport: 'http',
  port: 80,
  commands: ['/api/om/miner/stat/agg'],
  identityCommands: [],
  mayJoin: false,
  request: (command) => `GET ${command}`,
  sources: bitfurySources,
  web: {
    recognises: (shown) => /bitfury|openminer/i.test(shown.text),
    schemes: [],
    login: {
      request: ({ username, password }) =>
        `POST /api/login\n${JSON.stringify({ email: username, password })}`,
      token: (body) => {
        const token = tokenText(body, 'token');
        return token === null ? null : ['authorization', `Bearer ${token}`];
      },
    },
  },
  matches: (replies) => own(webObject(replies, page), 'slots', 'slavePingAvg') !== undefined,
  read,
};

function read(replies: Replies, context: ReadContext) {
  const told = webObject(replies, page);
  const master = digObject(told, 'master');
  const boards = Object.entries(digObject(told, 'slots'))
    .slice(0, 32)
    .flatMap(([slot, board]) => (isObject(board) ? [readBoard(board, Number(slot))] : []));
  const window = (name: string) => toNumber(own(digObject(master, 'intervals', name), 'bySol'));
  const hashrateGhs = window('30') ?? sum(boards.map((board) => board.hashrateGhs));
  const pools = readPools(digObject(told, 'pool'));
  const acceptedShares = sum(pools.map((pool) => pool.accepted));
  const uptimeS = toNumber(own(master, 'upTime'));
  const fans = own(told, 'fansRpm');
  return finishWeb(
    {
      ...emptyReading,
      family: 'bitfury',
      identity: withIdentity(readIdentity(told), context),
      hashrateGhs,
      temperatureAvgC: toTemperature(own(digObject(told, 'temperature'), 'avr')),
      boards,
      fans: (Array.isArray(fans) ? fans : [])
        .slice(0, 16)
        .map((rpm, index) => ({ index, rpm: toNumber(rpm) })),
      pools,
      acceptedShares,
      rejectedShares: sum(pools.map((pool) => pool.rejected)),
      hardwareErrors: sum(boards.map((board) => board.hardwareErrors)),
      frequencyAvgMhz: mean(boards.map((board) => board.frequencyMhz)),
      uptimeS,
      powerW: positive(toNumber(own(master, 'psuW'))) ?? positive(toNumber(own(master, 'boardsW'))),
      powerSource: 'measured',
      state: deriveState({
        told: (hashrateGhs ?? 0) > 0 ? null : toldState(told, boards.length),
        hashrateGhs,
        averageGhs: window('0'),
        acceptedShares,
        uptimeS,
        neverHashed: 'stopped',
      }),
    },
    replies,
    context,
  );
}

function readBoard(board: JsonObject, index: number): BoardReading {
  const boardTempsC = ['temperature', 'temperature1']
    .map((name) => toTemperature(own(board, name)))
    .filter((it) => it !== null);
  return {
    ...emptyBoard(Number.isSafeInteger(index) ? index : 0),
    hashrateGhs: toNumber(own(board, 'ghs')),
    boardTempC: largest(boardTempsC),
    boardTempsC,
    chipsTotal: positive(toCount(own(board, 'chips'))),
    voltageMv: positive(toNumber(own(board, 'voltage'))),
    hardwareErrors: toCount(own(board, 'errors')),
  };
}

/** The one pool it mines on; the interval `0` is all since its start. */
function readPools(pool: JsonObject): PoolSample[] {
  const host = textOf(pool, 'host');
  if (host === null) return [];
  const port = toCount(own(pool, 'port'));
  const total = digObject(pool, 'intervals', '0');
  return [
    {
      ...emptyPool(0),
      url: port === null || /:\d+$/.test(host) ? host : `${host}:${port}`,
      user: textOf(pool, 'userName', 'user') ?? '',
      isActive: true,
      accepted: toCount(own(total, 'sharesAccepted')),
      rejected: toCount(own(total, 'sharesRejected')),
      stale: toCount(own(total, 'staleJobShares')),
    },
  ];
}

/** The stage of its supply; without a slot it has found no board. */
function toldState(told: JsonObject, boards: number): MinerState | null {
  const stage = textOf(digObject(told, 'pwr'), 'state') ?? '';
  if (/over-?heat/i.test(stage)) return 'overheated';
  if (/init|start/i.test(stage)) return 'starting';
  return boards === 0 && own(told, 'slots') !== undefined ? 'no_boards' : null;
}

function readIdentity(told: JsonObject) {
  const versions = digObject(told, 'versions');
  return {
    vendor: 'Bitfury',
    model: 'B8',
    firmware: 'OpenMiner',
    firmwareVersion: textOf(versions, 'softwareVersion', 'miner'),
    mac: cleanMac(textOf(told, 'mac')),
  };
}
