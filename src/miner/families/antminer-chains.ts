import { toCount, toNumber } from '../numbers.js';
import type { JsonObject, JsonValue } from '../reply.js';
import { readChips } from './chip-map.js';
import { emptyBoard, type BoardReading } from './reading.js';
import { largest, own, textOf, toRows } from './records.js';
import { readTemperatures } from './temperatures.js';
import { ghsWithUnit, times } from './units.js';

const maxSlots = 16;

/** Names of a slot's values, put together once: building them for every reply costs more than looking them up. */
const slotKeys = Array.from({ length: maxSlots + 1 }, (_, slot) => ({
  slot,
  told: [`chain_rate${slot}`, `chain_acn${slot}`, `temp_chip${slot}`, `temp${slot}`, `temp2_${slot}`],
  rate: `chain_rate${slot}`,
  writtenRate: `CHAIN AVG HASHRATE${slot}`,
  found: `chain_acn${slot}`,
  chips: `chain_acs${slot}`,
  chipTemps: `temp_chip${slot}`,
  moreTemps: [
    [`temp_in_chip_${slot}`, `temp_out_chip_${slot}`],
    [`temp2_${slot}`, `temp3_${slot}`, `temp4_${slot}`],
  ],
  pcbTemps: `temp_pcb${slot}`,
  morePcbTemps: [[`temp_in_pcb_${slot}`, `temp_out_pcb_${slot}`], [`temp${slot}`]],
  frequency: [`freq_avg${slot}`, `freq${slot}`, `frequency${slot}`] as const,
  hardwareErrors: `chain_hw${slot}`,
  serial: [`chain_sn${slot}`, `chain_sn_${slot}`, `sn${slot}`] as const,
  nominal: `chain_rateideal${slot}`,
  voltage: [`chain_vol${slot}`, `chain_voltage${slot}`, `voltage${slot}`] as const,
}));
type SlotKeys = (typeof slotKeys)[number];

/**
 * Boards of a stock layout: `chain_rateN`, `chain_acnN`, … at whichever slots 1–16 the device uses
 * (6–8 on an S9, 1–3 later). A slot is a board when it has chips, a rate or a warm sensor.
 * `ghsPerUnit` is GH/s in one of the record's unit.
 */
export function readNumberedChains(stats: JsonObject, ghsPerUnit: number): BoardReading[] {
  const boards: BoardReading[] = [];
  for (const keys of slotKeys) {
    const isTold = keys.told.some((key) => stats[key] !== undefined);
    const board = isTold ? readSlot(stats, keys, ghsPerUnit) : null;
    if (board !== null) boards.push(board);
  }
  return withoutFilling(boards);
}

function readSlot(stats: JsonObject, keys: SlotKeys, ghsPerUnit: number): BoardReading | null {
  const told = toNumber(stats[keys.rate]);
  const written = told === null ? ghsWithUnit(stats[keys.writtenRate]) : null;
  const rateGhs = told === null ? written : told * ghsPerUnit;
  const found = toCount(stats[keys.found]);
  const chips = readChips(stats[keys.chips], found);
  let chipTempsC = readTemperatures(stats[keys.chipTemps]);
  if (chipTempsC.length === 0) chipTempsC = firstTemperatures(stats, keys.moreTemps);
  let pcbTempsC = readTemperatures(stats[keys.pcbTemps]);
  if (pcbTempsC.length === 0) pcbTempsC = firstTemperatures(stats, keys.morePcbTemps);
  const isPresent =
    (rateGhs ?? 0) > 0 ||
    (found ?? 0) > 0 ||
    (chips.total ?? 0) > 0 ||
    chipTempsC.length + pcbTempsC.length > 0;
  if (!isPresent) return null;
  return {
    ...emptyBoard(keys.slot),
    hashrateGhs: rateGhs,
    boardTempC: largest(pcbTempsC),
    boardTempsC: pcbTempsC,
    chipTempC: largest(chipTempsC),
    chipTempsC,
    chipsOk: chips.ok,
    chipsTotal: chips.total,
    chipMap: chips.map,
    nominalGhs: ghsOf(stats[keys.nominal], ghsPerUnit),
    frequencyMhz: megahertz(toNumber(own(stats, ...keys.frequency))),
    voltageMv: millivolts(toNumber(own(stats, ...keys.voltage))),
    hardwareErrors: toCount(stats[keys.hardwareErrors]),
    serial: textOf(stats, ...keys.serial),
  };
}

/** Sensors under the first group of names that has any. */
function firstTemperatures(stats: JsonObject, groups: readonly (readonly string[])[]): number[] {
  for (const group of groups) {
    const temps = group.flatMap((key) => readTemperatures(stats[key]));
    if (temps.length > 0) return temps;
  }
  return [];
}

/**
 * Maps without the dashes that only fill up their last row (`ooooooo----` behind rows of eleven): where
 * every board ends in as many, and has as many chips as it found, none is missing.
 */
function withoutFilling(boards: BoardReading[]): BoardReading[] {
  const [first] = boards;
  const filling = first === undefined ? 0 : fillingOf(first);
  if (boards.length < 2 || filling === 0 || boards.some((board) => fillingOf(board) !== filling))
    return boards;
  return boards.map((board) => ({ ...board, chipsTotal: board.chipsOk }));
}

/** Dashes at the end of a map all of whose other chips answer. */
function fillingOf({ chipMap, chipsOk, chipsTotal }: BoardReading): number {
  const dashes = chipMap === null ? 0 : (/-+$/.exec(chipMap)?.[0].length ?? 0);
  return chipsOk !== null && chipsTotal !== null && chipsOk + dashes === chipsTotal ? dashes : 0;
}

/** Boards of the `new_api` layout: `chain: [{ index, rate_real, temp_pcb: […], … }]`. */
export function readChainList(stats: JsonObject, ghsPerUnit: number): BoardReading[] {
  return withoutFilling(
    toRows(own(stats, 'chain'))
      .slice(0, maxSlots)
      .map((chain, position) => readListed(chain, position, ghsPerUnit)),
  );
}

function readListed(chain: JsonObject, position: number, ghsPerUnit: number): BoardReading {
  const rate = toNumber(own(chain, 'rate_real', 'hashrate', 'rate'));
  const chips = readChips(own(chain, 'asic', 'asic_status'), toCount(own(chain, 'asic_num')));
  const chipTempsC = readTemperatures(own(chain, 'temp_chip'));
  const boardTempsC = readTemperatures(own(chain, 'temp_pcb'));
  return {
    ...emptyBoard(toCount(own(chain, 'index')) ?? position),
    hashrateGhs: rate === null ? null : rate * ghsPerUnit,
    boardTempC: largest(boardTempsC),
    boardTempsC,
    chipTempC: largest(chipTempsC),
    chipTempsC,
    chipsOk: chips.ok,
    chipsTotal: chips.total,
    chipMap: chips.map,
    nominalGhs: ghsOf(own(chain, 'rate_ideal'), ghsPerUnit),
    frequencyMhz: megahertz(toNumber(own(chain, 'freq_avg', 'freq'))),
    voltageMv: millivolts(toNumber(own(chain, 'vol', 'voltage'))),
    hardwareErrors: toCount(own(chain, 'hw')),
    serial: textOf(chain, 'sn'),
  };
}

function ghsOf(value: JsonValue | undefined, ghsPerUnit: number): number | null {
  return value === undefined ? null : times(positive(toNumber(value)), ghsPerUnit);
}

/** A board's voltage in mV, from V (`15.7`), mV (`13000`), or an S9's hundredths of a volt (`920`); null when zero. */
export function millivolts(value: number | null): number | null {
  if (value === null || value <= 0 || value > 100_000) return null;
  if (value < 100) return Math.round(value * 1000);
  return value < 2000 ? value * 10 : value;
}

/** A clock in MHz, from MHz or (`1600M`, Elphapex) Hz or kHz; null when zero. */
export function megahertz(value: number | null): number | null {
  if (value === null || value <= 0) return null;
  if (value >= 1e7) return value / 1e6;
  return value >= 1e4 ? value / 1e3 : value;
}

/** A number above zero; null otherwise. */
export function positive(value: number | null): number | null {
  return value !== null && value > 0 ? value : null;
}
