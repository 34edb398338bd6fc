import { readQuery } from './sql-files.js';

/** The statements of the runner. The sums of miners are a part of both rollups. */
export function readRollupTexts(
  sqlDir?: string,
): Record<'fold' | 'claim' | 'next' | 'clear' | 'events' | '5m' | '1h', string> {
  const sums = readQuery('rollup_miner_sums', sqlDir).trim();
  const withSums = (name: string): string => readQuery(name, sqlDir).replace('{{sums}}', () => sums);
  return {
    fold: readQuery('rollup_fold', sqlDir),
    claim: readQuery('rollup_claim', sqlDir),
    next: readQuery('rollup_next', sqlDir),
    clear: readQuery('rollup_clear', sqlDir),
    events: readQuery('settle_events', sqlDir),
    '5m': withSums('rollup_5m'),
    '1h': withSums('rollup_1h'),
  };
}

/** Fills `{{name}}` with numbers: a transaction of several statements takes no parameters. */
export function render(text: string, values: Readonly<Record<string, number>>): string {
  return text.replaceAll(/\{\{(\w+)\}\}/g, (_, name: string) => {
    const value = values[name];
    if (value === undefined || !Number.isFinite(value)) throw new Error(`no value for ${name}`);
    return String(value);
  });
}
