const isoPattern =
  /^(\d{4})-(\d{2})-(\d{2})(?:[T ](\d{2}):(\d{2})(?::(\d{2})(?:[.,](\d{1,9}))?)?\s*(Z|[+-]\d{2}(?::?\d{2})?)?)?$/i;

/** Epoch numbers below this are seconds, from it on milliseconds (1e11 s is the year 5138). */
const secondsBelow = 1e11;

/**
 * Reads a sample time as collectors write it, ms since the epoch; null when it is no time.
 *
 * ISO 8601 with or without seconds, fraction (cut to ms) and zone; a naive time is UTC, because existing
 * collectors send UTC without `Z`. Numbers, also as text, are epoch seconds or ms.
 */
export function parseDeviceTime(value: unknown): number | null {
  if (typeof value === 'number') return fromEpoch(value);
  if (typeof value !== 'string') return null;
  if (value !== latest.text) latest = { text: value, ms: fromText(value) };
  return latest.ms;
}

/** The records of an upload say the same time over and over. */
let latest: { readonly text: string; readonly ms: number | null } = { text: '', ms: null };

function fromText(value: string): number | null {
  const text = value.trim();
  if (/^\d{9,14}(\.\d+)?$/.test(text)) return fromEpoch(Number(text));
  const match = isoPattern.exec(text);
  return match === null ? null : fromParts(match);
}

function fromEpoch(value: number): number | null {
  if (!Number.isFinite(value) || value <= 0) return null;
  const ms = Math.trunc(value < secondsBelow ? value * 1000 : value);
  return ms <= 8.64e15 ? ms : null;
}

function fromParts(match: RegExpExecArray): number | null {
  const [year, month, day, hour, minute, second] = match.slice(1, 7).map((part) => Number(part ?? 0));
  if (year === undefined || month === undefined || day === undefined) return null;
  if ((hour ?? 0) > 23 || (minute ?? 0) > 59 || (second ?? 0) > 59) return null;
  const fractionMs = Number((match[7] ?? '').slice(0, 3).padEnd(3, '0'));
  const date = new Date(0);
  date.setUTCFullYear(year, month - 1, day);
  if (date.getUTCMonth() !== month - 1 || date.getUTCDate() !== day) return null;
  date.setUTCHours(hour ?? 0, minute ?? 0, second ?? 0, fractionMs);
  const offsetMs = zoneOffsetMs(match[8]);
  return offsetMs === null ? null : date.getTime() - offsetMs;
}

function zoneOffsetMs(zone: string | undefined): number | null {
  if (zone === undefined || zone.toUpperCase() === 'Z') return 0;
  const hours = Number(zone.slice(1, 3));
  const minutes = Number(zone.slice(3).replace(':', '') || 0);
  if (hours > 15 || minutes > 59) return null;
  return (zone.startsWith('-') ? -1 : 1) * (hours * 60 + minutes) * 60_000;
}
