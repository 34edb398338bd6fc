/** Ways in which a reply's text may be damaged; each is one quirk of real firmware. */
export const quirks = [
  'missing_comma', // `}{` between objects, or `""` between fields
  'trailing_comma', // `,}`
  'leading_comma', // `[,{`
  'nan', // a bare nan where a number belongs
  'control_char', // a raw newline inside a string
  'invalid_escape', // `\'` inside a string
  'trailing_text', // `"}` after the end
  'leading_text', // a line of text before the beginning
  'duplicate_keys',
  'invalid_utf8', // bytes 0xFF 0xFE inside a string
  'no_nul', // ends with nothing, then closes
  'newline_end', // ends with a newline instead of the NUL
  'nul_newline_end', // ends with a NUL and a newline
] as const;
export type Quirk = (typeof quirks)[number];

/** Answers that are no reply at all. */
export const garbageShapes = ['html', 'binary', 'nul', 'nested', 'text'] as const;
export type GarbageShape = (typeof garbageShapes)[number];

/**
 * What is wrong with a miner.
 *
 * On the wire: `refused` (reset on accept), `silent` (never answers), `slow` (answers after `delayMs`),
 * `drip` (`bytes` every `everyMs`), `truncated` (cut at a random byte, then FIN), `malformed`,
 * `half_closed` (no NUL, FIN, the other direction stays open), `keep_open` (no NUL, nothing more),
 * `oversized` (10 MiB), `garbage`, `empty` (closes without a byte), `denied` (code 45), `flapping`
 * (`upS` good, `downS` silent). In the machine: `sleeping`, `starting`, `board_lost`, `fan_failed`, `hot`.
 */
export type Fault =
  | { readonly kind: 'slow' | 'write_slow'; readonly delayMs: number }
  | { readonly kind: 'drip'; readonly bytes: number; readonly everyMs: number }
  | { readonly kind: 'malformed'; readonly quirk: Quirk }
  | { readonly kind: 'garbage'; readonly shape: GarbageShape }
  | { readonly kind: 'flapping'; readonly upS: number; readonly downS: number }
  | { readonly kind: PlainFault | WriteFault };

/** Faults without a detail. */
export const plainFaults = [
  'refused',
  'silent',
  'truncated',
  'half_closed',
  'keep_open',
  'oversized',
  'empty',
  'denied',
  'sleeping',
  'starting',
  'board_lost',
  'fan_failed',
  'hot',
] as const;
type PlainFault = (typeof plainFaults)[number];

/**
 * What may be wrong with writing alone; no mix deals these. `write_denied` refuses with code 45,
 * `wrong_password` whatever password comes, `write_lost` does what it is told and never answers,
 * `write_closed` does it and closes without a byte, `write_slow:MS` answers a write after so long.
 */
export const writeFaults = ['write_denied', 'wrong_password', 'write_lost', 'write_closed'] as const;
type WriteFault = (typeof writeFaults)[number];

/**
 * Reads `silent`, `slow:1500`, `drip:8/50`, `malformed:nan`, `garbage:html`, `flapping:30/30`; details
 * left out take these defaults (`malformed:missing_comma`).
 *
 * @throws Error naming what is wrong.
 */
export function parseFault(text: string): Fault {
  const [kind = '', detail = ''] = text.split(':', 2);
  const [first, second] = detail.split('/').map((part) => (part === '' ? undefined : positive(part, text)));
  switch (kind) {
    case 'slow':
    case 'write_slow':
      return { kind, delayMs: first ?? 1500 };
    case 'drip':
      return { kind, bytes: first ?? 8, everyMs: second ?? 50 };
    case 'flapping':
      return { kind, upS: first ?? 30, downS: second ?? 30 };
    case 'malformed':
      return { kind, quirk: oneOf(quirks, detail === '' ? 'missing_comma' : detail) };
    case 'garbage':
      return { kind, shape: oneOf(garbageShapes, detail === '' ? 'html' : detail) };
    default:
      if (detail !== '') throw new Error(`fault ${kind} takes no detail: ${text}`);
      return { kind: oneOf([...plainFaults, ...writeFaults], kind) };
  }
}

/** The text `parseFault` reads; it is what the ground truth records. */
export function faultText(fault: Fault): string {
  if (fault.kind === 'slow' || fault.kind === 'write_slow') return `${fault.kind}:${fault.delayMs}`;
  if (fault.kind === 'drip') return `drip:${fault.bytes}/${fault.everyMs}`;
  if (fault.kind === 'flapping') return `flapping:${fault.upS}/${fault.downS}`;
  if (fault.kind === 'malformed') return `malformed:${fault.quirk}`;
  return fault.kind === 'garbage' ? `garbage:${fault.shape}` : fault.kind;
}

function oneOf<T extends string>(values: readonly T[], text: string): T {
  const value = values.find((known) => known === text);
  if (value === undefined) throw new Error(`unknown fault ${text}; known: ${values.join(', ')}`);
  return value;
}

function positive(part: string, text: string): number | undefined {
  const value = Number(part);
  if (Number.isNaN(value)) return undefined;
  if (value <= 0) throw new Error(`numbers of a fault are above 0: ${text}`);
  return value;
}
