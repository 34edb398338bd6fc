import type { FanSample } from '../../domain/telemetry.js';
import { toNumber } from '../numbers.js';
import type { JsonObject } from '../reply.js';
import { own } from './records.js';

const fanKeys = Array.from({ length: 17 }, (_, index) => ({
  index,
  lower: `fan${index}`,
  upper: `Fan${index}`,
}));

/**
 * Fans told as `fan1`…`fan16`, rpm, by the device's numbers.
 *
 * A slot at 0 is empty, unless fewer fans turn than `fan_num` tells: then the slots nearest to the
 * turning ones are fans that stand still.
 */
export function readNumberedFans(record: JsonObject): FanSample[] {
  const slots: { index: number; rpm: number }[] = [];
  for (const { index, lower, upper } of fanKeys) {
    const value = record[lower] ?? record[upper];
    const rpm = value === undefined ? null : toNumber(value);
    if (rpm !== null && rpm >= 0) slots.push({ index, rpm });
  }
  const turning = slots.filter((slot) => slot.rpm > 0);
  const missing =
    Math.min(toNumber(own(record, 'fan_num', 'Fan Num', 'Fan Nunber')) ?? 0, 16) - turning.length;
  if (missing <= 0) return turning;
  const distance = (index: number) => Math.min(...turning.map((slot) => Math.abs(slot.index - index)));
  const still = slots
    .filter((slot) => slot.rpm === 0)
    .sort((a, b) => (turning.length === 0 ? 0 : distance(a.index) - distance(b.index)) || a.index - b.index)
    .slice(0, missing);
  return [...turning, ...still].sort((a, b) => a.index - b.index);
}
