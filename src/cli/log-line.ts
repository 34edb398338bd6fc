import { levels } from 'pino';

type Entry = Readonly<Record<string, unknown>>;

/** A JSON line of the log as a person reads it on a terminal: time, level, message, then the fields. */
export function formatLogLine(json: string): string {
  let entry: Entry;
  try {
    entry = JSON.parse(json) as Entry;
  } catch {
    return json;
  }
  const { level, time, msg, ...fields } = entry;
  const name = levels.labels[Number(level)] ?? String(level);
  const clock = String(time).slice(11, 19);
  const rest = Object.entries(fields).map(([key, value]) => `${key}=${textOf(value)}`);
  return [clock, name.toUpperCase().padEnd(5), String(msg), ...rest].join(' ');
}

function textOf(value: unknown): string {
  if (typeof value === 'string') return value;
  if (typeof value === 'object' && value !== null && 'message' in value) return String(value.message);
  return JSON.stringify(value);
}
