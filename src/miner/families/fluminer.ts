import type { FanSample, PoolSample } from '../../domain/telemetry.js';
import type { Family, ReadContext } from '../family.js';
import { cookieToken } from '../http/web-access.js';
import { emptyPool } from '../http/web-pools.js';
import { digList, digObject, finishWeb, webObject } from '../http/web-replies.js';
import { toCount, toNumber, toTemperature } from '../numbers.js';
import type { JsonObject, JsonValue, Replies } from '../reply.js';
import { positive } from './antminer-chains.js';
import { cleanMac } from './model-names.js';
import { deriveState, emptyBoard, emptyReading, withIdentity, type BoardReading } from './reading.js';
import { largest, own, textOf } from './records.js';
import { fluminerSources } from './more-web-field-sources.js';

/**
 * Fluminer (T3, L1): one board; the rate in GH/s, sensors and fans as text with `|` between. Pools are shown
 * to those logged in alone. Source: public clients of this interface.
 */
export const fluminer: Family = {
  name: 'fluminer',
  transport: 'http',
  port: 80,
  commands: ['/api/summary', '/api/getPools'],
  identityCommands: ['/api/overview'],
  mayJoin: false,
  request: (command) => `GET ${command}`,
  sources: fluminerSources,
  web: {
    recognises: (page) => /fluminer/i.test(page.text),
    schemes: [],
    login: {
      request: ({ username, password }) => `POST /api/login\n${JSON.stringify({ username, password })}`,
      token: (body, cookies) =>
        toNumber(own(body, 'code')) === 0 ? cookieToken(cookies, /^session=/) : null,
      isRefusal: (body) => toNumber(own(body, 'code')) === 401,
    },
  },
  matches: (replies) =>
    own(summaryOf(replies), 'hrt') !== undefined || own(infoOf(replies), 'minerVersion') !== undefined,
  read,
};

const summaryOf = (replies: Replies): JsonObject =>
  digList(webObject(replies, 'summary'), 'data', 'summary')[0] ?? {};
const infoOf = (replies: Replies): JsonObject =>
  digObject(webObject(replies, 'overview'), 'data', 'minerInfo');

function read(replies: Replies, context: ReadContext) {
  const summary = summaryOf(replies);
  const hashrateGhs = toNumber(own(summary, 'hrt'));
  const uptimeS = toNumber(own(summary, 'uptime'));
  const acceptedShares = toCount(own(summary, 'acc'));
  const rejectedShares = toCount(own(summary, 'rej'));
  return finishWeb(
    {
      ...emptyReading,
      family: 'fluminer',
      identity: withIdentity(readIdentity(infoOf(replies)), context),
      hashrateGhs,
      boards: hashrateGhs === null ? [] : [readBoard(summary, hashrateGhs)],
      fans: readFans(own(summary, 'fan')),
      pools: readPools(replies, summary),
      acceptedShares,
      rejectedShares,
      uptimeS,
      powerW: positive(toNumber(own(summary, 'power'))),
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

const parts = (value: JsonValue | undefined): readonly string[] =>
  typeof value === 'string'
    ? value.slice(0, 256).split('|')
    : typeof value === 'number'
      ? [String(value)]
      : [];

/** The first sensor is the board's, the others chips'. */
function readBoard(summary: JsonObject, hashrateGhs: number): BoardReading {
  const [boardTempC = null, ...chips] = parts(own(summary, 'temp')).map(toTemperature);
  const chipTempsC = chips.filter((temp) => temp !== null);
  const volts = positive(toNumber(own(summary, 'voltage')));
  return {
    ...emptyBoard(0),
    hashrateGhs,
    boardTempC,
    boardTempsC: boardTempC === null ? [] : [boardTempC],
    chipTempC: largest(chipTempsC),
    chipTempsC,
    voltageMv: volts === null ? null : volts < 100 ? Math.round(volts * 1000) : volts,
  };
}

function readFans(value: JsonValue | undefined): FanSample[] {
  return parts(value).flatMap((text, index) => {
    const rpm = toNumber(text);
    return rpm === null ? [] : [{ index, rpm }];
  });
}

/** The pool in use is told by host and port; without `getPools` it is all that is known. */
function readPools(replies: Replies, summary: JsonObject): PoolSample[] {
  const host = textOf(summary, 'pool');
  const port = textOf(summary, 'port');
  const shares = { accepted: toCount(own(summary, 'acc')), rejected: toCount(own(summary, 'rej')) };
  const alive = textOf(summary, 'poolAlive');
  const status = alive === null ? null : alive === '1' ? 'Alive' : 'Dead';
  const inUse = host === null ? null : `${host}${port === null || host.includes(':') ? '' : `:${port}`}`;
  const listed = digList(webObject(replies, 'getpools'), 'data', 'pools').slice(0, 32);
  if (listed.length === 0)
    return inUse === null ? [] : [{ ...emptyPool(0), url: inUse, status, isActive: true, ...shares }];
  let hasActive = false;
  return listed
    .map((pool, index) => {
      const url = textOf(pool, 'url') ?? '';
      const isActive = !hasActive && inUse !== null && url.replace(/^\S*:\/\//, '').startsWith(inUse);
      hasActive ||= isActive;
      return {
        ...emptyPool(index),
        url,
        user: textOf(pool, 'user') ?? '',
        isActive,
        ...(isActive ? { ...shares, status } : {}),
      };
    })
    .filter((pool) => pool.url !== '');
}

function readIdentity(info: JsonObject) {
  return {
    vendor: 'Fluminer',
    model: textOf(info, 'model', 'minerModel', 'minerType'),
    firmware: 'stock',
    firmwareVersion: textOf(info, 'minerVersion'),
    mac: cleanMac(textOf(info, 'macAddress', 'wifiMacAddress')),
    serial: textOf(info, 'sn'),
  };
}
