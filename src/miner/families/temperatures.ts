import { toTemperature } from '../numbers.js';
import type { JsonValue } from '../reply.js';

/**
 * Sensors of a board, °C: from a list, or from text such as `62-65-68-70`, `2--1-20-22` (the second
 * is −1 °C) or `m-m-m-m`. Absent sensors (0, −273, out of range) are left out.
 */
export function readTemperatures(value: JsonValue | undefined): number[] {
  if (value === undefined) return [];
  const parts = Array.isArray(value) ? value : typeof value === 'string' ? splitTemperatures(value) : [value];
  const temps: number[] = [];
  for (const part of parts.length > 64 ? parts.slice(0, 64) : parts) {
    const temp = toTemperature(part);
    if (temp !== null) temps.push(temp);
  }
  return temps;
}

const plainList = /^\d+(?:-\d+)*$/;

function splitTemperatures(text: string): string[] {
  if (plainList.test(text)) return text.split('-');
  return [...text.matchAll(/(?:^|-)\s*(-?\d+(?:\.\d+)?|[A-Za-z]+)/g)].map((match) => match[1] ?? '');
}
