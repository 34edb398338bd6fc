import type { FanSample, PoolSample } from '../../domain/telemetry.js';
import type { Family, ReadContext } from '../family.js';
import { emptyPool } from '../http/web-pools.js';
import { finishWeb, webObject } from '../http/web-replies.js';
import { toCount, toNumber, toTemperature } from '../numbers.js';
import type { JsonObject, JsonValue, Replies } from '../reply.js';
import { positive } from './antminer-chains.js';
import { cleanMac } from './model-names.js';
import { deriveState, emptyBoard, emptyReading, withIdentity, type BoardReading } from './reading.js';
import { own, textOf } from './records.js';
import { bitaxeSources } from './web-field-sources.js';

/** ESP-Miner (Bitaxe) and its descendants (NerdAxe, NerdQAxe): one board, rates in GH/s. */
export const bitaxe: Family = {
  name: 'bitaxe',
  transport: 'http',
  port: 80,
  commands: ['/api/system/info'],
  identityCommands: [],
  mayJoin: false,
  request: (command) => `GET ${command}`,
  sources: bitaxeSources,
  web: { recognises: (page) => /axeos|bitaxe|nerd\w*axe/i.test(page.text), schemes: [] },
  matches: (replies) => {
    const info = webObject(replies, 'system_info');
    return own(info, 'hashRate') !== undefined && own(info, 'ASICModel', 'stratumURL') !== undefined;
  },
  read,
};

function read(replies: Replies, context: ReadContext) {
  const info = webObject(replies, 'system_info');
  const hashrateGhs = toNumber(own(info, 'hashRate'));
  const acceptedShares = toCount(own(info, 'sharesAccepted'));
  const rejectedShares = toCount(own(info, 'sharesRejected'));
  const uptimeS = toNumber(own(info, 'uptimeSeconds'));
  const nominal = readNominal(info);
  const board = readBoard(info, nominal);
  return finishWeb(
    {
      ...emptyReading,
      family: 'bitaxe',
      identity: withIdentity(readIdentity(info), context),
      hashrateGhs,
      hashrate5sGhs: null,
      hashrateExpectedGhs: nominal,
      nominalSource: nominal === null ? null : 'device',
      boards: Object.keys(info).length === 0 ? [] : [board],
      boardsExpected: 1,
      fans: readFans(info),
      pools: readPools(info, { accepted: acceptedShares, rejected: rejectedShares }),
      acceptedShares,
      rejectedShares,
      uptimeS,
      frequencyAvgMhz: board.frequencyMhz,
      powerW: positive(toNumber(own(info, 'power'))),
      powerSource: 'measured',
      poolLatencyMs: positive(toNumber(own(info, 'responseTime', 'lastpingrtt'))),
      state: deriveState({
        told: isSet(own(info, 'overheat_mode')) ? 'overheated' : null,
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

const isSet = (value: JsonValue | undefined): boolean => value === true || (toNumber(value) ?? 0) > 0;

/** Newer firmware tells it; otherwise every small core hashes once a clock. */
function readNominal(info: JsonObject): number | null {
  const told = positive(toNumber(own(info, 'expectedHashrate')));
  if (told !== null) return told;
  const cores = toCount(own(info, 'smallCoreCount')) ?? 0;
  const mhz = toNumber(own(info, 'frequency')) ?? 0;
  return positive((cores * (toCount(own(info, 'asicCount')) ?? 1) * mhz) / 1000);
}

function readBoard(info: JsonObject, nominalGhs: number | null): BoardReading {
  const temps = [own(info, 'temp'), own(info, 'temp2')].map(toTemperature).filter((it) => it !== null);
  const regulator = toTemperature(own(info, 'vrTemp'));
  const hashrateGhs = toNumber(own(info, 'hashRate'));
  const chips = positive(toCount(own(info, 'asicCount')));
  return {
    ...emptyBoard(0),
    hashrateGhs,
    nominalGhs,
    chipTempsC: temps,
    chipTempC: temps.length === 0 ? null : Math.max(...temps),
    boardTempC: regulator,
    boardTempsC: regulator === null ? [] : [regulator],
    chipsOk: (hashrateGhs ?? 0) > 0 ? chips : null,
    chipsTotal: chips,
    frequencyMhz: positive(toNumber(own(info, 'frequency'))),
    voltageMv: positive(toNumber(own(info, 'coreVoltageActual', 'coreVoltage'))),
  };
}

/** `fanrpm`, `fan2rpm`, or NerdQAxe's list `fans`. A fan that was never there says 0 beside a second one. */
function readFans(info: JsonObject): FanSample[] {
  const listed = own(info, 'fans');
  const speeds = Array.isArray(listed)
    ? listed
        .slice(0, 8)
        .map((it) => (typeof it === 'object' && it !== null && !Array.isArray(it) ? own(it, 'rpm') : it))
    : [own(info, 'fanrpm'), own(info, 'fan2rpm')];
  return speeds.flatMap((value, index) => {
    const rpm = toNumber(value);
    return rpm === null || (rpm === 0 && index > 0) ? [] : [{ index, rpm }];
  });
}

function readPools(
  info: JsonObject,
  shares: { accepted: number | null; rejected: number | null },
): PoolSample[] {
  const isFallback = isSet(own(info, 'isUsingFallbackStratum'));
  const pools = ['stratum', 'fallbackStratum'].map((prefix, index) => ({
    ...emptyPool(index),
    url: poolUrl(textOf(info, `${prefix}URL`), toNumber(own(info, `${prefix}Port`))),
    user: textOf(info, `${prefix}User`) ?? '',
    isActive: isFallback === (index === 1),
    ...(isFallback === (index === 1) ? shares : {}),
  }));
  return pools.filter((pool) => pool.url !== '');
}

function poolUrl(host: string | null, port: number | null): string {
  if (host === null) return '';
  const hasPort = /:\d+$/.test(host) || port === null || port <= 0;
  const full = hasPort ? host : `${host}:${port}`;
  return /:\/\//.test(full) ? full : `stratum+tcp://${full}`;
}

const byChip: Readonly<Record<string, string>> = {
  BM1397: 'Max',
  BM1366: 'Ultra',
  BM1368: 'Supra',
  BM1370: 'Gamma',
};

function readIdentity(info: JsonObject) {
  const told = textOf(info, 'deviceModel', 'boardName');
  const isNerd = /nerd/i.test(`${told ?? ''} ${textOf(info, 'hostname') ?? ''}`);
  const chip = textOf(info, 'ASICModel');
  const kind = chip === null ? null : (byChip[chip.toUpperCase()] ?? chip);
  const isForge = /bitforge/i.test(`${told ?? ''} ${textOf(info, 'hostname') ?? ''}`);
  const maker = isNerd ? 'NerdAxe' : isForge ? 'BitForge' : 'Bitaxe';
  // Several chips, and no name of theirs: BitForge's own board.
  const variant = isForge ? chip : kind;
  const model = told !== null && /axe|forge/i.test(told) ? told : [maker, variant].filter(Boolean).join(' ');
  return {
    vendor: maker,
    model,
    firmware: isNerd ? 'ESP-Miner-NerdQAxe' : 'ESP-Miner',
    firmwareVersion: textOf(info, 'version')?.replace(/^v(?=\d)/, '') ?? null,
    mac: cleanMac(textOf(info, 'macAddr')),
    serial: null,
  };
}
