import type { DeviceError, FanSample, MinerState, PowerSource } from '../../domain/telemetry.js';
import type { Family, ReadContext } from '../family.js';
import { toCount, toNumber, toTemperature } from '../numbers.js';
import type { JsonObject, Replies } from '../reply.js';
import { positive } from './antminer-chains.js';
import { isTooHot, readErrors } from './avalon-errors.js';
import { anyModule, readBoards, readModules, type Module } from './avalon-modules.js';
import { listOf, numberOf } from './avalon-brackets.js';
import { avalonSources } from './field-sources.js';
import { cleanMac } from './model-names.js';
import { readPools, sumShares } from './pools.js';
import {
  deriveState,
  emptyReading,
  finish,
  scaleBoards,
  withIdentity,
  type BoardReading,
  type Reading,
} from './reading.js';
import { descriptions, largest, mean, own, row, rows, sum, textOf } from './records.js';
import { ratesOf, scaleTo, scaleToNominal, steadyGhs, times } from './units.js';

/** Canaan's cgminer 4.10 and 4.11: Avalon 7xx to A15, Nano, Mini, Q. */
export const avalon: Family = {
  name: 'avalon',
  transport: 'cgminer',
  port: null,
  commands: ['summary', 'stats', 'pools'],
  identityCommands: ['version'],
  mayJoin: true,
  request: (command) => JSON.stringify({ command }),
  // Home models now and then answer `stats` without what counts, but the others in full.
  followUp: (replies) => (readModules(replies, ['stats']).length > 0 ? [] : ['estats', 'litestats']),
  sources: avalonSources,
  listed: (value) => ({ 'MM ID63': anyModule(value) }),
  matches,
  read,
};

const statsCommands = ['stats', 'estats', 'litestats'];

function matches(replies: Replies): boolean {
  const version = row(replies, ['version'], 'VERSION');
  if (/avalon/i.test(textOf(version, 'PROD', 'MODEL') ?? '') || /^MM\d/.test(textOf(version, 'HWTYPE') ?? ''))
    return true;
  return readModules(replies, statsCommands).length > 0;
}

function read(replies: Replies, context: ReadContext) {
  const summary = row(replies, ['summary'], 'SUMMARY');
  const modules = readModules(replies, statsCommands);
  const stats = rows(replies, statsCommands, 'STATS')[0] ?? {};
  const uptimeS = toNumber(own(summary, 'Elapsed')) ?? toNumber(own(stats, 'Elapsed'));
  const boards = modules.flatMap((module, at) => readBoards(module, modules.length > 1 ? at : null));
  const rates = readRates(summary, modules, boards, uptimeS);
  const pools = readPools(replies);
  const deviceErrors = readErrors(modules);
  const told = toldState(modules, summary, { ...rates, errors: deviceErrors });
  // Asleep it goes on telling its averages.
  const hashrateGhs = told === 'sleeping' && rates.hashrateGhs !== null ? 0 : rates.hashrateGhs;
  const acceptedShares = toCount(own(summary, 'Accepted')) ?? sumShares(pools, 'accepted');
  const boardFactor =
    told === 'sleeping' ? 0 : scaleTo(sum(boards.map((board) => board.hashrateGhs)), rates.hashrateGhs);
  const reading: Reading = {
    ...emptyReading,
    family: 'avalon',
    identity: withIdentity(readIdentity(replies, modules), context),
    hashrateGhs,
    hashrate5sGhs: rates.hashrate5sGhs,
    hashrateExpectedGhs: rates.nominalGhs,
    nominalSource: rates.nominalGhs === null ? null : 'device',
    temperatureAvgC: mean(modules.map((module) => toTemperature(numberOf(module.get('TAvg'))))),
    temperatureMaxC: largest(modules.map((module) => toTemperature(numberOf(module.get('TMax'))))),
    boards: scaleBoards(boards, boardFactor),
    fans: readFans(modules),
    pools,
    acceptedShares,
    rejectedShares: toCount(own(summary, 'Rejected')) ?? sumShares(pools, 'rejected'),
    hardwareErrors:
      toCount(own(summary, 'Hardware Errors')) ?? sum(modules.map((module) => numberOf(module.get('HW')))),
    frequencyAvgMhz: mean(modules.map((module) => positive(numberOf(module.get('Freq'))))),
    uptimeS,
    ...readPower(modules),
    deviceErrors,
    repairs:
      rates.isScaled || (boardFactor !== 1 && boardFactor !== 0)
        ? [{ command: 'summary', kind: 'unit_scale', count: 1 }]
        : [],
    state: deriveState({
      told,
      hashrateGhs,
      averageGhs: rates.averageGhs,
      acceptedShares,
      uptimeS,
      neverHashed: 'stopped',
    }),
  };
  return finish(reading, replies, context);
}

/** `summary` tells MH/s, the bracket strings GH/s; modules up to the A9 only what each board works. */
function readRates(
  summary: JsonObject,
  modules: readonly Module[],
  boards: readonly BoardReading[],
  uptimeS: number | null,
) {
  const told = ratesOf(summary);
  const add = (name: string) => sum(modules.map((module) => numberOf(module.get(name))));
  const nominalGhs = positive(add('GHSmm'));
  const averageGhs = told.averageGhs;
  const nowGhs = told.nowGhs ?? add('GHSspd');
  const headline =
    steadyGhs(told, uptimeS) ?? add('GHSavg') ?? add('GHSspd') ?? sum(boards.map((it) => it.hashrateGhs));
  const factor = scaleToNominal({ nowGhs: headline, averageGhs: headline, nominalGhs, uptimeS });
  return {
    hashrateGhs: times(headline, factor),
    hashrate5sGhs: times(nowGhs, factor),
    averageGhs,
    nominalGhs,
    isScaled: factor !== 1,
  };
}

function readFans(modules: readonly Module[]): FanSample[] {
  const rpms = modules.flatMap((module) => {
    const numbered = ['Fan1', 'Fan2', 'Fan3', 'Fan4'].map((name) => numberOf(module.get(name)));
    return numbered.some((rpm) => rpm !== null) ? numbered : [numberOf(module.get('Fan'))];
  });
  return rpms
    .filter((rpm) => rpm !== null)
    .slice(0, 64)
    .map((rpm, index) => ({ index: index + 1, rpm }));
}

/**
 * `PS[error control-V board-V A board-W set-V wall-W]`: the seventh is what the wall gives (A11 and
 * later, home models), the fifth what the boards take.
 */
function readPower(modules: readonly Module[]): { powerW: number | null; powerSource: PowerSource } {
  const supplies = modules.map((module) => listOf(module.get('PS')));
  const wall = modules.map((module, at) =>
    positive(numberOf(module.get('WALLPOWER')) ?? supplies[at]?.[6] ?? null),
  );
  if (wall.some((watts) => watts !== null)) return { powerW: sum(wall), powerSource: 'measured' };
  return { powerW: sum(supplies.map((supply) => positive(supply[4] ?? null))), powerSource: 'reported' };
}

/**
 * `SoftOFF` (a reason, 0 when none) and `Work: In Idle` are sleep as long as no module hashes now:
 * averages stay high for long.
 */
function toldState(
  modules: readonly Module[],
  summary: JsonObject,
  facts: {
    readonly hashrateGhs: number | null;
    readonly averageGhs: number | null;
    readonly errors: readonly DeviceError[];
  },
): MinerState | null {
  const isHashing = modules.some((module) => (numberOf(module.get('GHSspd')) ?? 0) > 0);
  if (isHashing) return null;
  const work = modules.map((module) => workOf(module));
  if (isTooHot(facts.errors) && !work.includes('work')) return 'overheated';
  if (modules.some((module) => (numberOf(module.get('SoftOFF')) ?? 0) !== 0)) return 'sleeping';
  if (work.includes('idle')) return 'sleeping';
  if (work.includes('init')) return 'starting';
  if (modules.length > 0 && modules.every(hasNoBoard)) return 'no_boards';
  // Right after the start the average is 0/0, which cgminer prints as nan.
  const isAverageMissing = own(summary, 'MHS av') !== undefined && facts.averageGhs === null;
  return isAverageMissing && (facts.hashrateGhs ?? 0) === 0 ? 'starting' : null;
}

/** `work`, `idle` or `init` of `SYSTEMSTATU[Work: In Work, Hash Board: 3 ]`. */
function workOf(module: Module): string | undefined {
  return /Work:\s*In\s+(\w+)/i.exec(module.get('SYSTEMSTATU') ?? '')?.[1]?.toLowerCase();
}

function hasNoBoard(module: Module): boolean {
  return /Hash Board:\s*0\b/i.test(module.get('SYSTEMSTATU') ?? '');
}

function readIdentity(replies: Replies, modules: readonly Module[]) {
  const version = row(replies, ['version'], 'VERSION');
  const ver = modules[0]?.get('Ver') ?? '';
  const product = textOf(version, 'PROD');
  const told = textOf(version, 'MODEL');
  const exact = told !== null && !/x{2}$/i.test(told) ? told : null;
  const model = modelOf(ver) ?? exact ?? product?.replace(/^AvalonMiner\s*/i, '') ?? null;
  const software = /cgminer [\d.]+/i.exec(descriptions(replies))?.[0]?.split(' ')[1] ?? null;
  return {
    vendor: 'Canaan',
    model: model === null ? null : fullName(model),
    firmware: 'cgminer',
    firmwareVersion: textOf(version, 'VERSION') ?? buildOf(ver) ?? software,
    mac: cleanMac(textOf(version, 'MAC')),
    serial:
      [textOf(version, 'DNA'), modules[0]?.get('DNA')?.trim()].find((it) => /[1-9a-f]/i.test(it ?? '')) ??
      null,
  };
}

/** `AvalonMiner 1246`; the home models are sold as `Avalon Nano3s`, `Avalon Q`. */
function fullName(model: string): string {
  if (/^avalon(?:miner)? /i.test(model)) return model;
  const short = model.replace(/^avalon(?:miner)?(?=\w)/i, '');
  const isHome = /^(?:nano|mini|q\b)/i.test(short);
  return isHome ? `Avalon ${short.charAt(0).toUpperCase()}${short.slice(1)}` : `AvalonMiner ${short}`;
}

/** `1066-1910…` is a 1066, `15-194-2410…` a 15-194, `7411706-3162860` a 741. */
function modelOf(ver: string): string | null {
  const match = /^(?:(\d{2}-\d{3})-\d{8}|(\d{4})-\d|(\d{3})\d{4}-)/.exec(ver);
  return (
    match?.[1] ?? match?.[2] ?? match?.[3] ?? /^(Nano\w*|Mini\w*|Q\w*|A\d{4}\w*)-/i.exec(ver)?.[1] ?? null
  );
}

function buildOf(ver: string): string | null {
  return /-(\d{6,8}(?:_\w+)*)/.exec(ver)?.[1] ?? null;
}
