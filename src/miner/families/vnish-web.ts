import type { FanSample, MinerState, PoolSample } from '../../domain/telemetry.js';
import type { Family, ReadContext } from '../family.js';
import { tokenText } from '../http/web-access.js';
import { emptyPool } from '../http/web-pools.js';
import { dig, digList, digObject, finishWeb, webObject } from '../http/web-replies.js';
import { toCount, toNumber, toTemperature } from '../numbers.js';
import type { JsonObject, Replies } from '../reply.js';
import { positive } from './antminer-chains.js';
import { antminerBoards, cleanMac, cleanModel, versionInType } from './model-names.js';
import { hasCgminerReading } from '../http/web-replies.js';
import { deriveState, emptyBoard, emptyReading, withIdentity, type BoardReading } from './reading.js';
import { mean, own, sum, textOf } from './records.js';
import { scaleTo, times } from './units.js';
import { vnishWebSources } from './web-field-sources.js';

/** VNish (AnthillOS): `/api/v1`. Rates in GH/s, the headline ones in TH/s too. */
export const vnishWeb: Family = {
  name: 'vnish-web',
  transport: 'http',
  port: 80,
  commands: ['/api/v1/summary'],
  identityCommands: ['/api/v1/info'],
  mayJoin: false,
  request: (command) => `GET ${command}`,
  sources: vnishWebSources,
  web: {
    recognises: (page) => /anthillos|vnish/i.test(page.text),
    schemes: [],
    login: {
      request: ({ password }) => `POST /api/v1/unlock\n${JSON.stringify({ pw: password })}`,
      token: (body) => {
        const token = tokenText(body, 'token');
        return token === null ? null : ['authorization', `Bearer ${token}`];
      },
    },
  },
  matches: (replies) => {
    const miner = digObject(webObject(replies, 'summary'), 'miner');
    const isSummary = own(miner, 'miner_status', 'hr_realtime', 'instant_hashrate') !== undefined;
    const isInfo = /vnish/i.test(textOf(webObject(replies, 'info'), 'fw_name') ?? '');
    return (isSummary || isInfo) && !hasCgminerReading(replies);
  },
  read,
};

function read(replies: Replies, context: ReadContext) {
  const miner = digObject(webObject(replies, 'summary'), 'miner');
  const identity = withIdentity(readIdentity(replies, miner), context);
  const boards = digList(miner, 'chains').map(readBoard);
  const pools = readPools(miner);
  const owned = pools.filter((pool) => !pool.isDevFee);
  const boardSum = sum(boards.map((board) => board.hashrateGhs));
  const hashrateGhs = rateOf(miner, 'hr_realtime', 'instant_hashrate', boardSum) ?? boardSum;
  const averageGhs = rateOf(miner, 'hr_average', 'average_hashrate', boardSum);
  const nominal = positive(toNumber(own(miner, 'hr_nominal', 'hr_stock')));
  const acceptedShares = sum(owned.map((pool) => pool.accepted));
  const uptimeS = toNumber(dig(miner, 'miner_status', 'miner_state_time'));
  const isMetered = dig(miner, 'psu', 'psu_power_metering') === true;
  return finishWeb(
    {
      ...emptyReading,
      family: 'vnish-web',
      identity,
      hashrateGhs,
      hashrateExpectedGhs: nominal,
      nominalSource: nominal === null ? null : 'device',
      boards,
      boardsExpected: antminerBoards(identity.model),
      fans: readFans(miner),
      pools,
      acceptedShares,
      rejectedShares: sum(owned.map((pool) => pool.rejected)),
      hardwareErrors: toCount(own(miner, 'hw_errors')) ?? sum(boards.map((it) => it.hardwareErrors)),
      uptimeS,
      frequencyAvgMhz: mean(boards.map((board) => board.frequencyMhz)),
      powerW: positive(toNumber(own(miner, 'power_usage', 'power_consumption'))),
      powerSource: isMetered ? 'measured' : 'estimated',
      state: deriveState({
        told: toldState(miner, hashrateGhs),
        hashrateGhs,
        averageGhs,
        acceptedShares,
        uptimeS,
        neverHashed: 'stopped',
      }),
    },
    replies,
    context,
  );
}

/** A rate in GH/s: `exact` is; `headline` is in TH/s, on some versions in GH/s, which the boards tell. */
function rateOf(miner: JsonObject, exact: string, headline: string, boardsGhs: number | null) {
  const told = toNumber(own(miner, exact));
  if (told !== null) return told;
  const ths = toNumber(own(miner, headline));
  if (ths === null) return null;
  return times(ths, boardsGhs === null || boardsGhs <= 0 ? 1e3 : scaleTo(ths, boardsGhs));
}

function readBoard(chain: JsonObject, position: number): BoardReading {
  const pcb = digObject(chain, 'pcb_temp');
  const chip = digObject(chain, 'chip_temp');
  const bounds = (temps: JsonObject) =>
    [own(temps, 'min'), own(temps, 'max')].map(toTemperature).filter((it) => it !== null);
  const statuses = digObject(chain, 'chip_statuses');
  const chips = sum(Object.values(statuses).map(toCount));
  return {
    ...emptyBoard(toCount(own(chain, 'id')) ?? position),
    hashrateGhs: toNumber(own(chain, 'hashrate_rt', 'hr_realtime')),
    nominalGhs: positive(toNumber(own(chain, 'hashrate_ideal', 'hr_nominal'))),
    boardTempC: toTemperature(own(pcb, 'max')),
    boardTempsC: bounds(pcb),
    chipTempC: toTemperature(own(chip, 'max')),
    chipTempsC: bounds(chip),
    chipsTotal: positive(chips),
    // Red chips do not hash; orange ones are slow.
    chipsOk: chips === null ? null : chips - (toCount(own(statuses, 'red')) ?? 0),
    frequencyMhz: positive(toNumber(own(chain, 'frequency', 'freq'))),
    voltageMv: positive(toNumber(own(chain, 'voltage'))),
    hardwareErrors: toCount(own(chain, 'hw_errors')),
    serial: textOf(chain, 'serial'),
  };
}

function readFans(miner: JsonObject): FanSample[] {
  return digList(miner, 'cooling', 'fans').map((fan, position) => ({
    index: toCount(own(fan, 'id')) ?? position,
    rpm: toNumber(own(fan, 'rpm')),
  }));
}

/** `active` is the one worked for; the author's pool is active beside it. */
function readPools(miner: JsonObject): PoolSample[] {
  let hasActive = false;
  return digList(miner, 'pools').flatMap((pool, index) => {
    const url = textOf(pool, 'url') ?? '';
    const isDevFee = /dev-?fee/i.test(`${textOf(pool, 'pool_type') ?? ''} ${url}`);
    const isActive = !hasActive && !isDevFee && /^active$/i.test(textOf(pool, 'status') ?? '');
    hasActive ||= isActive;
    if (url === '') return [];
    return [
      {
        ...emptyPool(toCount(own(pool, 'id')) ?? index),
        url,
        user: textOf(pool, 'user') ?? '',
        status: textOf(pool, 'status'),
        isActive,
        isDevFee,
        accepted: toCount(own(pool, 'accepted')),
        rejected: toCount(own(pool, 'rejected')),
        stale: toCount(own(pool, 'stale')),
      },
    ];
  });
}

function toldState(miner: JsonObject, hashrateGhs: number | null): MinerState | null {
  const state = textOf(digObject(miner, 'miner_status'), 'miner_state') ?? '';
  if (/^(?:stopped|paused?|sleep(?:ing)?|shutting-down)$/i.test(state)) return 'sleeping';
  if (hashrateGhs !== null && hashrateGhs > 0) return null;
  if (/^(?:auto[-_]?tuning|initiali[sz]ing|starting|restarting)$/i.test(state)) return 'starting';
  return /^(?:failure|failed|broken)$/i.test(state) ? 'stopped' : null;
}

function readIdentity(replies: Replies, miner: JsonObject) {
  const info = webObject(replies, 'info');
  const type = textOf(miner, 'miner_type');
  const serial = textOf(info, 'serial');
  const model = cleanModel(textOf(info, 'miner') ?? type);
  return {
    vendor: model === null ? null : 'Bitmain',
    model,
    firmware: 'VNish',
    firmwareVersion:
      textOf(info, 'fw_version') ?? /vnish\s+v?([^\s)]+)/i.exec(type ?? '')?.[1] ?? versionInType(type),
    mac: cleanMac(textOf(digObject(info, 'system', 'network_status'), 'mac')),
    serial: serial === null || /^n\/?a$/i.test(serial) ? null : serial,
  };
}
