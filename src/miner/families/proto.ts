import type { DeviceError, FanSample, MinerState, PoolSample } from '../../domain/telemetry.js';
import type { Family, ReadContext } from '../family.js';
import { tokenText } from '../http/web-access.js';
import { emptyPool } from '../http/web-pools.js';
import { dig, digList, digObject, finishWeb, webList, webObject } from '../http/web-replies.js';
import { toCount, toNumber, toTemperature } from '../numbers.js';
import type { JsonObject, JsonValue, Replies } from '../reply.js';
import { positive } from './antminer-chains.js';
import { cleanMac } from './model-names.js';
import { deriveState, emptyBoard, emptyReading, withIdentity, type BoardReading } from './reading.js';
import { largest, own, sum, textOf } from './records.js';
import { ghsPerUnit, times } from './units.js';
import { protoSources } from './web-field-sources.js';

/** Block's Proto Rig (ProtoOS): `/api/v1`; figures of boards carry their unit beside them. */
export const proto: Family = {
  name: 'proto',
  transport: 'http',
  port: 80,
  commands: [
    '/api/v1/mining',
    '/api/v1/telemetry?level=miner,hashboard,psu',
    '/api/v1/cooling',
    '/api/v1/pools',
    '/api/v1/errors',
  ],
  identityCommands: ['/api/v1/system', '/api/v1/hardware', '/api/v1/network'],
  mayJoin: false,
  request: (command) => `GET ${command}`,
  sources: protoSources,
  web: {
    recognises: (page) => /proto\s*(?:os|rig|fleet)/i.test(page.text),
    schemes: [],
    login: {
      request: ({ password }) => `POST /api/v1/auth/login\n${JSON.stringify({ password })}`,
      token: (body) => {
        const token = tokenText(body, 'access_token');
        return token === null ? null : ['authorization', `Bearer ${token}`];
      },
    },
  },
  matches: (replies) =>
    dig(webObject(replies, 'mining'), 'mining-status') !== undefined ||
    dig(webObject(replies, 'system'), 'system-info') !== undefined ||
    dig(webObject(replies, 'hardware'), 'hardware-info') !== undefined,
  read,
};

function read(replies: Replies, context: ReadContext) {
  const mining = digObject(webObject(replies, 'mining'), 'mining-status');
  const boards = readBoards(replies);
  const hashrateGhs = toNumber(own(mining, 'hashrate_ghs')) ?? sum(boards.map((it) => it.hashrateGhs));
  const nominalGhs = positive(toNumber(own(mining, 'ideal_hashrate_ghs')));
  const uptimeS = toNumber(own(mining, 'mining_uptime_s'));
  const pools = readPools(replies);
  const acceptedShares = sum(pools.map((pool) => pool.accepted));
  return finishWeb(
    {
      ...emptyReading,
      family: 'proto',
      identity: withIdentity(readIdentity(replies), context),
      hashrateGhs,
      hashrateExpectedGhs: nominalGhs,
      nominalSource: nominalGhs === null ? null : 'device',
      temperatureAvgC: toTemperature(own(mining, 'average_asic_temp_c', 'average_hb_temp_c')),
      // Of chips the mean alone is told: the hottest is no cooler.
      temperatureMaxC: toTemperature(own(mining, 'average_asic_temp_c')),
      boards,
      boardsExpected: toCount(own(mining, 'hashboards_installed')),
      fans: readFans(replies),
      pools,
      acceptedShares,
      rejectedShares: sum(pools.map((pool) => pool.rejected)),
      hardwareErrors: toCount(own(mining, 'hw_errors')),
      uptimeS,
      powerW: positive(toNumber(own(mining, 'power_usage_watts'))),
      powerSource: 'measured',
      deviceErrors: readErrors(replies),
      state: deriveState({
        told: (hashrateGhs ?? 0) > 0 ? null : toldState(textOf(mining, 'status') ?? ''),
        hashrateGhs,
        averageGhs: toNumber(own(mining, 'average_hashrate_ghs')),
        acceptedShares,
        uptimeS,
        neverHashed: 'stopped',
      }),
    },
    replies,
    context,
  );
}

/** `telemetry` tells what boards do, `hardware` how many chips they have; the first board is slot 1. */
function readBoards(replies: Replies): BoardReading[] {
  const hardware = digList(webObject(replies, 'hardware'), 'hardware-info', 'hashboards-info');
  const telemetry = ['telemetry', 'telemetry_full'].flatMap((key) =>
    digList(webObject(replies, key), 'hashboards'),
  );
  return telemetry.slice(0, 16).map((board, position) => {
    const serial = textOf(board, 'serial_number');
    const index = toCount(own(board, 'index')) ?? position;
    const part =
      hardware.find((it) => serial !== null && textOf(it, 'hb_sn') === serial) ?? hardware[index] ?? {};
    return readBoard(board, part, index, serial);
  });
}

function readBoard(board: JsonObject, part: JsonObject, index: number, serial: string | null): BoardReading {
  const temps = digObject(board, 'temperature');
  const sensors = ['inlet', 'outlet'].map((name) => toTemperature(own(temps, name)));
  const boardTempsC = sensors.filter((it) => it !== null);
  const volts = toNumber(dig(board, 'voltage', 'value'));
  const chips = positive(toCount(own(part, 'mining_asic_count')));
  const hashrateGhs = ghsOf(dig(board, 'hashrate'));
  return {
    ...emptyBoard(index),
    hashrateGhs,
    boardTempC: largest([toTemperature(own(temps, 'average')), ...boardTempsC]),
    boardTempsC,
    chipsTotal: chips,
    voltageMv: volts === null ? null : Math.round(volts * 1000),
    serial,
  };
}

/** `{ "unit": "TH/s", "value": 36.4 }` in GH/s. */
function ghsOf(measure: JsonValue | undefined): number | null {
  const unit = dig(measure, 'unit');
  const perUnit = ghsPerUnit(typeof unit === 'string' ? unit : null);
  return perUnit === null ? null : times(toNumber(dig(measure, 'value')), perUnit);
}

function readFans(replies: Replies): FanSample[] {
  return digList(webObject(replies, 'cooling'), 'cooling-status', 'fans').map((fan, position) => ({
    index: toCount(own(fan, 'slot')) ?? position,
    rpm: toNumber(own(fan, 'rpm')),
  }));
}

/** The first by priority of those whose status is `Active`. */
function readPools(replies: Replies): PoolSample[] {
  const pools = digList(webObject(replies, 'pools'), 'pools')
    .map((pool, position) => ({
      ...emptyPool(toCount(own(pool, 'id')) ?? position),
      url: textOf(pool, 'url') ?? '',
      user: textOf(pool, 'user') ?? '',
      status: textOf(pool, 'status', 'connection_status'),
      priority: toCount(own(pool, 'priority')) ?? position,
      accepted: toCount(own(pool, 'accepted')),
      rejected: toCount(own(pool, 'rejected')),
    }))
    .filter((pool) => pool.url !== '');
  const alive = pools.filter((pool) => /^active$/i.test(pool.status ?? ''));
  const active = alive.sort((a, b) => a.priority - b.priority)[0];
  return pools.map((pool) => ({ ...pool, isActive: pool === active }));
}

/** Whatever list of errors there is, with the device's own words. */
function readErrors(replies: Replies): DeviceError[] {
  const told = webObject(replies, 'errors');
  const nested = digList(told, 'errors');
  const listed = nested.length > 0 ? nested : webList(replies, 'errors');
  return listed.slice(0, 32).flatMap((error) => {
    const code = textOf(error, 'error_code', 'code', 'source', 'type');
    return code === null ? [] : [{ code, text: textOf(error, 'message', 'details', 'description') ?? code }];
  });
}

function toldState(status: string): MinerState | null {
  if (/over-?heat|thermal/i.test(status)) return 'overheated';
  if (/^(?:stopped|paused|sleep\w*|idle|curtail\w*)$/i.test(status)) return 'sleeping';
  if (/start|init|power(?:ing)?\s*on|warm|tun|no\s*pool/i.test(status)) return 'starting';
  return /error|fail|degraded/i.test(status) ? 'stopped' : null;
}

function readIdentity(replies: Replies) {
  const system = digObject(webObject(replies, 'system'), 'system-info');
  const control = digObject(webObject(replies, 'hardware'), 'hardware-info', 'cb-info');
  const network = digObject(webObject(replies, 'network'), 'network-info');
  return {
    vendor: 'Proto',
    model: textOf(system, 'product_name') ?? textOf(system, 'model') ?? textOf(control, 'machine_name'),
    firmware: textOf(digObject(system, 'os'), 'name') ?? 'ProtoOS',
    firmwareVersion: textOf(digObject(system, 'os'), 'version'),
    mac: cleanMac(textOf(network, 'mac')),
    serial: textOf(system, 'cb_sn') ?? textOf(control, 'serial_number'),
  };
}
