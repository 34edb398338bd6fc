import type { DeviceError, FanSample, MinerState, PoolSample } from '../../domain/telemetry.js';
import type { Family, ReadContext } from '../family.js';
import { emptyPool } from '../http/web-pools.js';
import { dig, digList, digObject, finishWeb, webList, webObject } from '../http/web-replies.js';
import { toCount, toNumber } from '../numbers.js';
import type { JsonObject, Replies } from '../reply.js';
import { isObject } from '../reply-status.js';
import { positive } from './antminer-chains.js';
import { antminerBoards, cleanMac } from './model-names.js';
import { deriveState, emptyBoard, emptyReading, withIdentity, type BoardReading } from './reading.js';
import { largest, mean, own, sum, textOf } from './records.js';
import { readTemperatures } from './temperatures.js';
import { times } from './units.js';
import { epicSources } from './web-field-sources.js';

/** ePIC's PowerPlay (UMC): HTTP on the port where others have the CGMiner API. Rates in MH/s. */
export const epic: Family = {
  name: 'epic',
  transport: 'http',
  port: null,
  commands: ['/summary', '/temps'],
  identityCommands: ['/capabilities', '/network'],
  mayJoin: false,
  request: (command) => `GET ${command}`,
  sources: epicSources,
  web: { recognises: (page) => /miner web dashboard|powerplay/i.test(page.text), schemes: [] },
  // A fan, and the target of an algorithm.
  listed: (value) => ({ 'Fans Speed 9': value, Any: { Target: value, Unit: 'TH' } }),
  matches: (replies) => {
    const summary = webObject(replies, 'summary');
    return isObject(own(summary, 'Session')) && Array.isArray(own(summary, 'HBs'));
  },
  read,
};

function read(replies: Replies, context: ReadContext) {
  const summary = webObject(replies, 'summary');
  const session = digObject(summary, 'Session');
  const identity = withIdentity(readIdentity(replies, summary), context);
  const boards = readBoards(replies, summary);
  const averageGhs = times(toNumber(own(session, 'Average MHs')), 1e-3);
  const hashrateGhs = sum(boards.map((board) => board.hashrateGhs)) ?? averageGhs;
  const acceptedShares = toCount(own(session, 'Accepted'));
  const rejectedShares = toCount(own(session, 'Rejected'));
  const uptimeS = toNumber(own(session, 'Uptime'));
  const powerW = positive(toNumber(dig(summary, 'Power Supply Stats', 'Input Power')));
  const latencyS = toNumber(dig(summary, 'Stratum', 'Average Latency'));
  const nominal = readNominal(summary) ?? sum(boards.map((board) => board.nominalGhs));
  return finishWeb(
    {
      ...emptyReading,
      family: 'epic',
      identity,
      hashrateGhs,
      hashrateExpectedGhs: nominal,
      nominalSource: nominal === null ? null : 'device',
      boards,
      boardsExpected:
        toCount(own(webObject(replies, 'capabilities'), 'Max HBs')) ?? antminerBoards(identity.model),
      fans: readFans(summary),
      pools: readPools(summary, { accepted: acceptedShares, rejected: rejectedShares }),
      acceptedShares,
      rejectedShares,
      uptimeS,
      frequencyAvgMhz: mean(boards.map((board) => board.frequencyMhz)),
      powerW,
      powerSource: 'reported',
      poolLatencyMs: latencyS === null ? null : latencyS * 1000,
      deviceErrors: readErrors(summary),
      state: deriveState({
        told: toldState(summary),
        hashrateGhs: Object.keys(session).length === 0 ? null : (hashrateGhs ?? 0),
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

/** The tuner's target where it runs; the boards' own nominal follows their clocks. */
function readNominal(summary: JsonObject): number | null {
  const tune = digObject(summary, 'PerpetualTune');
  if (own(tune, 'Running') !== true) return null;
  const target = Object.values(digObject(tune, 'Algorithm')).find(isObject) ?? {};
  const isTh = /^\s*TH/i.test(textOf(target, 'Unit') ?? 'TH');
  return isTh ? positive(times(toNumber(own(target, 'Target')), 1e3)) : null;
}

/** `HBs` has the boards at work, `HBStatus` the slots; a rate comes with its share of nominal, %. */
function readBoards(replies: Replies, summary: JsonObject): BoardReading[] {
  const capabilities = webObject(replies, 'capabilities');
  const serials = own(capabilities, 'Board Serial Numbers');
  const listed = digList(summary, 'HBs');
  const chips = positive(toCount(dig(capabilities, 'Performance Estimator', 'Chip Count')));
  const sensors = webList(replies, 'temps');
  return listed.map((board, position) => {
    const index = toCount(own(board, 'Index')) ?? position;
    const rates = own(board, 'Hashrate');
    const [mhs, percent] = Array.isArray(rates) ? rates.map(toNumber) : [toNumber(rates)];
    const hashrateGhs = times(mhs ?? null, 1e-3);
    const sensor = sensors.find((it) => toCount(own(it, 'Index')) === index);
    const boardTempsC = readTemperatures(own(sensor ?? board, 'Data', 'Temperature'));
    const serial = Array.isArray(serials) && serials.length === listed.length ? serials[position] : null;
    const isNominal = hashrateGhs !== null && hashrateGhs > 0 && (percent ?? 0) > 1;
    const volts = positive(toNumber(own(board, 'Output Voltage')));
    return {
      ...emptyBoard(index),
      hashrateGhs,
      boardTempsC,
      boardTempC: largest([...boardTempsC, ...readTemperatures(own(board, 'Temperature'))]),
      nominalGhs: isNominal ? hashrateGhs / ((percent ?? 100) / 100) : null,
      chipsTotal: chips,
      chipsOk: countChips(replies, index),
      frequencyMhz: positive(toNumber(own(board, 'Core Clock Avg', 'Core Clock'))),
      voltageMv: times(volts, 1e3),
      serial: typeof serial === 'string' ? serial.slice(0, 256) : null,
    };
  });
}

/** Chips with a rate above zero, where their rates were asked for. */
function countChips(replies: Replies, index: number): number | null {
  const board = webList(replies, 'chip_hashrates').find((it) => toCount(own(it, 'Index')) === index);
  const rates = board === undefined ? undefined : own(board, 'Data');
  if (!Array.isArray(rates)) return null;
  return rates.filter((it) => (toNumber(Array.isArray(it) ? it[0] : it) ?? 0) > 0).length;
}

/** `Fans Speed 1`…`12`; null is an empty socket, 0 a fan that stands still. */
function readFans(summary: JsonObject): FanSample[] {
  return Object.entries(digObject(summary, 'Fans Rpm'))
    .flatMap(([name, rpm]) => {
      const index = /(\d+)$/.exec(name)?.[1];
      const speed = toNumber(rpm);
      return index === undefined || speed === null ? [] : [{ index: Number(index), rpm: speed }];
    })
    .sort((a, b) => a.index - b.index)
    .slice(0, 16);
}

function readPools(
  summary: JsonObject,
  shares: { accepted: number | null; rejected: number | null },
): PoolSample[] {
  const current = textOf(digObject(summary, 'Stratum'), 'Current Pool') ?? '';
  const isConnected = dig(summary, 'Stratum', 'IsPoolConnected') === true;
  const pools = digList(summary, 'StratumConfigs').map((config, index) => ({
    ...emptyPool(index),
    url: textOf(config, 'pool') ?? '',
    user: textOf(config, 'login') ?? '',
  }));
  const active = pools.find((pool) => current !== '' && bare(pool.url) === bare(current));
  return pools
    .filter((pool) => pool.url !== '')
    .map((pool) => (pool === active && isConnected ? { ...pool, ...shares, isActive: true } : pool));
}

const bare = (url: string): string => url.replace(/^[a-z0-9+]+:\/\//i, '').toLowerCase();

function readErrors(summary: JsonObject): DeviceError[] {
  const text = textOf(digObject(summary, 'Status'), 'Last Error');
  return text === null ? [] : [{ code: 'last_error', text }];
}

function toldState(summary: JsonObject): MinerState | null {
  const state = textOf(digObject(summary, 'Status'), 'Operating State') ?? '';
  if (/^(?:idling|idle|stopped)$/i.test(state)) return 'sleeping';
  if (/^(?:starting|initiali[sz]ing|ramping|rampup|booting)/i.test(state)) return 'starting';
  return /overheat|temperature/i.test(state) ? 'overheated' : null;
}

function readIdentity(replies: Replies, summary: JsonObject) {
  const software = /^(\S+)(?:\s+v?(\S+))?/.exec(textOf(summary, 'Software') ?? '');
  const capabilities = webObject(replies, 'capabilities');
  const model = textOf(capabilities, 'Model');
  const network = Object.values(webObject(replies, 'network')).find(isObject) ?? {};
  return {
    vendor: model !== null && /antminer/i.test(model) ? 'Bitmain' : 'ePIC',
    model,
    firmware: software?.[1] ?? 'PowerPlay',
    firmwareVersion: software?.[2] ?? null,
    mac: cleanMac(textOf(network, 'mac_address')),
    serial: textOf(digObject(capabilities, 'Control Board Version'), 'cpuSerial'),
  };
}
