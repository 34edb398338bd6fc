import type { FanSample, MinerState } from '../../domain/telemetry.js';
import type { Family, ReadContext } from '../family.js';
import { tokenText } from '../http/web-access.js';
import { digList, finishWeb, underCgminerNames, webObject } from '../http/web-replies.js';
import { toCount, toNumber } from '../numbers.js';
import type { JsonObject, Replies } from '../reply.js';
import { readDeviceError } from '../reply-status.js';
import { positive } from './antminer-chains.js';
import { cleanMac } from './model-names.js';
import { readPools, sumShares } from './pools.js';
import { deriveState, emptyBoard, emptyReading, withIdentity, type BoardReading } from './reading.js';
import { largest, mean, own, row, rows, sum, textOf } from './records.js';
import { readTemperatures } from './temperatures.js';
import { ratesOf, steadyGhs, times } from './units.js';

/** Commands by the section their answers have; the CGMiner API's four are answered here too. */
const details = ['temperature', 'fan', 'psu', 'frequency', 'mode'] as const;

/** Auradine's Teraflux (FluxOS): JSON on port 8080, a token in a header of its own. Rates in MH/s. */
export const auradineWeb: Family = {
  name: 'auradine-web',
  transport: 'http',
  port: 8080,
  commands: ['/summary', '/devs', '/pools', ...details.map((name) => `/${name}`)],
  identityCommands: ['/ipreport'],
  mayJoin: false,
  request: (command) => `GET ${command}`,
  web: {
    recognises: (page) => /auradine|fluxos|teraflux|gcminer/i.test(page.text),
    schemes: [],
    login: {
      request: ({ username, password }) =>
        `POST /token\n${JSON.stringify({ command: 'token', user: username, password })}`,
      token: (body) => {
        const token = tokenText(digList(body, 'Token')[0] ?? {}, 'Token');
        return token === null ? null : ['token', token];
      },
      isRefusal: (body) => /token|session|unauthor/i.test(readDeviceError(body)?.message ?? ''),
    },
  },
  matches: (replies) =>
    own(webObject(replies, 'ipreport'), 'IPReport') !== undefined ||
    ['psu', 'temperature'].some((name) => {
      const text = textOf(digList(webObject(replies, name), 'STATUS')[0] ?? {}, 'Description') ?? '';
      return /gcminer|fluxos/i.test(text);
    }),
  read,
};

function read(replies: Replies, context: ReadContext) {
  const told = underCgminerNames(replies, ['summary', 'devs', 'pools']);
  const summary = row(told, ['summary'], 'SUMMARY');
  const rates = ratesOf(summary);
  const uptimeS = toNumber(own(summary, 'Elapsed'));
  const boards = readBoards(replies, told);
  const hashrateGhs = steadyGhs(rates, uptimeS) ?? sum(boards.map((board) => board.hashrateGhs));
  const pools = readPools(told);
  const mode = digList(webObject(replies, 'mode'), 'Mode')[0] ?? {};
  const nominal = times(positive(toNumber(own(mode, 'Ths'))), 1e3);
  const acceptedShares = toCount(own(summary, 'Accepted')) ?? sumShares(pools, 'accepted');
  const psu = digList(webObject(replies, 'psu'), 'PSU')[0] ?? {};
  return finishWeb(
    {
      ...emptyReading,
      family: 'auradine-web',
      identity: withIdentity(readIdentity(replies), context),
      hashrateGhs,
      hashrate5sGhs: rates.nowGhs,
      hashrateExpectedGhs: nominal,
      nominalSource: nominal === null ? null : 'device',
      boards,
      boardsExpected: 3,
      fans: readFans(replies),
      pools,
      acceptedShares,
      rejectedShares: toCount(own(summary, 'Rejected')) ?? sumShares(pools, 'rejected'),
      hardwareErrors: toCount(own(summary, 'Hardware Errors')),
      uptimeS,
      frequencyAvgMhz: mean(boards.map((board) => board.frequencyMhz)),
      powerW: positive(toNumber(own(psu, 'PowerIn'))),
      powerSource: 'reported',
      state: deriveState({
        told: toldState(mode),
        hashrateGhs,
        averageGhs: rates.averageGhs,
        acceptedShares,
        uptimeS,
        neverHashed: 'stopped',
      }),
    },
    replies,
    context,
  );
}

function toldState(mode: JsonObject): MinerState | null {
  return /^(?:on|true)$/i.test(textOf(mode, 'Sleep') ?? '') ? 'sleeping' : null;
}

/** Boards of `devs`, with what the commands of their own tell of each; ID 0 is the control board. */
function readBoards(replies: Replies, told: Replies): BoardReading[] {
  const heat = digList(webObject(replies, 'temperature'), 'Temperature');
  const clocks = digList(webObject(replies, 'frequency'), 'Frequency');
  const serials = own(digList(webObject(replies, 'ipreport'), 'IPReport')[0] ?? {}, 'HBSerialNo');
  const devices = rows(told, ['devs'], 'DEVS');
  const idsOf = (records: readonly JsonObject[]) => records.map((it) => toCount(own(it, 'ID')));
  const ids = idsOf(devices.length > 0 ? devices : heat).filter((id) => id !== null && id > 0);
  const at = (records: readonly JsonObject[], id: number) =>
    records.find((it) => toCount(own(it, 'ID')) === id) ?? {};
  const readings = (record: JsonObject, list: string, name: string) =>
    digList(record, list).map((it) => own(it, name) ?? null);
  return [...new Set(ids)].slice(0, 16).map((id, position) => {
    const device = at(devices, id ?? 0);
    const chipTempsC = readTemperatures(readings(at(heat, id ?? 0), 'ChipTemp', 'Temperature'));
    const boardTempsC = readTemperatures(readings(at(heat, id ?? 0), 'BoardTemp', 'Temperature'));
    const rates = ratesOf(device);
    const serial = Array.isArray(serials) ? serials[position] : null;
    return {
      ...emptyBoard(id ?? position),
      hashrateGhs: rates.nowGhs ?? rates.averageGhs,
      boardTempsC,
      boardTempC: largest([...boardTempsC, ...readTemperatures(own(device, 'Temperature'))]),
      chipTempsC,
      chipTempC: largest(chipTempsC),
      frequencyMhz: positive(mean(readings(at(clocks, id ?? 0), 'ChipFrequency', 'Frequency').map(toNumber))),
      serial: typeof serial === 'string' ? serial.slice(0, 256) : null,
    };
  });
}

function readFans(replies: Replies): FanSample[] {
  return digList(webObject(replies, 'fan'), 'Fan').map((fan, position) => ({
    index: toCount(own(fan, 'ID')) ?? position,
    rpm: toNumber(own(fan, 'Speed')),
  }));
}

function readIdentity(replies: Replies) {
  const report = digList(webObject(replies, 'ipreport'), 'IPReport')[0] ?? {};
  return {
    vendor: 'Auradine',
    model: textOf(report, 'model'),
    firmware: 'FluxOS',
    firmwareVersion: textOf(report, 'version'),
    mac: cleanMac(textOf(report, 'mac')),
    serial: textOf(report, 'SerialNo', 'ChassisSerialNo'),
  };
}
