import { toCount, toNumber } from '../numbers.js';
import type { JsonObject } from '../reply.js';
import { readChips } from './chip-map.js';
import { emptyBoard, type BoardReading } from './reading.js';
import { isObject } from '../reply-status.js';
import { largest, own, textOf } from './records.js';
import { readTemperatures } from './temperatures.js';

const maxSlots = 16;

/**
 * Boards of a stock layout: `chain_rateN`, `chain_acnN`, … at whichever slots 1–16 the device uses
 * (6–8 on an S9, 1–3 later). A slot is a board when it has chips, a rate or a warm sensor.
 * `ghsPerUnit` is GH/s in one of the record's unit.
 */
export function readNumberedChains(stats: JsonObject, ghsPerUnit: number): BoardReading[] {
  const boards: BoardReading[] = [];
  for (let slot = 0; slot <= maxSlots; slot += 1) {
    const board = readSlot(stats, slot, ghsPerUnit);
    if (board !== null) boards.push(board);
  }
  return boards;
}

function readSlot(stats: JsonObject, slot: number, ghsPerUnit: number): BoardReading | null {
  const told = own(
    stats,
    `chain_rate${slot}`,
    `chain_acn${slot}`,
    `temp_chip${slot}`,
    `temp${slot}`,
    `temp2_${slot}`,
  );
  if (told === undefined) return null;
  const rate = toNumber(own(stats, `chain_rate${slot}`));
  const found = toCount(own(stats, `chain_acn${slot}`));
  const chips = readChips(own(stats, `chain_acs${slot}`), found);
  const chipTempsC = firstNonEmpty(
    readTemperatures(own(stats, `temp_chip${slot}`)),
    [`temp2_${slot}`, `temp3_${slot}`, `temp4_${slot}`].flatMap((key) => readTemperatures(own(stats, key))),
  );
  const pcbTempsC = firstNonEmpty(
    readTemperatures(own(stats, `temp_pcb${slot}`)),
    readTemperatures(own(stats, `temp${slot}`)),
  );
  const isPresent =
    (rate ?? 0) > 0 || (found ?? 0) > 0 || (chips.total ?? 0) > 0 || chipTempsC.length + pcbTempsC.length > 0;
  if (!isPresent) return null;
  return {
    ...emptyBoard(slot),
    hashrateGhs: rate === null ? null : rate * ghsPerUnit,
    boardTempC: largest(pcbTempsC),
    boardTempsC: pcbTempsC,
    chipTempC: largest(chipTempsC),
    chipTempsC,
    chipsOk: chips.ok,
    chipsTotal: chips.total,
    frequencyMhz: megahertz(toNumber(own(stats, `freq_avg${slot}`, `freq${slot}`, `frequency${slot}`))),
    hardwareErrors: toCount(own(stats, `chain_hw${slot}`)),
    serial: textOf(stats, `chain_sn${slot}`, `chain_sn_${slot}`),
  };
}

/** Boards of the `new_api` layout: `chain: [{ index, rate_real, temp_pcb: […], … }]`. */
export function readChainList(stats: JsonObject, ghsPerUnit: number): BoardReading[] {
  const chains = own(stats, 'chain');
  if (!Array.isArray(chains)) return [];
  return chains
    .slice(0, maxSlots)
    .filter(isObject)
    .map((chain, position) => {
      const rate = toNumber(own(chain, 'rate_real', 'hashrate'));
      const chips = readChips(own(chain, 'asic'), toCount(own(chain, 'asic_num')));
      const chipTempsC = readTemperatures(own(chain, 'temp_chip'));
      return {
        ...emptyBoard(toCount(own(chain, 'index')) ?? position),
        hashrateGhs: rate === null ? null : rate * ghsPerUnit,
        boardTempC: largest(readTemperatures(own(chain, 'temp_pcb'))),
        chipTempC: largest(chipTempsC),
        chipTempsC,
        chipsOk: chips.ok,
        chipsTotal: chips.total,
        frequencyMhz: megahertz(toNumber(own(chain, 'freq_avg'))),
        hardwareErrors: toCount(own(chain, 'hw')),
        serial: textOf(chain, 'sn'),
      };
    });
}

function firstNonEmpty(...lists: readonly number[][]): number[] {
  return lists.find((list) => list.length > 0) ?? [];
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
