import { pathToFileURL } from 'node:url';
import { decodeReply } from '../../src/miner/decode-reply.js';
import { parseFixtures } from './parse-fixtures.js';
import type { ParseFixture } from './parse-fixtures.js';

/** One line of the report. */
export interface ParseBenchRow {
  readonly family: string;
  /** `strict` for the clean reply, else how it was damaged. */
  readonly variant: string;
  readonly bytes: number;
  readonly repliesPerS: number;
  /** Time against decoding and `JSON.parse` of the clean reply in the same run; lower is better. */
  readonly ratio: number;
}

/** Length and repetition of each measurement. */
export interface ParseBenchOptions {
  /** Of one round of one variant, ms. */
  readonly roundMs?: number;
  /** Rounds, taken in turn with the baseline; the fastest counts, since the others were disturbed. */
  readonly rounds?: number;
}

const batch = 20;

/** Seconds per call, over at least `roundMs`. */
function timePerCall(call: () => unknown, roundMs: number): number {
  const start = performance.now();
  let calls = 0;
  for (;;) {
    for (let i = 0; i < batch; i += 1) call();
    calls += batch;
    const elapsedMs = performance.now() - start;
    if (elapsedMs >= roundMs) return elapsedMs / 1000 / calls;
  }
}

function measure(fixture: ParseFixture, options: Required<ParseBenchOptions>): ParseBenchRow[] {
  const cleanBytes = Buffer.from(fixture.clean);
  // What any reader must do: bytes to text without the NUL, text to objects.
  const baseline = (): unknown => JSON.parse(cleanBytes.toString('utf8', 0, cleanBytes.length - 1));
  const variants = [{ how: 'strict', text: fixture.clean }, ...fixture.damaged].map(({ how, text }) => ({
    how,
    bytes: Buffer.from(text),
    best: Infinity,
    bestBase: Infinity,
  }));
  for (let round = 0; round <= options.rounds; round += 1) {
    for (const variant of variants) {
      const base = timePerCall(baseline, options.roundMs);
      const own = timePerCall(() => decodeReply(fixture.command, variant.bytes), options.roundMs);
      if (round === 0) continue; // warm-up
      variant.best = Math.min(variant.best, own);
      variant.bestBase = Math.min(variant.bestBase, base);
    }
  }
  return variants.map(({ how, bytes, best, bestBase }) => ({
    family: fixture.family,
    variant: how,
    bytes: bytes.length,
    repliesPerS: Math.round(1 / best),
    ratio: best / bestBase,
  }));
}

/** Replies read per second and core, clean and damaged, against `JSON.parse` of the clean reply in the same run. */
export async function benchParse(options: ParseBenchOptions = {}): Promise<ParseBenchRow[]> {
  const complete = { roundMs: options.roundMs ?? 20, rounds: options.rounds ?? 15 };
  return parseFixtures().flatMap((fixture) => measure(fixture, complete));
}

/** The rows as a table for people. */
export function formatParseBench(rows: readonly ParseBenchRow[]): string {
  const lines = rows.map((row) =>
    [
      row.family.padEnd(14),
      row.variant.padEnd(16),
      String(row.bytes).padStart(7),
      String(row.repliesPerS).padStart(11),
      `${row.ratio.toFixed(2)} x`.padStart(9),
    ].join(' '),
  );
  const head = `${'family'.padEnd(14)} ${'reply'.padEnd(16)} ${'bytes'.padStart(7)} ${'replies/s'.padStart(11)} ${'time'.padStart(9)}`;
  return [head, ...lines].join('\n');
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? '').href) {
  console.log(formatParseBench(await benchParse()));
}
