import type { DeviceError, MinerState, PoolSample } from '../../domain/telemetry.js';
import type { Family, ReadContext } from '../family.js';
import { tokenText } from '../http/web-access.js';
import { emptyPool } from '../http/web-pools.js';
import { dig, digList, digObject, finishWeb, webList, webObject } from '../http/web-replies.js';
import { toCount, toNumber, toTemperature } from '../numbers.js';
import type { JsonObject, JsonValue, Replies } from '../reply.js';
import { isObject } from '../reply-status.js';
import { positive } from './antminer-chains.js';
import { antminerBoards, cleanMac, cleanModel } from './model-names.js';
import { deriveState, emptyBoard, emptyReading, withIdentity, type BoardReading } from './reading.js';
import { mean, own, sum, textOf } from './records.js';
import { times } from './units.js';
import { braiinsRestSources } from './web-field-sources.js';

/** Braiins OS 25.07 and later: `/api/v1`, the public API as JSON. Units stand in the member names. */
export const braiinsRest: Family = {
  name: 'braiins-rest',
  transport: 'http',
  port: 80,
  commands: [
    '/api/v1/miner/stats',
    '/api/v1/miner/hw/hashboards',
    '/api/v1/cooling/state',
    '/api/v1/pools',
    '/api/v1/miner/details',
    '/api/v1/miner/errors',
  ],
  identityCommands: [],
  mayJoin: false,
  request: (command) => `GET ${command}`,
  sources: braiinsRestSources,
  web: {
    recognises: (page) => /braiins\s*os|bos\+|braiins/i.test(page.text),
    schemes: [],
    login: {
      request: ({ username, password }) =>
        `POST /api/v1/auth/login\n${JSON.stringify({ username, password })}`,
      // The token stands alone, without `Bearer`.
      token: (body) => {
        const token = tokenText(body, 'token');
        return token === null ? null : ['authorization', token];
      },
    },
  },
  matches: (replies) =>
    Object.keys(digObject(webObject(replies, 'miner_stats'), 'miner_stats')).length > 0 ||
    own(webObject(replies, 'miner_details'), 'bos_version', 'bosminer_uptime_s') !== undefined,
  read,
};

function read(replies: Replies, context: ReadContext) {
  const stats = webObject(replies, 'miner_stats');
  const details = webObject(replies, 'miner_details');
  const identity = withIdentity(readIdentity(details), context);
  const boards = digList(webObject(replies, 'miner_hw_hashboards'), 'hashboards').map(readBoard);
  const rates = dig(stats, 'miner_stats', 'real_hashrate');
  const hashrateGhs = firstRate(rates, ['last_1m', 'last_30s', 'last_15s', 'last_5s', 'since_restart']);
  const nominal =
    ghs(dig(details, 'sticker_hashrate')) ??
    ghs(dig(stats, 'miner_stats', 'nominal_hashrate')) ??
    sum(boards.map((board) => board.nominalGhs));
  const acceptedShares = toCount(dig(stats, 'pool_stats', 'accepted_shares'));
  const uptimeS = toNumber(own(details, 'bosminer_uptime_s', 'system_uptime_s'));
  return finishWeb(
    {
      ...emptyReading,
      family: 'braiins-rest',
      identity,
      hashrateGhs,
      hashrate5sGhs: firstRate(rates, ['last_5s']),
      hashrateExpectedGhs: nominal,
      nominalSource: nominal === null ? null : 'device',
      boards,
      boardsExpected: antminerBoards(identity.model),
      fans: digList(webObject(replies, 'cooling_state'), 'fans').map((fan, position) => ({
        index: toCount(own(fan, 'position')) ?? position,
        rpm: toNumber(own(fan, 'rpm')),
      })),
      pools: readPools(replies),
      acceptedShares,
      rejectedShares: toCount(dig(stats, 'pool_stats', 'rejected_shares')),
      uptimeS,
      frequencyAvgMhz: mean(boards.map((board) => board.frequencyMhz)),
      powerW: positive(toNumber(dig(stats, 'power_stats', 'approximated_consumption', 'watt'))),
      powerSource: 'estimated',
      deviceErrors: readErrors(replies),
      state: deriveState({
        told: toldState(own(details, 'status')),
        hashrateGhs,
        averageGhs: firstRate(rates, ['since_restart']),
        acceptedShares,
        uptimeS,
        neverHashed: 'stopped',
      }),
    },
    replies,
    context,
  );
}

const ghs = (rate: JsonValue | undefined): number | null =>
  positive(toNumber(dig(rate, 'gigahash_per_second')));

/** The first of the windows that is told, GH/s; zero counts. */
function firstRate(rates: JsonValue | undefined, windows: readonly string[]): number | null {
  for (const window of windows) {
    const rate = toNumber(dig(rates, window, 'gigahash_per_second'));
    if (rate !== null) return rate;
  }
  return null;
}

function readBoard(board: JsonObject, position: number): BoardReading {
  const pcb = toTemperature(dig(board, 'board_temp', 'degree_c'));
  const chip = toTemperature(dig(board, 'highest_chip_temp', 'temperature', 'degree_c'));
  const rates = dig(board, 'stats', 'real_hashrate');
  return {
    ...emptyBoard(toCount(own(board, 'id')) ?? position),
    hashrateGhs: firstRate(rates, ['last_1m', 'last_30s', 'last_15s', 'last_5s']),
    nominalGhs: ghs(dig(board, 'stats', 'nominal_hashrate')),
    boardTempC: pcb,
    boardTempsC: pcb === null ? [] : [pcb],
    chipTempC: chip,
    chipTempsC: chip === null ? [] : [chip],
    chipsTotal: positive(toCount(own(board, 'chips_count'))),
    frequencyMhz: times(positive(toNumber(dig(board, 'current_frequency', 'hertz'))), 1e-6),
    voltageMv: times(positive(toNumber(dig(board, 'current_voltage', 'volt'))), 1e3),
    serial: textOf(board, 'serial_number'),
  };
}

/** Groups share the work, so each may have a pool at work: the first of them is the active one. */
function readPools(replies: Replies): PoolSample[] {
  const pools = webList(replies, 'pools').flatMap((group) => digList(group, 'pools'));
  const active = pools.find((pool) => own(pool, 'active') === true);
  return pools.slice(0, 32).flatMap((pool, index) => {
    const url = textOf(pool, 'url') ?? '';
    const stats = digObject(pool, 'stats');
    if (url === '') return [];
    return [
      {
        ...emptyPool(index),
        url,
        user: textOf(pool, 'user') ?? '',
        status: own(pool, 'alive') === true ? 'Alive' : own(pool, 'alive') === false ? 'Dead' : null,
        isActive: pool === active,
        accepted: toCount(own(stats, 'accepted_shares')),
        rejected: toCount(own(stats, 'rejected_shares')),
        stale: toCount(own(stats, 'stale_shares')),
      },
    ];
  });
}

function readErrors(replies: Replies): DeviceError[] {
  return digList(webObject(replies, 'miner_errors'), 'errors').map((error) => {
    const codes = own(error, 'error_codes');
    const first = Array.isArray(codes) ? codes[0] : undefined;
    const code = isObject(first) ? textOf(first, 'code') : null;
    return { code: code ?? 'error', text: textOf(error, 'message') ?? '' };
  });
}

/** 1 not started, 2 normal, 3 paused, 4 suspended, 5 restricted; by name where enums are. */
function toldState(status: JsonValue | undefined): MinerState | null {
  if (typeof status === 'number')
    return status === 1 ? 'starting' : status === 3 || status === 4 ? 'sleeping' : null;
  if (typeof status !== 'string') return null;
  if (/not_started/i.test(status)) return 'starting';
  return /paused|suspended/i.test(status) ? 'sleeping' : null;
}

function readIdentity(details: JsonObject) {
  const who = digObject(details, 'miner_identity');
  const name = textOf(who, 'name', 'miner_model');
  const isBitmain = name !== null && /antminer|^[STL]\d/i.test(name);
  return {
    vendor: isBitmain ? 'Bitmain' : name === null ? null : 'Braiins',
    model: cleanModel(name),
    firmware: 'Braiins OS',
    firmwareVersion: textOf(digObject(details, 'bos_version'), 'current'),
    mac: cleanMac(textOf(details, 'mac_address')),
    serial: textOf(details, 'serial_number'),
  };
}
