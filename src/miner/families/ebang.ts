import type { PoolSample } from '../../domain/telemetry.js';
import type { Family, ReadContext } from '../family.js';
import { cookieToken } from '../http/web-access.js';
import { emptyPool } from '../http/web-pools.js';
import { digObject, finishWeb, webObject } from '../http/web-replies.js';
import { parseQuantity, toCount, toNumber, toSeconds, toTemperature } from '../numbers.js';
import type { JsonObject, JsonValue, Replies } from '../reply.js';
import { megahertz } from './antminer-chains.js';
import { cleanMac } from './model-names.js';
import { deriveState, emptyBoard, emptyReading, withIdentity, type BoardReading } from './reading.js';
import { largest, own, textOf } from './records.js';
import { times } from './units.js';
import { ebangSources } from './more-web-field-sources.js';

/**
 * Ebang (Ebit E9 to E12): pages of LuCI, each with its figures under `feedback`. Rates are text with a
 * multiple behind (`12.44T`); `calValue` is the rate in GH/s. A board has sensors in two groups,
 * `60,55|55,51`; one at 0 is not there.
 */
export const ebang: Family = {
  name: 'ebang',
  transport: 'http',
  port: 80,
  commands: [
    '/Cgminer/CgminerStatus',
    '/Status/getsystemstatus',
    '/alarm/GetAlarmLoop',
    '/Cgminer/CgminerGetVal',
  ],
  identityCommands: ['/admininfo/Getadmininfo'],
  mayJoin: false,
  request: (command) => `POST ${command}\n`,
  sources: ebangSources,
  web: {
    recognises: (page) => /ebang|ebit|name="?yuyan\b/i.test(page.text),
    schemes: [],
    login: {
      request: ({ username, password }) =>
        `POST /user/login\nusername=${encodeURIComponent(username)}&word=${encodeURIComponent(password)}&yuyan=1&login=Login&get_password=`,
      token: (_body, cookies) => cookieToken(cookies, /http-session/),
    },
  },
  matches: (replies) =>
    own(feedback(replies, 'cgminer_cgminerstatus'), 'fivesecfigure', 'averfigure') !== undefined ||
    own(feedback(replies, 'status_getsystemstatus'), 'fpgawareversion', 'device1temp') !== undefined,
  read,
};

const feedback = (replies: Replies, page: string): JsonObject =>
  digObject(webObject(replies, page), 'feedback');

function read(replies: Replies, context: ReadContext) {
  const miner = feedback(replies, 'cgminer_cgminerstatus');
  const system = feedback(replies, 'status_getsystemstatus');
  const alarm = feedback(replies, 'alarm_getalarmloop');
  const shortGhs = rateOf(own(miner, 'fivesecfigure'));
  const averageGhs = rateOf(own(miner, 'averfigure'));
  const hashrateGhs =
    toNumber(own(alarm, 'calValue')) ?? rateOf(own(miner, 'fiveavg')) ?? shortGhs ?? averageGhs;
  const acceptedShares = toCount(own(miner, 'accepted'));
  const rejectedShares = toCount(own(miner, 'rejected'));
  const uptimeS = toSeconds(own(miner, 'worktime'));
  return finishWeb(
    {
      ...emptyReading,
      family: 'ebang',
      identity: withIdentity(readIdentity(replies, system), context),
      hashrateGhs,
      hashrate5sGhs: shortGhs,
      boards: [1, 2, 3, 4].flatMap((number) => readBoard(own(system, `device${number}temp`), number)),
      fans: ['devicefan', 'devicefan2'].flatMap((name, index) => {
        const rpm = toNumber(own(system, name));
        return rpm === null ? [] : [{ index, rpm }];
      }),
      pools: readPools(replies, miner),
      acceptedShares,
      rejectedShares,
      frequencyAvgMhz: megahertz(toNumber(own(alarm, 'pllValue'))),
      temperatureMaxC: toTemperature(own(alarm, 'tmpValue')),
      uptimeS,
      state: deriveState({
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

/** `12.44T` hashes a second, in GH/s. */
function rateOf(value: JsonValue | undefined): number | null {
  const told = typeof value === 'string' ? parseQuantity(value) : null;
  return told === null || told.unit !== '' ? null : times(told.value, 1e-9);
}

function readBoard(value: JsonValue | undefined, index: number): BoardReading[] {
  const texts =
    typeof value === 'string' ? value.slice(0, 256).split(/[,|]/) : value === undefined ? [] : [value];
  const temps = texts.map(toTemperature).filter((temp) => temp !== null);
  if (temps.length === 0) return [];
  return [{ ...emptyBoard(index), chipTempC: largest(temps), chipTempsC: temps }];
}

/** `Mip1`, `Mwork1` to `3`; the one in use is `cgminerstatus`, and has the shares. */
function readPools(replies: Replies, miner: JsonObject): PoolSample[] {
  const told = feedback(replies, 'cgminer_cgminergetval');
  const inUse = textOf(miner, 'cgminerstatus');
  const shares = { accepted: toCount(own(miner, 'accepted')), rejected: toCount(own(miner, 'rejected')) };
  const pools = [1, 2, 3].map((number, index) => ({
    ...emptyPool(index),
    url: textOf(told, `Mip${number}`) ?? '',
    user: textOf(told, `Mwork${number}`) ?? '',
  }));
  const used = pools.find((pool) => pool.url !== '' && pool.url === inUse);
  const known = pools.filter((pool) => pool.url !== '');
  if (used === undefined && inUse !== null && known.length === 0)
    return [{ ...emptyPool(0), url: inUse, isActive: true, ...shares }];
  return known.map((pool) => (pool === used ? { ...pool, isActive: true, ...shares } : pool));
}

function readIdentity(replies: Replies, system: JsonObject) {
  return {
    vendor: 'Ebang',
    model: textOf(system, 'productname'),
    firmware: 'stock',
    firmwareVersion: textOf(system, 'systemsoftwareversion'),
    mac: cleanMac(textOf(feedback(replies, 'admininfo_getadmininfo'), 'mac')),
    serial: serialOf(textOf(system, 'devicepn')),
  };
}

const serialOf = (text: string | null): string | null => (text === null || /^\*+$/.test(text) ? null : text);
