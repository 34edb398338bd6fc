import type { DeviceError, MinerState } from '../../domain/telemetry.js';
import { toCount, toNumber } from '../numbers.js';
import type { JsonObject, Replies } from '../reply.js';
import { positive } from './antminer-chains.js';
import { bitmainFirmware } from './antminer-family.js';
import { noPower, type PowerReading } from './antminer-power.js';
import { isOverheat } from './antminer-state.js';
import { emptyBoard, type BoardReading } from './reading.js';
import { largest, own, row, rows, textOf } from './records.js';
import { readTemperatures } from './temperatures.js';
import { ratesOf, times } from './units.js';

/**
 * LuxOS on S9 to S21: Bitmain's layout in `stats`, whose board rates are averages since the start; the
 * present ones, serials and nominal rates stand in `devs`, corner temperatures in `temps`, power in
 * `power` (`PSU` false: its own estimate), what is wrong in `events`, who and how in `config`. Boards have
 * the numbers its commands take, from 0.
 */
export const luxos = bitmainFirmware({
  name: 'luxos',
  firmware: ['LuxOS'],
  commands: ['summary', 'stats', 'pools', 'power', 'devs', 'temps', 'events'],
  identityCommands: ['version', 'config'],
  followUp: (replies) => (isHashing(replies) ? [] : ['config']),
  add: ({ config }, replies) => {
    const errors = eventsOf(replies);
    return {
      errors,
      power: powerOf(replies),
      boards: (boards) => readBoards(boards, replies),
      state: (shown) => stateOf(shown, config, replies, errors),
    };
  },
});

function isHashing(replies: Replies): boolean {
  const { nowGhs, averageGhs } = ratesOf(row(replies, ['summary'], 'SUMMARY'));
  return (nowGhs ?? averageGhs ?? 0) > 0;
}

function powerOf(replies: Replies): PowerReading {
  const power = row(replies, ['power'], 'POWER');
  const watts = toNumber(own(power, 'Watts'));
  if (watts === null || watts <= 0) return noPower;
  return { powerW: watts, powerSource: own(power, 'PSU') === true ? 'measured' : 'estimated' };
}

/** Events in force: code with what it concerns, text as the device words it. */
function eventsOf(replies: Replies): DeviceError[] {
  return rows(replies, ['events'], 'EVENTS')
    .slice(0, 32)
    .flatMap((event) => {
      const code = textOf(event, 'Code');
      if (code === null) return [];
      const board = toCount(own(event, 'ID'));
      const about = board === null ? '' : ` (${(textOf(event, 'Target') ?? 'board').toLowerCase()} ${board})`;
      return [{ code, text: `${textOf(event, 'Description') ?? code}${about}` }];
    });
}

/** Chain n of `stats` is board n−1 of `devs` and `temps`. */
function readBoards(boards: readonly BoardReading[], replies: Replies): BoardReading[] {
  const devices = byId(rows(replies, ['devs'], 'DEVS'));
  const temps = byId(rows(replies, ['temps'], 'TEMPS'));
  const chains = new Map(boards.map((board) => [Math.max(0, board.index - 1), board]));
  const listed = [...chains.keys()];
  const ids = listed.length > 0 ? listed : [...devices.keys()].slice(0, 16);
  return ids
    .sort((a, b) => a - b)
    .map((id) => readBoard(id, chains.get(id), devices.get(id) ?? {}, temps.get(id) ?? {}));
}

function byId(records: readonly JsonObject[]): Map<number, JsonObject> {
  return new Map(records.slice(0, 64).map((it, position) => [toCount(own(it, 'ID')) ?? position, it]));
}

const corners = ['TopLeft', 'TopRight', 'BottomLeft', 'BottomRight', 'Board', 'Chip'];

function readBoard(
  index: number,
  chain: BoardReading | undefined,
  device: JsonObject,
  temps: JsonObject,
): BoardReading {
  const base = chain ?? emptyBoard(index);
  const told = ratesOf(device);
  const sensors = corners.flatMap((name) => readTemperatures(temps[name]));
  const chipTempsC = base.chipTempsC.length > 0 ? base.chipTempsC : sensors;
  const boardTempsC = base.boardTempsC.length > 0 ? base.boardTempsC : sensors;
  return {
    ...base,
    index,
    hashrateGhs: told.nowGhs ?? told.averageGhs ?? base.hashrateGhs,
    nominalGhs: base.nominalGhs ?? times(positive(toNumber(own(device, 'Nominal MHS'))), 1e-3),
    boardTempsC,
    boardTempC: largest(boardTempsC),
    chipTempsC,
    chipTempC: largest(chipTempsC),
    serial: textOf(device, 'SerialNumber') ?? base.serial,
    hardwareErrors: base.hardwareErrors ?? toCount(own(device, 'Hardware Errors')),
  };
}

/** Curtailed, its supply off or its boards ramping up: `config` and `devs` say so, while nothing is hashed. */
function stateOf(
  shown: MinerState,
  config: JsonObject,
  replies: Replies,
  errors: readonly DeviceError[],
): MinerState {
  if (shown === 'mining' || shown === 'overheated') return shown;
  if (errors.some((it) => isOverheat(it.code) || isOverheat(it.text))) return 'overheated';
  const curtail = textOf(config, 'CurtailMode') ?? 'None';
  if (!/^(?:none|off|wakeup|active)$/i.test(curtail)) return 'sleeping';
  const devices = rows(replies, ['devs'], 'DEVS');
  if (devices.some((it) => own(it, 'IsRamping') === true)) return 'starting';
  if (devices.length > 0 && devices.every((it) => own(it, 'IsUserShutdown') === true)) return 'sleeping';
  return own(config, 'IsPowerSupplyOn') === false ? 'stopped' : shown;
}
