import type { FanSample, MinerState } from '../../domain/telemetry.js';
import type { Family, ReadContext } from '../family.js';
import { digList, finishWeb, webList, webObject } from '../http/web-replies.js';
import { toCount, toNumber } from '../numbers.js';
import type { JsonObject, Replies } from '../reply.js';
import { megahertz, positive } from './antminer-chains.js';
import { cleanMac, cleanModel } from './model-names.js';
import { poolsOf, sumShares } from './pools.js';
import { deriveState, emptyBoard, emptyReading, withIdentity, type BoardReading } from './reading.js';
import { largest, mean, own, sum, textOf } from './records.js';
import { readTemperatures } from './temperatures.js';
import { ghsPerUnit, scaleTo, times } from './units.js';
import { marathonSources } from './more-web-field-sources.js';

/**
 * Marathon's firmware for Bitmain's machines (MaraFW), over `/kaonsu/v1`. The rate of `brief` is TH/s, its
 * ideal and the boards' are GH/s, and power is what the firmware reckons. Source: public clients of this API.
 */
export const marathon: Family = {
  name: 'marathon',
  transport: 'http',
  port: 80,
  commands: ['/kaonsu/v1/brief', '/kaonsu/v1/hashboards', '/kaonsu/v1/fans', '/kaonsu/v1/pools'],
  identityCommands: ['/kaonsu/v1/overview'],
  mayJoin: false,
  request: (command) => `GET ${command}`,
  sources: marathonSources,
  web: {
    recognises: (page) => /kaonsu|marafw|mara ?firmware|marathon/i.test(`${page.text} ${page.realm}`),
    schemes: ['digest'],
  },
  matches: (replies) =>
    own(pageOf(replies, 'brief'), 'hashrate_realtime', 'power_consumption_estimated') !== undefined ||
    own(digList(pageOf(replies, 'hashboards'), 'hashboards')[0] ?? {}, 'hashrate_average', 'asic_num') !==
      undefined ||
    own(pageOf(replies, 'overview'), 'version_firmware') !== undefined,
  read,
};

/** A page by its name, also where a capture is named without its path; some builds wrap it in `data`. */
function pageOf(replies: Replies, name: string): JsonObject {
  const told = webObject(replies, `kaonsu_v1_${name}`);
  const page = Object.keys(told).length > 0 ? told : webObject(replies, name);
  const inner = own(page, 'data');
  return typeof inner === 'object' && inner !== null && !Array.isArray(inner) ? inner : page;
}

function read(replies: Replies, context: ReadContext) {
  const brief = pageOf(replies, 'brief');
  const boards = readBoards(replies);
  const nominalGhs =
    positive(toNumber(own(brief, 'hashrate_ideal'))) ?? positive(sum(boards.map((it) => it.nominalGhs)));
  const unit = ghsPerUnit(textOf(brief, 'hashrate_unit')) ?? 1e3;
  const boardSum = sum(boards.map((board) => board.hashrateGhs));
  const told = times(toNumber(own(brief, 'hashrate_realtime', 'hashrate_realtime_10m')), unit);
  const factor = scaleTo(told, nominalGhs ?? boardSum);
  const hashrateGhs = times(told, factor) ?? boardSum;
  const averageGhs = times(times(toNumber(own(brief, 'hashrate_average')), unit), factor);
  const pools = readPools(replies);
  const acceptedShares = sumShares(pools, 'accepted');
  const uptimeS = toNumber(own(brief, 'elapsed'));
  const isIdle = hashrateGhs === null || hashrateGhs === 0;
  return finishWeb(
    {
      ...emptyReading,
      family: 'marathon',
      identity: withIdentity(readIdentity(replies), context),
      hashrateGhs,
      hashrateExpectedGhs: nominalGhs,
      nominalSource: nominalGhs === null ? null : 'device',
      boards,
      boardsExpected: positive(toCount(own(brief, 'hashboard_num_ideal'))),
      fans: readFans(replies),
      pools,
      acceptedShares,
      rejectedShares: sumShares(pools, 'rejected'),
      hardwareErrors: toCount(own(brief, 'hardware_errors', 'hw_errors')),
      frequencyAvgMhz: mean(boards.map((board) => board.frequencyMhz)),
      uptimeS,
      powerW: positive(toNumber(own(brief, 'power_consumption_estimated'))),
      powerSource: 'estimated',
      repairs: factor === 1 ? [] : [{ command: '/kaonsu/v1/brief', kind: 'unit_scale', count: 1 }],
      state: deriveState({
        told: isIdle ? toldState(textOf(brief, 'status') ?? '') : null,
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

function toldState(status: string): MinerState | null {
  if (/sleep|pause|curtail|suspend|idle/i.test(status)) return 'sleeping';
  if (/over-?heat|over-?temp/i.test(status)) return 'overheated';
  if (/init|start|tun|warm/i.test(status)) return 'starting';
  return /stop|fail|fatal|critical|error/i.test(status) ? 'stopped' : null;
}

/** Boards of `hashboards`; of `details`, where that is what was captured. */
function readBoards(replies: Replies): BoardReading[] {
  const listed = digList(pageOf(replies, 'hashboards'), 'hashboards');
  if (listed.length > 0) return listed.map((board, at) => toBoard(board, board, at));
  const details = pageOf(replies, 'details');
  const heat = digList(details, 'hb_temps');
  return digList(details, 'chip_data').map((board, at) => toBoard(board, heat[at] ?? {}, at));
}

function toBoard(board: JsonObject, heat: JsonObject, position: number): BoardReading {
  const boardTempsC = readTemperatures(own(heat, 'temperature_pcb'));
  const chipTempsC = readTemperatures(own(heat, 'temperature_chip'));
  const volts = positive(toNumber(own(board, 'voltage')));
  return {
    ...emptyBoard(toCount(own(board, 'index', 'id')) ?? position),
    hashrateGhs: toNumber(own(board, 'hashrate_average', 'hashrate_avg')),
    nominalGhs: positive(toNumber(own(board, 'hashrate_ideal'))),
    boardTempC: largest(boardTempsC),
    boardTempsC,
    chipTempC: largest(chipTempsC),
    chipTempsC,
    chipsOk: toCount(own(board, 'asic_num')),
    chipsTotal: positive(toCount(own(board, 'asic_num_ideal'))),
    frequencyMhz: megahertz(toNumber(own(board, 'frequency_avg'))),
    voltageMv: volts === null ? null : volts < 100 ? Math.round(volts * 1000) : volts,
    serial: textOf(board, 'serial_number'),
  };
}

function readFans(replies: Replies): FanSample[] {
  return digList(pageOf(replies, 'fans'), 'fans')
    .slice(0, 16)
    .map((fan, index) => ({ index, rpm: toNumber(own(fan, 'current_speed', 'rpm', 'speed')) }));
}

function readPools(replies: Replies) {
  const listed = digList(pageOf(replies, 'pools'), 'pools');
  if (listed.length > 0) return poolsOf(listed);
  const bare = webList(replies, 'kaonsu_v1_pools');
  return poolsOf(bare.length > 0 ? bare : webList(replies, 'pools'));
}

function readIdentity(replies: Replies) {
  const overview = pageOf(replies, 'overview');
  return {
    vendor: 'Bitmain',
    model: cleanModel(textOf(overview, 'miner_type', 'miner_model', 'model')),
    firmware: 'MaraFW',
    firmwareVersion: textOf(overview, 'version_firmware'),
    mac: cleanMac(textOf(overview, 'mac')),
    serial: textOf(overview, 'serial_number'),
  };
}
