import type { DeviceError } from '../../domain/telemetry.js';
import type { Module } from './avalon-modules.js';
import { listOf, numberOf } from './avalon-brackets.js';

/** Bits of `ECMM` (control board) and `ECHU` (one figure a hash board), lowest first; null is no fault. */
const boardBits: readonly (string | null)[] = [
  null, // idle
  null, // message checksum
  'no fan',
  'locked',
  null, // queue to the program overflowed
  null, // result buffer overflowed
  'too hot',
  'was too hot',
  'chip loop failed',
  null, // some cores failed their test: so do most machines in order
  'power unit invalid',
  'power not good',
  'temperature sensor',
  'voltage',
  'core voltage',
  'power unit checksum',
  'clock invalid',
  'hash board failed',
];

/** Bits of the first figure of `PS`, lowest first. */
const supplyBits: readonly string[] = [
  'input voltage too low',
  'too hot (1)',
  'too hot (2)',
  'too hot (3)',
  'input current too high',
  'output voltage too low',
  'output current too high',
  'current sharing',
  'output A current too high',
  'output B current too high',
  'output C current too high',
  'fan',
];

/** Canaan's error bits in words: power supply, control board, hash boards. */
export function readErrors(modules: readonly Module[]): DeviceError[] {
  const errors: DeviceError[] = [];
  for (const module of modules) {
    add(errors, 'PS', 'power supply', supplyBits, listOf(module.get('PS'))[0] ?? null);
    add(errors, 'ECMM', 'control board', boardBits, numberOf(module.get('ECMM')));
    listOf(module.get('ECHU')).forEach((value, at) =>
      add(errors, `ECHU${at}`, `board ${at}`, boardBits, value),
    );
  }
  return errors.slice(0, 50);
}

function add(
  errors: DeviceError[],
  name: string,
  part: string,
  bits: readonly (string | null)[],
  value: number | null,
): void {
  if (value === null || value <= 0 || !Number.isSafeInteger(value)) return;
  const set = Array.from({ length: 32 }, (_, bit) => bit).filter(
    (bit) => Math.floor(value / 2 ** bit) % 2 === 1,
  );
  const words = set.map((bit) => (bit < bits.length ? bits[bit] : 'unknown')).filter((word) => word !== null);
  if (words.length > 0) errors.push({ code: `${name} ${value}`, text: `${part}: ${words.join(', ')}` });
}

/** True when an error tells of heat now, in a board, the control board or the supply. */
export function isTooHot(errors: readonly DeviceError[]): boolean {
  return errors.some(({ text }) => /(?:: |, )too hot/.test(text));
}
