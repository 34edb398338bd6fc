import type { MinerReport } from '../../src/miner/report.js';

/** A claim that a cut reading makes and the whole one does not. */
export interface FalseClaim {
  readonly field: string;
  readonly text: string;
}

const isEmpty = (value: unknown): boolean =>
  value === null || value === undefined || value === '' || (Array.isArray(value) && value.length === 0);

const isSame = (a: unknown, b: unknown): boolean =>
  typeof a === 'number' && typeof b === 'number'
    ? Math.abs(a - b) <= 1e-9 * Math.max(1, Math.abs(b))
    : a === b;

/** Whether every entry of `part` is one of `all`, each used once. */
function isSubset(part: readonly unknown[], all: readonly unknown[]): boolean {
  const left = [...all];
  return part.every((entry) => {
    const at = left.findIndex((other) => isSame(entry, other));
    if (at === -1) return false;
    left.splice(at, 1);
    return true;
  });
}

/** What of `part` is neither unknown nor as `whole` has it. */
function compare(name: string, part: object, whole: object, skip: readonly string[]): FalseClaim[] {
  return Object.entries(part).flatMap(([key, value]) => {
    if (skip.includes(key) || isEmpty(value)) return [];
    const other = (whole as Record<string, unknown>)[key];
    const holds = Array.isArray(value)
      ? isSubset(value as unknown[], Array.isArray(other) ? (other as unknown[]) : [])
      : isSame(value, other);
    return holds
      ? []
      : [{ field: `${name}.${key}`, text: `${JSON.stringify(value)}, not ${JSON.stringify(other)}` }];
  });
}

function compareListed(
  name: string,
  part: readonly object[],
  whole: readonly object[],
  key: string,
): FalseClaim[] {
  return part.flatMap((entry) => {
    const id = (entry as Record<string, unknown>)[key];
    const other = whole.find((it) => (it as Record<string, unknown>)[key] === id);
    if (other === undefined) return [{ field: name, text: `${name} ${String(id)} is not there` }];
    return compare(name, entry, other, name === 'boards' ? ['health'] : ['active', 'dev_fee']);
  });
}

/** Everything a reading of cut replies says that the reading of the whole ones does not; empty when all holds. */
export function differences(cut: MinerReport, whole: MinerReport): FalseClaim[] {
  const claims = [
    ...compare('miner', cut.miner, whole.miner, []),
    ...compare('sample', cut.sample, whole.sample, [
      'boards',
      'state',
      'family',
      'overall_health',
      'error_message',
      'online',
    ]),
    ...compareListed('boards', cut.boards, whole.boards, 'id'),
    ...compareListed('fans', cut.fans, whole.fans, 'index'),
    ...compareListed('pools', cut.pools, whole.pools, 'index'),
  ];
  const errors = cut.errors.filter((it) => !whole.errors.some((other) => other.code === it.code));
  for (const error of errors) claims.push({ field: 'errors', text: JSON.stringify(error) });
  if (cut.sample.overall_health === 'healthy') claims.push({ field: 'health', text: 'healthy' });
  const active = cut.pools.find((it) => it.active);
  const own = whole.pools.find((it) => it.index === active?.index);
  if (active !== undefined && own?.active !== true) claims.push({ field: 'pools.active', text: active.url });
  const states = [whole.state, 'parse_error', 'denied'];
  if (!states.includes(cut.state)) claims.push({ field: 'state', text: `${cut.state}, not ${whole.state}` });
  return claims;
}
