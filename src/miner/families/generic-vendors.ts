import type { MinerIdentity } from '../../domain/telemetry.js';
import { toText } from '../numbers.js';
import type { Replies } from '../reply.js';
import { descriptions, row, rows, textOf } from './records.js';

type Maker = Pick<MinerIdentity, 'vendor' | 'model'>;

/** What machines write of themselves, by kind; patterns look at one of them. */
interface Evidence {
  /** Software in the status lines and `version`, one a line. */
  readonly software: string;
  /** `Name` and `Driver` of boards and of `devdetails`, one a line. */
  readonly names: string;
  /** `ID` of the records of `stats`, one a line. */
  readonly ids: string;
}

/**
 * Makers by the one mark their firmware leaves. `$1` in a model is the pattern's group. Whoever only
 * sells another's firmware cannot be told from it.
 */
const makers: readonly (readonly [keyof Evidence, RegExp, string, string | null])[] = [
  ['software', /innominer ([a-z]\d+[a-z\d]*\+*)/im, 'Innosilicon', '$1'],
  ['ids', /^HLT\d/m, 'Innosilicon', 'A9'],
  ['software', /-spx\b/im, 'Spondoolies', 'SPx36'],
  ['ids', /^SP36\d$/m, 'Spondoolies', 'SPx36'],
  ['names', /^BKL/m, 'Baikal', null],
  ['names', /^u(\d)\d{3}$/m, 'StrongU', 'STU-U$1'],
  ['names', /^(C\d{4}|F\d[A-Z]?)$/m, 'Cheetah', '$1'],
  ['names', /^IT1$/m, 'HonorKnight', null],
  ['ids', /^IT1\d$/m, 'HonorKnight', null],
  ['names', /^C12$/m, 'Minerva', null],
  ['names', /^(BM-\w+)$/m, 'iBeLink', '$1'],
  ['names', /^MLD$/m, 'FutureBit', 'Moonlander 2'],
  ['names', /^knc/im, 'KnCMiner', null],
  ['names', /apollo/im, 'FutureBit', 'Apollo'],
  ['ids', /^lyra2rev2\d/m, 'Dayun', 'Zig Z1'],
  ['names', /^ttyS\d+$/m, 'HyperBit', null],
  ['names', /^(?:GS[A-Z]|BS[CD]|COMPAC)$/m, 'GekkoScience', null],
  ['names', /^(?:dragonmint|dm\d)/im, 'Halong', null],
  ['software', /dragonmint|b\d+-t1/im, 'Halong', 'DragonMint T1'],
];

/** Makers whose name is in the text. */
const spelled = [
  ...[
    'Innosilicon',
    'Goldshell',
    'iBeLink',
    'StrongU',
    'Jasminer',
    'iPollo',
    'IceRiver',
    'Fluminer',
    'Ebang',
  ],
  ...['Elphapex', 'Hammer', 'VolcMiner', 'Bombax', 'AiXin', 'Obelisk', 'Baikal', 'Spondoolies', 'Bitfury'],
  ...['FutureBit', 'Cheetah', 'HyperBit', 'HonorKnight', 'Minerva', 'Bitdeer', 'Pinidea', 'Halong'],
];

/** Who made the machine and which it is, as far as a mark tells; null where none does. */
export function makerOf(replies: Replies): Maker {
  const evidence = gather(replies);
  for (const [kind, pattern, vendor, model] of makers) {
    const found = pattern.exec(evidence[kind]);
    if (found === null) continue;
    const told = found[1] ?? '';
    const name = /^[a-z]\d/.test(told) ? told.toUpperCase() : told;
    return { vendor, model: model?.replace('$1', () => name) ?? null };
  }
  const text = `${evidence.software}\n${evidence.names}`.toLowerCase();
  return { vendor: spelled.find((name) => text.includes(name.toLowerCase())) ?? null, model: null };
}

function gather(replies: Replies): Evidence {
  const version = row(replies, ['version'], 'VERSION');
  const boards = [
    ...rows(replies, ['devs', 'edevs'], 'DEVS'),
    ...rows(replies, ['devdetails'], 'DEVDETAILS'),
    ...rows(replies, ['stats'], 'STATS'),
  ].slice(0, 64);
  const all = (...keys: readonly string[]) =>
    [...new Set(boards.flatMap((it) => keys.map((key) => textOf(it, key))))]
      .filter((it) => it !== null)
      .join('\n');
  const told = Object.entries(version)
    .slice(0, 16)
    .map(([key, value]) => `${key} ${toText(value) ?? ''}`);
  return {
    software: [descriptions(replies), ...told].join('\n').slice(0, 2000),
    names: all('Name', 'Driver'),
    ids: all('ID'),
  };
}
