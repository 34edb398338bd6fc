import type { MinerState, PowerSource, Repair } from '../../domain/telemetry.js';
import type { Family, ReadContext } from '../family.js';
import { toCount, toNumber } from '../numbers.js';
import type { JsonObject, Replies } from '../reply.js';
import { megahertz, positive, readChainList, readNumberedChains } from './antminer-chains.js';
import { readNumberedFans } from './fans.js';
import { antminerBoards, cleanMac, cleanModel, customFirmware, versionInType } from './model-names.js';
import { readPools, sumShares } from './pools.js';
import {
  deriveState,
  emptyReading,
  finish,
  withIdentity,
  type BoardReading,
  type Reading,
} from './reading.js';
import { isObject } from '../reply-status.js';
import { descriptions, mean, own, row, rows, sum, textOf } from './records.js';
import { ghsPerUnit, ratesOf, scaleTo, scaleToNominal, times } from './units.js';

/**
 * Bitmain's cgminer and bmminer (S9–S21, L3, D3, E3), and firmware that answers in the same layout:
 * VNish, Hiveon, LuxOS, asicseer, Blissz, MSKMiner, Blackminer.
 */
export const antminer: Family = {
  name: 'antminer',
  transport: 'cgminer',
  port: null,
  commands: ['summary', 'stats', 'pools'],
  identityCommands: ['version'],
  mayJoin: true,
  request: (command) => JSON.stringify({ command }),
  matches,
  read,
};

function matches(replies: Replies): boolean {
  if (/bos(?:miner|er)/i.test(descriptions(replies))) return false;
  const stats = statsOf(replies);
  const type = `${textOf(row(replies, ['version'], 'VERSION'), 'Type') ?? ''} ${textOf(headOf(replies), 'Type') ?? ''}`;
  const driver = textOf(row(replies, ['devdetails'], 'DEVDETAILS'), 'Driver') ?? '';
  return (
    /antminer|blackminer/i.test(type) ||
    /bitmain/i.test(driver) ||
    own(stats, 'chain_acn1', 'chain_rate1', 'chain_rateideal1') !== undefined ||
    Array.isArray(own(stats, 'chain'))
  );
}

/** The data of `stats`: the record behind the header, or the one that is both. */
function statsOf(replies: Replies): JsonObject {
  const records = rows(replies, ['stats'], 'STATS');
  return (
    records.find((it) => own(it, 'Elapsed', 'elapsed', 'GHS 5s', 'chain_rate1') !== undefined) ??
    records[0] ??
    {}
  );
}

/** The header of `stats`, which names the machine. */
function headOf(replies: Replies): JsonObject {
  return rows(replies, ['stats'], 'STATS').find((it) => own(it, 'Type') !== undefined) ?? {};
}

function read(replies: Replies, context: ReadContext) {
  const stats = statsOf(replies);
  const summary = row(replies, ['summary'], 'SUMMARY');
  const identity = withIdentity(readIdentity(replies, stats), context);
  const rates = readRates(summary, stats, identity.model);
  const pools = readPools(replies);
  const uptimeS = toNumber(own(summary, 'Elapsed', 'elapsed')) ?? toNumber(own(stats, 'Elapsed', 'elapsed'));
  const acceptedShares = toCount(own(summary, 'Accepted')) ?? sumShares(pools, 'accepted');
  const reading: Reading = {
    ...emptyReading,
    family: 'antminer',
    identity,
    ...rates.hash,
    boards: rates.boards,
    boardsExpected: antminerBoards(identity.model),
    fans: readFans(stats),
    pools,
    acceptedShares,
    rejectedShares: toCount(own(summary, 'Rejected')) ?? sumShares(pools, 'rejected'),
    hardwareErrors:
      toCount(own(summary, 'Hardware Errors', 'hw_all')) ??
      toCount(own(stats, 'no_matching_work')) ??
      sum(rates.boards.map((board) => board.hardwareErrors)),
    uptimeS,
    frequencyAvgMhz:
      megahertz(toNumber(own(stats, 'total_freqavg'))) ??
      mean(rates.boards.map((board) => board.frequencyMhz)) ??
      megahertz(toNumber(own(stats, 'frequency'))),
    ...readPower(replies, stats),
    repairs: rates.repairs,
    state: deriveState({
      told: toldState(stats, rates.hash.hashrateGhs),
      hashrateGhs: rates.hash.hashrateGhs,
      averageGhs: rates.averageGhs,
      acceptedShares,
      uptimeS,
      // A machine told to sleep restarts its miner, keeps its chips, and never hashes.
      neverHashed: rates.boards.some((board) => (board.chipsTotal ?? board.chipsOk ?? 0) > 0)
        ? 'sleeping'
        : 'stopped',
    }),
  };
  return finish(reading, replies, context);
}

/** First boards of scrypt, X11 and ethash machines: their `GHS` figures are MH/s. */
const megahashModels = /\b(?:L3|D3|E3)\b/i;

function readRates(summary: JsonObject, stats: JsonObject, model: string | null) {
  const told = ghsPerUnit(textOf(stats, 'rate_unit') ?? textOf(summary, 'rate_unit'));
  const isMegahash = told === null && megahashModels.test(model ?? '');
  const unit = told ?? (isMegahash ? 1e-3 : 1);
  const [fromSummary, fromStats] = [ratesOf(summary), ratesOf(stats)];
  const newApi = (name: string) => toNumber(own(stats, name)) ?? toNumber(own(summary, name));
  const nowGhs = times(
    fromSummary.nowGhs ??
      fromStats.nowGhs ??
      newApi('rate_5s') ??
      toNumber(own(stats, 'total_rate', 'total rate')) ??
      fromSummary.averageGhs ??
      fromStats.averageGhs ??
      sum(readNumberedChains(stats, 1).map((board) => board.hashrateGhs)),
    unit,
  );
  const averageGhs = times(fromSummary.averageGhs ?? fromStats.averageGhs ?? newApi('rate_avg'), unit);
  const nominalGhs = positive(times(newApi('total_rateideal') ?? newApi('rate_ideal'), unit));
  const uptimeS = toNumber(own(stats, 'Elapsed', 'elapsed')) ?? toNumber(own(summary, 'Elapsed', 'elapsed'));
  const factor = scaleToNominal({ nowGhs, averageGhs, nominalGhs, uptimeS });
  const hashrateGhs = times(nowGhs, factor);
  const { boards, isScaled } = readBoards(stats, unit, hashrateGhs);
  const isOff = (isMegahash && nowGhs !== null) || factor !== 1 || isScaled;
  const repairs: Repair[] = isOff ? [{ command: 'stats', kind: 'unit_scale', count: 1 }] : [];
  return {
    hash: {
      hashrateGhs,
      hashrate5sGhs: times(times(fromSummary.nowGhs ?? fromStats.nowGhs ?? newApi('rate_5s'), unit), factor),
      hashrateExpectedGhs: nominalGhs,
    },
    averageGhs,
    boards,
    repairs,
  };
}

/** Boards, their rates brought to the machine's total (some print TH/s there). */
function readBoards(stats: JsonObject, unit: number, totalGhs: number | null) {
  const listed = readChainList(stats, unit);
  const boards: BoardReading[] = listed.length > 0 ? listed : readNumberedChains(stats, unit);
  const factor = scaleTo(sum(boards.map((board) => board.hashrateGhs)), totalGhs);
  if (factor === 1) return { boards, isScaled: false };
  return {
    boards: boards.map((it) => ({ ...it, hashrateGhs: times(it.hashrateGhs, factor) })),
    isScaled: true,
  };
}

function readFans(stats: JsonObject) {
  const list = own(stats, 'fan');
  if (!Array.isArray(list)) return readNumberedFans(stats);
  return list
    .slice(0, 16)
    .map((rpm, index) => ({ index, rpm: toNumber(isObject(rpm) ? own(rpm, 'rpm', 'speed') : rpm) }));
}

/**
 * Custom firmware alone tells power: `chain_power` as text in watts, `chain_consumptionN` per board,
 * or LuxOS's `power`, whose `PSU` tells whether the supply measures it.
 */
function readPower(replies: Replies, stats: JsonObject): { powerW: number | null; powerSource: PowerSource } {
  const total = positive(toNumber(own(stats, 'chain_power', 'power', 'watt')));
  if (total !== null) return { powerW: total, powerSource: 'reported' };
  const luxos = row(replies, ['power'], 'POWER');
  const watts = positive(toNumber(own(luxos, 'Watts')));
  if (watts !== null)
    return { powerW: watts, powerSource: own(luxos, 'PSU') === true ? 'measured' : 'estimated' };
  const perBoard: (number | null)[] = [];
  for (let slot = 0; slot <= 16; slot += 1)
    perBoard.push(positive(toNumber(own(stats, `chain_consumption${slot}`))));
  return { powerW: sum(perBoard), powerSource: 'estimated' };
}

/** VNish names its state; stock T17+ in sleep has `Mode` 254. */
function toldState(stats: JsonObject, hashrateGhs: number | null): MinerState | null {
  if (toNumber(own(stats, 'Mode')) === 254) return 'sleeping';
  const state = textOf(stats, 'state') ?? '';
  if (hashrateGhs !== null && hashrateGhs > 0) return null;
  if (/^(?:auto-?tuning|initiali[sz]ing|starting|restarting)$/i.test(state)) return 'starting';
  if (/^(?:paused?|sleep(?:ing)?|shutting-down)$/i.test(state)) return 'sleeping';
  return /^(?:stopped|failure)$/i.test(state) ? 'stopped' : null;
}

function readIdentity(replies: Replies, stats: JsonObject) {
  const version = row(replies, ['version'], 'VERSION');
  const head = headOf(replies);
  const config = row(replies, ['config'], 'CONFIG');
  const info = infoOf(replies);
  const type = textOf(head, 'Type') ?? textOf(version, 'Type') ?? textOf(info, 'type');
  const names = ['BMMiner', 'CGMiner', 'Cgminer', 'LUXminer'];
  const engine = names.map((name) => textOf(head, name) ?? textOf(version, name));
  const custom = customFirmware(
    [type, ...engine, descriptions(replies)].filter((it) => it !== null).join('\n'),
  );
  const vendor = vendorOf(type, custom !== null);
  return {
    vendor,
    model: cleanModel(type),
    firmware: custom?.firmware ?? (vendor === 'Bitmain' ? 'stock' : null),
    firmwareVersion:
      custom?.firmwareVersion ??
      versionInType(type) ??
      textOf(stats, 'build_version') ??
      textOf(head, 'CompileTime') ??
      textOf(version, 'CompileTime') ??
      textOf(info, 'CompileTime', 'miner_version'),
    mac: cleanMac(textOf(config, 'MACAddr')),
    serial: textOf(config, 'SerialNumber') ?? textOf(info, 'dev_sn'),
  };
}

/** `INFO` of the `new_api` layout. */
function infoOf(replies: Replies): JsonObject {
  for (const command of ['stats', 'summary']) {
    const reply = replies.get(command);
    const info = reply?.kind === 'ok' ? own(reply.value, 'INFO') : undefined;
    if (isObject(info)) return info;
  }
  return {};
}

function vendorOf(type: string | null, isCustom: boolean): string | null {
  if (type === null) return null;
  if (/blackminer/i.test(type)) return 'HashAltcoin';
  return isCustom || /antminer|^[STLDEKZ]\d/i.test(type) ? 'Bitmain' : null;
}
