import { boardHealth, type HealthThresholds } from './health.js';
import { isObject, readCount, readInt, readReal, readText, type JsonObject } from './read-value.js';
import type { Health } from './telemetry.js';
import type { WireBoard } from './wire.js';

const maxBoards = 32;
const maxGhs = 1e12;
/** Sensors kept of one board. */
const maxSensors = 512;

/**
 * Reads `boards[]` into the contract's shape, GH/s and °C. Two shapes arrive: the specified
 * `{id, hashrate, temp, chips_ok, chips_total}` and `{board_index, hashrate_ths, temperature_c,
 * chips_failed, …}`. Health is derived here; junk entries are left out, more than 32 boards cut.
 */
export function readBoards(value: unknown, isMining: boolean, limits: HealthThresholds): WireBoard[] {
  if (!Array.isArray(value)) return [];
  return value
    .slice(0, maxBoards)
    .filter(isObject)
    .map((board, position) => readBoard(board, position, isMining, limits));
}

function readBoard(
  board: JsonObject,
  position: number,
  isMining: boolean,
  limits: HealthThresholds,
): WireBoard {
  const chipsTotal = readCount(board['chips_total'], 32_767);
  const facts = {
    hashrateGhs: readHashrate(board),
    boardTempC: readReal(board['temp'] ?? board['temperature_c'], -60, 250),
    chipTempC: readReal(board['chip_temp'], -60, 250),
    chipsOk: readChipsOk(board, chipsTotal),
    chipsTotal,
  };
  const health: Health = boardHealth(facts, isMining, limits);
  return {
    id: readInt(board['id'] ?? board['board_index']) ?? position,
    hashrate: facts.hashrateGhs,
    temp: facts.boardTempC,
    chip_temp: facts.chipTempC,
    chips_ok: facts.chipsOk,
    chips_total: facts.chipsTotal,
    chip_temps: readTemperatures(board['chip_temps']),
    board_temps: readTemperatures(board['board_temps']),
    chip_map: readText(board['chip_map'], 1_024),
    nominal: readReal(board['nominal'], 0, maxGhs),
    voltage_mv: readReal(board['voltage_mv'], 0, 1e6),
    frequency_mhz: readReal(board['frequency_mhz'], 0, 1e6),
    hardware_errors: readCount(board['hardware_errors']),
    serial: readText(board['serial'], 128),
    health,
  };
}

function readTemperatures(value: unknown): number[] {
  if (!Array.isArray(value)) return [];
  return value
    .slice(0, maxSensors)
    .map((temp) => readReal(temp, -60, 250))
    .filter((temp) => temp !== null);
}

function readHashrate(board: JsonObject): number | null {
  const ghs = readReal(board['hashrate'] ?? board['hashrate_ghs'], 0, maxGhs);
  if (ghs !== null) return ghs;
  const ths = readReal(board['hashrate_ths'], 0, maxGhs / 1000);
  return ths === null ? null : ths * 1000;
}

function readChipsOk(board: JsonObject, chipsTotal: number | null): number | null {
  const ok = readCount(board['chips_ok'], 32_767);
  const failed = readCount(board['chips_failed'], 32_767);
  if (ok !== null || failed === null || chipsTotal === null || failed > chipsTotal) return ok;
  return chipsTotal - failed;
}
