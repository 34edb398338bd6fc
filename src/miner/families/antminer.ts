import type { Family } from '../family.js';
import type { Replies } from '../reply.js';
import { readAntminer } from './antminer-layout.js';
import { antminerRecords, newApiStats } from './antminer-records.js';
import { antminerSources } from './field-sources.js';
import { own, row, textOf } from './records.js';

/**
 * Bitmain's cgminer and bmminer (S7–S21, T9–T21, L3–L9, D3, E3, hydro), and firmware of unknown authors
 * in the same layout. Firmware since July 2024 is asked for `stats` a second time with the `new_api` flag,
 * which stands beside `command`: there alone is its power. Firmware from July 2023 on knows the flag, but
 * tells no power with it.
 */
export const antminer: Family = {
  name: 'antminer',
  transport: 'cgminer',
  port: null,
  commands: ['summary', 'stats', 'pools'],
  identityCommands: ['version'],
  mayJoin: true,
  request: (command) =>
    JSON.stringify(command === newApiStats ? { command: 'stats', new_api: true } : { command }),
  followUp: (replies) => (tellsPowerApart(replies) ? [newApiStats] : []),
  sources: antminerSources,
  matches,
  read: (replies, context) => readAntminer('antminer', replies, context),
};

function matches(replies: Replies): boolean {
  const { stats, head, version, info } = antminerRecords(replies);
  const type = [textOf(version, 'Type'), textOf(head, 'Type'), textOf(info, 'type')].join(' ');
  const driver = textOf(row(replies, ['devdetails'], 'DEVDETAILS'), 'Driver') ?? '';
  return (
    /antminer|blackminer/i.test(type) ||
    /bitmain|btm_/i.test(driver) ||
    own(stats, 'chain_acn1', 'chain_rate1', 'chain_rateideal1') !== undefined ||
    typeof own(stats, 'chain') === 'object'
  );
}

const months = ['jan', 'feb', 'mar', 'apr', 'may', 'jun', 'jul', 'aug', 'sep', 'oct', 'nov', 'dec'];

/** True for stock firmware compiled in July 2024 or later whose `stats` told no power in the old layout. */
function tellsPowerApart(replies: Replies): boolean {
  const { head, stats } = antminerRecords(replies);
  if (
    !/antminer/i.test(textOf(head, 'Type') ?? '') ||
    own(stats, 'power', 'watt', 'chain_power') !== undefined
  )
    return false;
  const compiled = textOf(head, 'CompileTime') ?? '';
  const year = Number(/\b(20\d\d)\b/.exec(compiled)?.[1] ?? 0);
  const month = months.findIndex((name) => compiled.toLowerCase().includes(name));
  return year > 2024 || (year === 2024 && month >= 6);
}
