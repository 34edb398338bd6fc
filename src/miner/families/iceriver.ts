import type { FanSample, PoolSample } from '../../domain/telemetry.js';
import type { Family, ReadContext } from '../family.js';
import { cookieToken } from '../http/web-access.js';
import { emptyPool } from '../http/web-pools.js';
import { dig, digList, digObject, finishWeb, webObject } from '../http/web-replies.js';
import { toCount, toNumber, toSeconds, toTemperature } from '../numbers.js';
import type { JsonObject, JsonValue, Replies } from '../reply.js';
import { megahertz, positive } from './antminer-chains.js';
import { cleanMac } from './model-names.js';
import { deriveState, emptyBoard, emptyReading, withIdentity, type BoardReading } from './reading.js';
import { largest, mean, own, sum, textOf } from './records.js';
import { readTemperatures } from './temperatures.js';
import { ghsPerUnit, times } from './units.js';
import { iceriverSources } from './more-web-field-sources.js';

/**
 * IceRiver (KS0 to KS7, AL3): one panel with everything. Rates are text whose unit is one letter (`2.05T`),
 * or stands apart as `unit`. Source: public clients of this interface.
 */
export const iceriver: Family = {
  name: 'iceriver',
  transport: 'http',
  port: 80,
  commands: ['/user/userpanel?post=4'],
  identityCommands: [],
  mayJoin: false,
  request: (command) => `POST ${command}\n`,
  sources: iceriverSources,
  web: {
    recognises: (page) => /iceriver|用户界面/i.test(page.text),
    schemes: [],
    login: {
      request: ({ username, password }) =>
        `POST /user/loginpost?post=6&user=${encodeURIComponent(username)}&pwd=${encodeURIComponent(password)}\n`,
      token: (_body, cookies) => cookieToken(cookies),
      isRefusal: (body) => own(body, 'data') === undefined && (toNumber(own(body, 'error')) ?? 0) !== 0,
    },
  },
  matches: (replies) => own(panelOf(replies), 'rtpow', 'softver1') !== undefined,
  read,
};

function panelOf(replies: Replies): JsonObject {
  for (const name of ['user_userpanel', 'userpanel']) {
    const told = webObject(replies, name);
    const panel = digObject(told, 'data');
    if (Object.keys(panel).length > 0) return panel;
    // Collections of several commands keep each under its name.
    const inner = dig(told, 'userpanel', 'data');
    if (inner !== undefined) return digObject(told, 'userpanel', 'data');
  }
  return {};
}

function read(replies: Replies, context: ReadContext) {
  const panel = panelOf(replies);
  const unit = textOf(panel, 'unit');
  const boards = digList(panel, 'boards').map((board, at) => readBoard(board, at, unit));
  const hashrateGhs =
    rateOf(own(panel, 'rtpow'), unit) ??
    rateOf(own(panel, 'avgpow'), unit) ??
    sum(boards.map((board) => board.hashrateGhs));
  const nominalGhs = positive(sum(boards.map((board) => board.nominalGhs)));
  const pools = readPools(digList(panel, 'pools'));
  const acceptedShares = sum(pools.map((pool) => pool.accepted));
  const uptimeS = toSeconds(own(panel, 'runtime'));
  return finishWeb(
    {
      ...emptyReading,
      family: 'iceriver',
      identity: withIdentity(readIdentity(panel), context),
      hashrateGhs,
      hashrateExpectedGhs: nominalGhs,
      nominalSource: nominalGhs === null ? null : 'device',
      boards,
      fans: readFans(own(panel, 'fans')),
      pools,
      acceptedShares,
      rejectedShares: sum(pools.map((pool) => pool.rejected)),
      frequencyAvgMhz: mean(boards.map((board) => board.frequencyMhz)),
      uptimeS,
      state: deriveState({
        told: null,
        hashrateGhs,
        averageGhs: rateOf(own(panel, 'avgpow'), unit),
        acceptedShares,
        uptimeS,
        neverHashed: 'stopped',
      }),
    },
    replies,
    context,
  );
}

/** `2.05T`, `110 G`, `3 TH/s`, or a bare figure in `unit`; GH/s. Null without a unit. */
function rateOf(value: JsonValue | undefined, unit: string | null): number | null {
  const found = /^\s*([\d.]+)\s*([KMGTP]?)(?:H(?:\/?s)?)?\s*$/i.exec(
    typeof value === 'number' || typeof value === 'string' ? String(value).slice(0, 32) : '',
  );
  if (found === null) return null;
  const letter = found[2] === '' ? (unit ?? '').trim().replace(/h(?:\/?s)?$/i, '') : (found[2] ?? '');
  const ghs = letter === '' ? null : ghsPerUnit(`${letter}H`);
  const figure = Number(found[1]);
  return ghs === null || !Number.isFinite(figure) ? null : times(figure, ghs);
}

function readBoard(board: JsonObject, position: number, unit: string | null): BoardReading {
  const intake = toTemperature(own(board, 'intmp'));
  const outlet = toTemperature(own(board, 'outtmp'));
  const listed = readTemperatures(own(board, 'pcbtemp'));
  const boardTempsC = [intake, ...listed].filter((temp) => temp !== null);
  const chips = positive(toCount(own(board, 'chipnum')));
  return {
    ...emptyBoard((positive(toCount(own(board, 'no'))) ?? position + 1) - 1),
    hashrateGhs: rateOf(own(board, 'rtpow'), unit),
    nominalGhs: positive(rateOf(own(board, 'idealpow'), unit)),
    boardTempC: largest(boardTempsC),
    boardTempsC,
    chipTempC: outlet,
    chipTempsC: outlet === null ? [] : [outlet],
    chipsOk: toCount(own(board, 'chipsuc')) ?? chips,
    chipsTotal: chips,
    frequencyMhz: megahertz(toNumber(own(board, 'freq'))),
  };
}

function readFans(value: JsonValue | undefined): FanSample[] {
  return (Array.isArray(value) ? value : [])
    .slice(0, 16)
    .map((rpm, index) => ({ index, rpm: toNumber(rpm) }))
    .filter((fan) => fan.rpm !== null);
}

const isTrue = (value: JsonValue | undefined): boolean => value === true || toNumber(value) === 1;

function readPools(records: readonly JsonObject[]): PoolSample[] {
  let hasActive = false;
  return records
    .slice(0, 32)
    .map((record, at) => {
      const isActive = isTrue(own(record, 'connect')) && !hasActive;
      hasActive ||= isActive;
      return {
        ...emptyPool((positive(toCount(own(record, 'no'))) ?? at + 1) - 1),
        url: textOf(record, 'addr') ?? '',
        user: textOf(record, 'user') ?? '',
        status: own(record, 'state') === undefined ? null : isTrue(own(record, 'state')) ? 'Alive' : 'Dead',
        priority: toCount(own(record, 'priority')) ?? at,
        isActive,
        accepted: toCount(own(record, 'accepted')),
        rejected: toCount(own(record, 'rejected')),
      };
    })
    .filter((pool) => pool.url !== '');
}

/** The model is in the software's name (`ks0_miner`, `release_10306_ks5l_miner`). */
function readIdentity(panel: JsonObject) {
  const software = textOf(panel, 'softver1');
  const named = /(?:^|_)((?:ks|al|rx)\d+\w*?)_?miner$/i.exec(software ?? '')?.[1];
  const told = textOf(panel, 'model');
  return {
    vendor: 'IceRiver',
    model: told !== null && !/^none$/i.test(told) ? told : (named?.toUpperCase() ?? null),
    firmware: 'stock',
    firmwareVersion: software,
    mac: cleanMac(textOf(panel, 'mac')),
    serial: textOf(panel, 'sn'),
  };
}
