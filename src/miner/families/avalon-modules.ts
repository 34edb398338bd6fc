import type { JsonObject, Replies } from '../reply.js';
import { toTemperature } from '../numbers.js';
import { eachNumber, listOf, maxList, numberOf, readBrackets, type Brackets } from './avalon-brackets.js';
import { positive } from './antminer-chains.js';
import { emptyBoard, type BoardReading } from './reading.js';
import { isObject } from '../reply-status.js';
import { largest, mean, rows, sum } from './records.js';

/** One controller's bracket string; up to the A9 a machine is several modules on one controller. */
export type Module = Brackets;

const maxModules = 64;
const moduleKey = /^MM ?ID\d+/;
const boardKey = /^'?HB(?:info|\d)/i;

const figures = ['GHSspd', 'GHSmm', 'GHSavg', 'WU', 'Temp', 'TMax', 'TAvg', 'Freq', 'HW', 'TA', 'Elapsed'];
const lists = [
  'MGHS',
  'MTmax',
  'MTavg',
  'MVavg',
  'MH',
  'PVT_T0',
  'PVT_T1',
  'PVT_T2',
  'Fan1',
  'Fan2',
  'Fan3',
  'Fan4',
];

/** A module that tells `value` for everything. */
export function anyModule(value: string): string {
  const brackets = [
    ...figures.map((name) => `${name}[${value}]`),
    ...lists.map((name) => `${name}[${value}]`),
  ];
  const name = value.slice(0, 3).padStart(3, '0');
  return `Ver[1${name}-24010101_1_1] ${brackets.join(' ')} WALLPOWER[${value}] PS[0 0 0 0 ${value} 0 ${value}]`;
}

/** Bracket strings of all modules, from the first of `commands` that has any. */
export function readModules(replies: Replies, commands: readonly string[]): readonly Module[] {
  for (const command of commands) {
    const reply = replies.get(command);
    if (reply?.kind !== 'ok') continue;
    const modules = known.get(reply.value) ?? modulesOf(rows(replies, [command], 'STATS'));
    known.set(reply.value, modules);
    if (modules.length > 0) return modules;
  }
  return [];
}

/** A poll asks twice: what to ask next, and what was told. */
const known = new WeakMap<JsonObject, readonly Module[]>();

/** `HBinfo` is read into the module before it, or the first; a record's modules stand by their numbers. */
function modulesOf(records: readonly JsonObject[]): Module[] {
  const modules: Map<string, string>[] = [];
  for (const record of records) {
    const numbered: (readonly [number, Map<string, string>])[] = [];
    const ahead: string[] = [];
    for (const [key, text] of texts(record)) {
      if (modules.length + numbered.length >= maxModules) break;
      if (moduleKey.test(key)) {
        const brackets = readBrackets(text);
        if (brackets.size > 0) numbered.push([Number(/\d+/.exec(key)?.[0] ?? 0), brackets]);
      } else if (boardKey.test(key)) {
        const module = numbered.at(-1)?.[1] ?? modules.at(-1);
        if (module === undefined) ahead.push(text);
        else addMissing(module, text);
      }
    }
    const first = numbered[0]?.[1];
    if (first !== undefined) for (const text of ahead) addMissing(first, text);
    if (numbered.length > 1) numbered.sort(([one], [other]) => one - other);
    for (const [, module] of numbered) modules.push(module);
  }
  return modules;
}

function addMissing(module: Map<string, string>, text: string): void {
  for (const [name, value] of readBrackets(text)) if (!module.has(name)) module.set(name, value);
}

/** Strings of a record by key, and of the objects in it. */
function* texts(record: JsonObject): Generator<readonly [string, string]> {
  for (const [key, value] of Object.entries(record)) {
    if (typeof value === 'string') yield [key, value];
    else if (isObject(value))
      for (const [name, inner] of Object.entries(value)) if (typeof inner === 'string') yield [name, inner];
  }
}

/**
 * Boards of a module: as many as its per-board lists are long, else the module is one board.
 * `moduleIndex` numbers the boards where a machine has several modules.
 */
export function readBoards(module: Module, moduleIndex: number | null): BoardReading[] {
  const lists: BoardLists = {
    ghs: listOf(module.get('MGHS')),
    hottest: listOf(module.get('MTmax')),
    average: listOf(module.get('MTavg')),
    errors: listOf(module.get('MH')),
    millivolts: listOf(module.get('MVavg')),
  };
  let chips = 0;
  for (const name of module.keys()) if (name.startsWith('PVT_T') && /^\d+$/.test(name.slice(5))) chips += 1;
  const longest = Math.max(lists.ghs.length, lists.hottest.length, lists.average.length, chips);
  const count = Math.min(longest, 16);
  if (count === 0 || (moduleIndex !== null && count === 1)) return [toSingleBoard(module, moduleIndex ?? 0)];
  return Array.from({ length: count }, (_, at) =>
    toBoard(module, lists, at, (moduleIndex ?? 0) * count + at),
  );
}

/** A module's figures that stand side by side, one a board. */
interface BoardLists {
  readonly ghs: readonly (number | null)[];
  readonly hottest: readonly (number | null)[];
  readonly average: readonly (number | null)[];
  readonly errors: readonly (number | null)[];
  readonly millivolts: readonly (number | null)[];
}

function toBoard(module: Module, lists: BoardLists, at: number, index: number): BoardReading {
  const chips = readChips(module.get(`PVT_T${at}`));
  const hottest = largest([toTemperature(lists.hottest[at] ?? null), chips.hottestC]);
  return {
    ...emptyBoard(index),
    ...(lists.ghs.length > 1 || at > 0 ? {} : boardSensors(module)),
    hashrateGhs: lists.ghs[at] ?? null,
    chipTempC: hottest ?? toTemperature(lists.average[at] ?? null),
    chipTempsC: [chips.coldestC, hottest].filter((temp) => temp !== null),
    chipsOk: chips.total === 0 ? null : chips.ok,
    chipsTotal: chips.total === 0 ? null : chips.total,
    frequencyMhz: boardFrequencyMhz(module, at) ?? positive(numberOf(module.get('Freq'))),
    voltageMv: positive(lists.millivolts[at] ?? null) ?? meanPositive(module.get(`PVT_V${at}`)),
    hardwareErrors: lists.errors[at] ?? null,
  };
}

/** Chips of a board by their temperatures, which stand for them: a hundred and more, so none is kept. */
function readChips(value: string | undefined) {
  const chips = { total: 0, ok: 0, coldestC: null as number | null, hottestC: null as number | null };
  if (value === undefined) return chips;
  eachNumber(value, maxList, (number) => {
    chips.total += 1;
    const temp = toTemperature(number);
    if (temp === null) return;
    chips.ok += 1;
    if (chips.coldestC === null || temp < chips.coldestC) chips.coldestC = temp;
    if (chips.hottestC === null || temp > chips.hottestC) chips.hottestC = temp;
  });
  return chips;
}

function meanPositive(value: string | undefined): number | null {
  let total = 0;
  let count = 0;
  if (value !== undefined)
    eachNumber(value, maxList, (number) => {
      if (number === null || number <= 0) return;
      total += number;
      count += 1;
    });
  return count === 0 ? null : total / count;
}

/** Inlet and outlet of a home model's only board. */
function boardSensors(module: Module) {
  const boardTempsC = ['HBITemp', 'HBOTemp']
    .map((name) => toTemperature(numberOf(module.get(name))))
    .filter((temp) => temp !== null);
  return { boardTempC: largest(boardTempsC), boardTempsC };
}

/** Mean clock of a board: the steps `SFn`, MHz, by how many cores run at each, `PLLn`. */
function boardFrequencyMhz(module: Module, at: number): number | null {
  const steps = listOf(module.get(`SF${at}`));
  const cores = listOf(module.get(`PLL${at}`));
  const total = sum(cores.slice(0, steps.length)) ?? 0;
  if (total <= 0) return mean(steps.map(positive));
  return positive((sum(steps.map((step, i) => (step ?? 0) * (cores[i] ?? 0))) ?? 0) / total);
}

/** GH/s of one share of difficulty 1 a minute: 2^32 hashes in 60 s. */
const ghsPerWorkUtility = 2 ** 32 / 60 / 1e9;

/** An Avalon 7xx–9xx module: no rate, but its work utility, which is the same thing. */
function toSingleBoard(module: Module, index: number): BoardReading {
  const work = numberOf(module.get('WU'));
  const hottest = toTemperature(numberOf(module.get('TMax')));
  return {
    ...emptyBoard(index),
    ...boardSensors(module),
    nominalGhs: positive(numberOf(module.get('GHSmm'))),
    hashrateGhs: numberOf(module.get('GHSavg')) ?? (work === null ? null : work * ghsPerWorkUtility),
    chipTempC: hottest,
    chipTempsC: hottest === null ? [] : [hottest],
    chipsTotal: positive(numberOf(module.get('TA'))),
    frequencyMhz: positive(numberOf(module.get('Freq'))),
    hardwareErrors: numberOf(module.get('HW')),
  };
}
