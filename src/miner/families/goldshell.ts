import type { FanSample, PoolSample } from '../../domain/telemetry.js';
import type { Family, ReadContext } from '../family.js';
import { tokenText } from '../http/web-access.js';
import { emptyPool } from '../http/web-pools.js';
import { digList, finishWeb, webList, webObject, webReply } from '../http/web-replies.js';
import { toCount, toNumber, toTemperature } from '../numbers.js';
import type { JsonObject, JsonValue, Replies } from '../reply.js';
import { cleanMac } from './model-names.js';
import { deriveState, emptyBoard, emptyReading, withIdentity, type BoardReading } from './reading.js';
import { largest, own, sum, textOf } from './records.js';
import { times } from './units.js';
import { goldshellSources } from './web-field-sources.js';

/** Goldshell's `/mcb` interface. Rates in MH/s; sensors and fans as text, `82.0 °C / 79.7 °C`. */
export const goldshell: Family = {
  name: 'goldshell',
  transport: 'http',
  port: 80,
  commands: ['/mcb/cgminer?cgminercmd=devs', '/mcb/pools'],
  identityCommands: ['/mcb/status', '/mcb/setting'],
  mayJoin: false,
  request: (command) => `GET ${command}`,
  sources: goldshellSources,
  web: {
    recognises: (page) => /goldshell|cloud-box/i.test(`${page.text} ${page.realm}`),
    schemes: [],
    login: {
      request: ({ username, password }) =>
        `GET /user/login?username=${encodeURIComponent(username)}&password=${encodeURIComponent(password)}&cipher=false`,
      token: (body) => {
        const token = tokenText(body, 'JWT Token', 'token');
        return token === null ? null : ['authorization', `Bearer ${token}`];
      },
    },
  },
  matches: (replies) => {
    const [first] = digList(webObject(replies, 'mcb_cgminer'), 'data');
    return first !== undefined && own(first, 'av_hashrate', 'minerstatus', 'hwerr_ration') !== undefined;
  },
  read,
};

function read(replies: Replies, context: ReadContext) {
  const reply = webReply(replies, 'mcb_cgminer');
  const devices = digList(reply?.value ?? {}, 'data');
  const boards = devices.map(readBoard);
  const hashrateGhs = sum(boards.map((board) => board.hashrateGhs));
  const averageGhs = times(sum(devices.map((it) => toNumber(own(it, 'av_hashrate')))), 1e-3);
  const acceptedShares = sum(devices.map((it) => toCount(own(it, 'accepted'))));
  const rejectedShares = sum(devices.map((it) => toCount(own(it, 'rejected'))));
  const uptimeS = largest(devices.map((it) => toNumber(own(it, 'time'))));
  return finishWeb(
    {
      ...emptyReading,
      family: 'goldshell',
      identity: withIdentity(readIdentity(replies), context),
      hashrateGhs,
      boards,
      fans: readFans(devices[0] ?? {}),
      pools: readPools(replies, { accepted: acceptedShares, rejected: rejectedShares }),
      acceptedShares,
      rejectedShares,
      hardwareErrors: sum(boards.map((board) => board.hardwareErrors)),
      uptimeS,
      state:
        reply !== null && devices.length === 0 && Array.isArray(own(reply.value, 'data'))
          ? 'no_boards'
          : deriveState({
              told: null,
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

function readBoard(device: JsonObject, position: number): BoardReading {
  const chipTempsC = parts(own(device, 'temp'))
    .map(toTemperature)
    .filter((it) => it !== null);
  return {
    ...emptyBoard(toCount(own(device, 'id')) ?? position),
    hashrateGhs: times(toNumber(own(device, 'hashrate', 'av_hashrate')), 1e-3),
    chipTempsC,
    chipTempC: largest(chipTempsC),
    hardwareErrors: toCount(own(device, 'hwerrors')),
  };
}

/** Every board repeats the machine's fans. */
function readFans(device: JsonObject): FanSample[] {
  return parts(own(device, 'fanspeed')).flatMap((text, index) => {
    const rpm = toNumber(text);
    return rpm === null ? [] : [{ index, rpm }];
  });
}

const parts = (value: JsonValue | undefined): string[] =>
  typeof value === 'string'
    ? value.slice(0, 256).split('/')
    : typeof value === 'number'
      ? [String(value)]
      : [];

function readPools(
  replies: Replies,
  shares: { accepted: number | null; rejected: number | null },
): PoolSample[] {
  let hasActive = false;
  return webList(replies, 'mcb_pools')
    .slice(0, 32)
    .map((pool, index) => {
      const isActive = own(pool, 'active') === true && !hasActive;
      hasActive ||= isActive;
      return {
        ...emptyPool(toCount(own(pool, 'dragid')) ?? index),
        url: textOf(pool, 'url') ?? '',
        user: textOf(pool, 'user') ?? '',
        priority: toCount(own(pool, 'pool-priority')) ?? index,
        isActive,
        ...(isActive ? shares : {}),
      };
    })
    .filter((pool) => pool.url !== '');
}

function readIdentity(replies: Replies) {
  const status = webObject(replies, 'mcb_status');
  const setting = webObject(replies, 'mcb_setting');
  const model = textOf(status, 'model')?.replace(/^goldshell[\s-]*/i, '') ?? null;
  return {
    vendor: 'Goldshell',
    model: model === null || model === '' ? null : model,
    firmware: 'stock',
    firmwareVersion: textOf(status, 'firmware'),
    mac: cleanMac(textOf(setting, 'name')),
    serial: null,
  };
}
