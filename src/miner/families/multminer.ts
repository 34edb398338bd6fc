import type { PoolSample } from '../../domain/telemetry.js';
import type { Family, ReadContext } from '../family.js';
import { emptyPool } from '../http/web-pools.js';
import { digList, finishWeb, webObject } from '../http/web-replies.js';
import { toCount, toNumber, toSeconds, toTemperature, toText } from '../numbers.js';
import type { JsonObject, JsonValue, Replies } from '../reply.js';
import { positive } from './antminer-chains.js';
import { deriveState, emptyBoard, emptyReading, withIdentity, type BoardReading } from './reading.js';
import { largest, own, sum, textOf } from './records.js';
import { ghsWithUnit } from './units.js';
import { multminerSources } from './more-web-field-sources.js';

/**
 * MultMiner's FPGA (M1): one page of nameless lists. A board (`bd`) that is on (`ol`) has its watts first in
 * `tphr` and its chips in `cs`, each with its temperature second and its rate with unit last
 * (`5.58GH/s | 743`). A pool (`ms`) is state, uptime, user, accepted, rejected, …, `-o` and its address.
 */
export const multminer: Family = {
  name: 'multminer',
  transport: 'http',
  port: 80,
  commands: ['/gst.csp?a=a'],
  identityCommands: [],
  mayJoin: false,
  request: (command) => `GET ${command}`,
  sources: multminerSources,
  web: { recognises: (page) => /multminer|\bgst\.csp/i.test(page.text), schemes: [] },
  matches: (replies) => {
    const page = webObject(replies, pageName);
    return Array.isArray(own(page, 'bd')) && own(page, 'ms', 'mt') !== undefined;
  },
  read,
};

const pageName = 'gst.csp';

function read(replies: Replies, context: ReadContext) {
  const page = webObject(replies, pageName);
  const boards = digList(page, 'bd').flatMap((board, at) => (isThere(board) ? [readBoard(board, at)] : []));
  const title = textOf(page, 'mt') ?? '';
  // The title's figure has no unit: it is the chips', whose sum it is.
  const hashrateGhs = sum(boards.map((board) => board.hashrateGhs));
  const watts = sum(digList(page, 'bd').map((board) => toNumber(listOf(own(board, 'tphr'))[0])));
  const told = listOf(own(page, 'ms')).map(listOf).slice(0, 32);
  const pools = told.map(readPool).filter((pool) => pool.url !== '');
  const active = pools.find((pool) => pool.status === 'working');
  const acceptedShares = sum(pools.map((pool) => pool.accepted));
  const working = told.find((pool) => pool[0] === 'working');
  const uptimeS = toSeconds(working?.[1]);
  return finishWeb(
    {
      ...emptyReading,
      family: 'multminer',
      identity: withIdentity({ vendor: 'MultMiner', firmware: 'stock' }, context),
      hashrateGhs,
      boards,
      pools: pools.map((pool) => (pool === active ? { ...pool, isActive: true } : pool)),
      acceptedShares,
      rejectedShares: sum(pools.map((pool) => pool.rejected)),
      uptimeS,
      powerW: positive(watts) ?? positive(toNumber(/\bPw:([\d.]+)/.exec(title)?.[1])),
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

const listOf = (value: JsonValue | undefined): readonly JsonValue[] =>
  Array.isArray(value) ? value.slice(0, 256) : [];

const isThere = (board: JsonObject): boolean => (toCount(own(board, 'cn')) ?? 0) > 0;

function readBoard(board: JsonObject, index: number): BoardReading {
  const chips = listOf(own(board, 'cs')).map(listOf);
  const chipTempsC = chips.map((chip) => toTemperature(chip[1])).filter((temp) => temp !== null);
  const rates = chips.map((chip) => ghsWithUnit(toText(chip.at(-1))?.split('|')[0]?.trim()));
  return {
    ...emptyBoard(index),
    hashrateGhs: sum(rates),
    chipTempC: largest(chipTempsC),
    chipTempsC,
    chipsOk: chips.filter((chip) => toNumber(chip[0]) === 1).length,
    chipsTotal: positive(toCount(own(board, 'cn'))),
  };
}

function readPool(pool: readonly JsonValue[], index: number): PoolSample {
  const text = (at: number): string => (typeof pool[at] === 'string' ? pool[at].trim() : '');
  return {
    ...emptyPool(index),
    url: text(6).replace(/^-o\d*\s+/, ''),
    user: text(2),
    status: text(0) === '' ? null : text(0),
    accepted: toCount(pool[3]),
    rejected: toCount(pool[4]),
  };
}
