import type { PoolSample } from '../../domain/telemetry.js';
import type { Family, ReadContext } from '../family.js';
import { cookieToken } from '../http/web-access.js';
import { emptyPool } from '../http/web-pools.js';
import { digList, finishWeb, webObject } from '../http/web-replies.js';
import { toCount, toNumber, toTemperature } from '../numbers.js';
import type { JsonObject, Replies } from '../reply.js';
import { cleanMac } from './model-names.js';
import { deriveState, emptyBoard, emptyReading, withIdentity, type BoardReading } from './reading.js';
import { own, sum, textOf } from './records.js';
import { times } from './units.js';
import { obeliskSources } from './web-field-sources.js';

/**
 * Obelisk (SC1, DCR1, GRN1): a dashboard with boards, pools and named values; rates in MH/s. The second
 * generation has other names for the same, and tells its fans as a duty alone.
 */
export const obelisk: Family = {
  name: 'obelisk',
  transport: 'http',
  port: 80,
  commands: ['/api/status/dashboard'],
  identityCommands: ['/api/info'],
  mayJoin: false,
  request: (command) => `GET ${command}`,
  sources: obeliskSources,
  web: {
    recognises: (page) => /obelisk/i.test(page.text),
    schemes: [],
    login: {
      request: ({ username, password }) => `POST /api/login\n${JSON.stringify({ username, password })}`,
      token: (_body, cookies) => cookieToken(cookies),
    },
  },
  matches: (replies) =>
    own(webObject(replies, 'status_dashboard'), 'hashboardStatus') !== undefined ||
    /^obelisk$/i.test(textOf(webObject(replies, 'info'), 'vendor') ?? ''),
  read,
};

function read(replies: Replies, context: ReadContext) {
  const dashboard = webObject(replies, 'status_dashboard');
  const boards = digList(dashboard, 'hashboardStatus').map(readBoard);
  const hashrateGhs = sum(boards.map((board) => board.hashrateGhs));
  const pools = readPools(digList(dashboard, 'poolStatus'));
  const acceptedShares = sum(pools.map((pool) => pool.accepted));
  return finishWeb(
    {
      ...emptyReading,
      family: 'obelisk',
      identity: withIdentity(readIdentity(webObject(replies, 'info')), context),
      hashrateGhs,
      boards,
      fans: digList(dashboard, 'systemInfo').flatMap((value) => {
        const index = toCount(/^fan (\d+) speed$/i.exec(textOf(value, 'name') ?? '')?.[1]);
        const rpm = toNumber(own(value, 'value'));
        return index === null || rpm === null ? [] : [{ index, rpm }];
      }),
      pools,
      acceptedShares,
      rejectedShares: sum(pools.map((pool) => pool.rejected)),
      state: deriveState({
        told: null,
        hashrateGhs,
        averageGhs: null,
        acceptedShares,
        uptimeS: null,
        neverHashed: 'stopped',
      }),
    },
    replies,
    context,
  );
}

function readBoard(board: JsonObject, index: number): BoardReading {
  const boardTempC = toTemperature(own(board, 'boardTemp', 'intakeTemp'));
  const chipTempC = toTemperature(own(board, 'chipTemp', 'exhaustTemp'));
  return {
    ...emptyBoard(index),
    hashrateGhs: times(toNumber(own(board, 'mhsAvg', 'hashrate5min')), 1e-3),
    boardTempC,
    boardTempsC: boardTempC === null ? [] : [boardTempC],
    chipTempC,
    chipTempsC: chipTempC === null ? [] : [chipTempC],
  };
}

/** The first that is alive is mined on. */
function readPools(listed: readonly JsonObject[]): PoolSample[] {
  const pools = listed
    .map((pool, position) => ({
      ...emptyPool(position),
      url: textOf(pool, 'url') ?? '',
      user: textOf(pool, 'worker', 'user') ?? '',
      status: textOf(pool, 'status'),
      accepted: toCount(own(pool, 'accepted')),
      rejected: toCount(own(pool, 'rejected')),
    }))
    .filter((pool) => pool.url !== '');
  const active = pools.find((pool) => /^(?:alive|active)$/i.test(pool.status ?? ''));
  return pools.map((pool) => ({ ...pool, isActive: pool === active }));
}

function readIdentity(info: JsonObject) {
  return {
    vendor: 'Obelisk',
    model: textOf(info, 'model'),
    firmware: 'stock',
    firmwareVersion: textOf(info, 'firmwareVersion', 'version'),
    mac: cleanMac(textOf(info, 'macAddress')),
  };
}
