import type { DeviceError, MinerState } from '../../domain/telemetry.js';

/** Codes of boards and surroundings that are too hot, and of boards that are not found, by range. */
const heatCodes: readonly (readonly [number, number])[] = [
  [203, 204],
  [350, 363],
  [600, 610],
  [5050, 5059],
];
const noBoardCodes: readonly (readonly [number, number])[] = [[530, 539]];

/**
 * What error codes say of a Whatsminer that does not hash: it has shut down for heat, or finds no
 * board. Null when they say nothing of it, or while it hashes.
 */
export function stateOfErrors(
  errors: readonly DeviceError[],
  hashrateGhs: number | null,
  boards: number,
): MinerState | null {
  if ((hashrateGhs ?? 0) > 0) return null;
  const has = (ranges: readonly (readonly [number, number])[]) =>
    errors.some(({ code }) => ranges.some(([first, last]) => Number(code) >= first && Number(code) <= last));
  if (has(heatCodes)) return 'overheated';
  return boards === 0 && has(noBoardCodes) ? 'no_boards' : null;
}

/**
 * What a refused `summary` says: a password that does not fit (23) or tokens that ran out (135, 136) tell
 * nothing of the miner; any other error comes while its process is down.
 */
export function stateOfRefusal(code: number | null): MinerState {
  if (code === 23) return 'wrong_password';
  return code === 135 || code === 136 ? 'denied' : 'stopped';
}
