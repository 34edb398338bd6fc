import { defaultHealthThresholds } from '../../../src/domain/health.js';
import type { ParsedUpload } from '../../../src/domain/ingest-task.js';
import { formatIp } from '../../../src/domain/ip-ranges.js';
import { readUpload } from '../../../src/domain/read-upload.js';
import type { MinerState } from '../../../src/domain/telemetry.js';
import { emptySample, toWire, type WireRecord } from '../../../src/domain/wire.js';
import { unit } from '../../simulator/random.js';
import { makeRecord } from '../ingest/records.js';

interface Model {
  readonly name: string;
  readonly family: string;
  readonly nominalGhs: number;
  readonly powerW: number;
}

const model = (name: string, family: string, nominalThs: number, powerW: number): Model => ({
  name,
  family,
  nominalGhs: nominalThs * 1_000,
  powerW,
});

/** What stands in the farms, in equal parts; hashrates and powers are those of the makers' pages. */
export const models: readonly Model[] = [
  model('Antminer S19', 'antminer', 95, 3_250),
  model('Antminer S19j Pro', 'antminer', 104, 3_068),
  model('Antminer S19 Pro', 'antminer', 110, 3_250),
  model('Antminer S19 XP', 'antminer', 140, 3_010),
  model('Antminer T21', 'antminer', 190, 3_610),
  model('Antminer S21', 'antminer', 200, 3_500),
  model('Antminer S21 Pro', 'antminer', 234, 3_510),
  model('Whatsminer M30S', 'whatsminer', 88, 3_344),
  model('Whatsminer M50S', 'whatsminer', 126, 3_276),
  model('Whatsminer M60S', 'whatsminer', 186, 3_441),
  model('Avalon 1246', 'avalon', 90, 3_420),
  model('Avalon 1566', 'avalon', 185, 3_420),
];

export const firmwares = [
  '2022-12-06',
  '2023-05-31',
  '2024-03-11',
  'vnish 1.2.6',
  'braiins 24.06',
  'luxos 2024.9.3',
  '20230911.12.REL',
  '20240520.18.REL',
] as const;

export const pools = [
  'stratum+tcp://btc.pool.example:3333',
  'stratum+tcp://eu.mining.example:443',
  'stratum+tcp://us-east.hash.example:700',
  'stratum+tcp://backup.pool.example:25',
] as const;

/** Of a thousand miners, how many are in each state but mining. */
const unusual: readonly (readonly [MinerState, number])[] = [
  ['unreachable', 30],
  ['sleeping', 12],
  ['starting', 8],
  ['stopped', 6],
  ['overheated', 5],
  ['no_boards', 4],
  ['denied', 2],
  ['parse_error', 3],
];

/** Every state some miner is in. */
export const states: readonly MinerState[] = ['mining', ...unusual.map(([state]) => state)];

/** Addresses used of a /24. */
export const hostsPerSubnet = 250;

const templates = Array.from({ length: 60 }, (_, index) => makeRecord(index));

/** A row of `miners`, as the seed inserts it. */
export interface SeededMiner {
  readonly key: string;
  readonly mac: string;
  readonly model: string;
  readonly firmware: string;
  readonly family: string;
}

/** The miners of one site: model, firmware, pool, state and readings of each follow from its number. */
export class Fleet {
  readonly siteId: number;
  readonly count: number;
  /** Of the first /24, as a number. */
  readonly firstAddress: number;

  constructor(options: { readonly siteId: number; readonly count: number; readonly firstAddress: number }) {
    this.siteId = options.siteId;
    this.count = options.count;
    this.firstAddress = options.firstAddress;
  }

  key(miner: number): string {
    return formatIp(
      this.firstAddress + Math.floor(miner / hostsPerSubnet) * 256 + 1 + (miner % hostsPerSubnet),
    );
  }

  /** The /24 a miner stands in. */
  subnet(miner: number): string {
    return `${formatIp(this.firstAddress + Math.floor(miner / hostsPerSubnet) * 256)}/24`;
  }

  identity(miner: number): SeededMiner {
    const { name, family } = modelOf(miner);
    const octets = [24, 16, 8, 0].map((shift) => ((miner >> shift) & 255).toString(16).padStart(2, '0'));
    const site = (this.siteId & 255).toString(16).padStart(2, '0');
    return {
      key: this.key(miner),
      mac: ['02', site, ...octets].join(':'),
      model: name,
      firmware: pick(firmwares, unit(miner, 2)),
      family,
    };
  }

  /** One sample of the miners [from, to), read by the same code that reads uploads. `isCalm`: all of them mine. */
  batch(
    from: number,
    to: number,
    options: { slotMs: number; batchId: string; isCalm?: boolean },
  ): ParsedUpload {
    const records: WireRecord[] = [];
    for (let miner = from; miner < to; miner++) records.push(this.#record(miner, options));
    const parsed = readUpload(Buffer.from(JSON.stringify(records)), {
      siteId: this.siteId,
      batchId: options.batchId,
      maxRecords: records.length,
      context: {
        receivedMs: options.slotMs,
        maxAgeMs: 1,
        maxAheadMs: 1,
        thresholds: defaultHealthThresholds,
      },
    });
    if (parsed.kind === 'error') throw new Error(parsed.message);
    if (parsed.rejected.length > 0) throw new Error(`rejected: ${parsed.rejected[0]?.reason}`);
    return parsed;
  }

  /** The same as collectors send it. */
  json(from: number, to: number, slotMs: number): string {
    const records: WireRecord[] = [];
    for (let miner = from; miner < to; miner++) records.push(this.#record(miner, { slotMs }));
    return JSON.stringify(records);
  }

  #record(miner: number, { slotMs, isCalm }: { slotMs: number; isCalm?: boolean }): WireRecord {
    const state = isCalm === true ? 'mining' : stateOf(miner);
    const facts = { minerId: this.key(miner), ip: this.key(miner), slot: new Date(slotMs), raw: null };
    if (state === 'unreachable')
      return toWire(emptySample, {
        ...facts,
        offsetMs: 3_000,
        latencyMs: null,
        errorClass: 'connect_timeout',
      });
    const template = templates[miner % templates.length] as WireRecord;
    const { nominalGhs, powerW } = modelOf(miner);
    const { model: name, firmware, family } = this.identity(miner);
    const share =
      state === 'mining' ? 0.8 + 0.22 * Math.sqrt(unit(miner, 3)) : state === 'starting' ? 0.4 : 0;
    const warmth = unit(miner, 4);
    return {
      ...template,
      miner_id: facts.minerId,
      ip_address: facts.ip,
      timestamp: facts.slot.toISOString(),
      mac: null,
      serial: null,
      state,
      model: name,
      firmware_version: firmware,
      family,
      hashrate_ghs: nominalGhs * share,
      hashrate_5s_ghs: nominalGhs * share * (0.95 + 0.1 * unit(miner, 5)),
      hashrate_expected_ghs: nominalGhs,
      // One in fifty is hotter than the default rule allows.
      temperature_avg: 46 + 15 * warmth,
      temperature_min: 40 + 15 * warmth,
      temperature_max: 53.4 + 22 * warmth,
      power_consumption: share === 0 ? 40 : powerW * (0.7 + 0.3 * share),
      efficiency: share === 0 ? null : ((powerW * (0.7 + 0.3 * share)) / (nominalGhs * share)) * 1_000,
      accepted_shares: 5_000 + Math.floor(900_000 * unit(miner, 6)),
      rejected_shares: Math.floor(3_000 * unit(miner, 7) ** 4),
      uptime_seconds: Math.floor(2_000_000 * unit(miner, 8)),
      pool_url: pick(pools, unit(miner, 9)),
      worker_name: `farm${miner % 40}.r${Math.floor(miner / 40)}x${miner % 40}`,
    };
  }
}

function modelOf(miner: number): Model {
  return pick(models, unit(miner, 1));
}

function stateOf(miner: number): MinerState {
  let place = unit(miner, 10) * 1_000;
  for (const [state, count] of unusual) {
    if (place < count) return state;
    place -= count;
  }
  return 'mining';
}

function pick<T>(values: readonly T[], at: number): T {
  return values[Math.floor(at * values.length)] as T;
}
