import { toNumber } from '../numbers.js';
import type { JsonObject, Replies } from '../reply.js';
import { positive, readChainList, readNumberedChains } from './antminer-chains.js';
import { antminerModel, scaleToModel, type AntminerModel } from './antminer-models.js';
import type { AntminerRecords } from './antminer-records.js';
import type { BoardReading } from './reading.js';
import { own, rows, sum, textOf } from './records.js';
import { ghsPerUnit, ghsWithUnit, ratesOf, scaleTo, scaleToNominal, times } from './units.js';

/** Hashrates of a machine in Bitmain's layout, in GH/s whatever it calls them. */
export interface AntminerRates {
  readonly nowGhs: number | null;
  /** The rate of the shortest window alone, without a stand-in. */
  readonly shortGhs: number | null;
  readonly averageGhs: number | null;
  readonly nominalGhs: number | null;
  readonly nominalSource: 'device' | 'model' | null;
  readonly boards: readonly BoardReading[];
  readonly uptimeS: number | null;
  /** Whether a figure stood in another unit than its key says. */
  readonly isScaled: boolean;
}

interface Told {
  readonly now: number | null;
  readonly short: number | null;
  readonly average: number | null;
  readonly nominal: number | null;
}

/** Reads the rates, brings them to one unit, and the boards to their total. */
export function readRates(replies: Replies, records: AntminerRecords, name: string | null): AntminerRates {
  const { stats, summary } = records;
  const model = antminerModel(name);
  const uptimeS = toNumber(own(summary, 'Elapsed', 'elapsed')) ?? toNumber(own(stats, 'Elapsed', 'elapsed'));
  const written = writtenRates(summary);
  const told = written ?? toldRates(replies, records);
  const chainUnit = ghsPerUnit(textOf(stats, 'rate_unit') ?? textOf(summary, 'rate_unit')) ?? 1;
  const unit = written === null ? chainUnit : 1;
  const inGhs = (value: number | null) => times(value, unit);
  const nominal = inGhs(told.nominal);
  // Without a nominal of its own a machine is measured by what its model can make.
  const nominalFactor = scaleToModel(nominal, model);
  const rateFactor = factorOf(
    {
      nowGhs: inGhs(told.now),
      averageGhs: inGhs(told.average),
      nominalGhs: times(nominal, nominalFactor),
      uptimeS,
    },
    model,
  );
  const scaled = (value: number | null) => times(inGhs(value), rateFactor);
  const nowGhs = scaled(told.now);
  const nominalGhs = times(nominal, nominalFactor);
  const { boards, isScaled } = readBoards(chainsOf(stats, chainUnit), {
    rate: rateFactor,
    totalGhs: nowGhs,
    nominal: nominalFactor,
    nominalGhs: nominalGhs ?? nowGhs,
  });
  return {
    nowGhs,
    shortGhs: scaled(told.short),
    averageGhs: scaled(told.average),
    nominalGhs: nominalGhs ?? model?.nominalGhs ?? null,
    nominalSource:
      nominalGhs !== null ? 'device' : model !== null && model.nominalGhs !== null ? 'model' : null,
    boards,
    uptimeS,
    isScaled: isScaled || rateFactor !== 1 || nominalFactor !== 1,
  };
}

/**
 * The rates of Bitmain's firmware for other coins than bitcoin (KS5, L9, E9) with their unit behind them:
 * `RT HASHRATE` "21632.89GH/s", `AV HASHRATE`, `THEORY HASHRATE`, GH/s. Null where it writes none.
 */
function writtenRates(summary: JsonObject): Told | null {
  const short = ghsWithUnit(own(summary, 'RT HASHRATE'));
  const average = ghsWithUnit(own(summary, 'AV HASHRATE'));
  if (short === null && average === null) return null;
  const nominal = positive(ghsWithUnit(own(summary, 'THEORY HASHRATE')));
  return { now: short ?? average, short, average, nominal };
}

/** The figures as the device writes them; `devs` alone counts in MH/s, unless it lies. */
function toldRates(replies: Replies, { stats, summary }: AntminerRecords): Told {
  const [fromSummary, fromStats] = [ratesOf(summary), ratesOf(stats)];
  const newApi = (...[name, ...more]: [string, ...string[]]) =>
    toNumber(own(stats, name, ...more)) ?? toNumber(own(summary, name, ...more));
  const short = fromSummary.nowGhs ?? fromStats.nowGhs ?? newApi('rate_5s');
  const average = fromSummary.averageGhs ?? fromStats.averageGhs ?? newApi('rate_avg');
  const now =
    short ?? newApi('total_rate', 'total rate') ?? average ?? sumOfChains(stats) ?? sumOfDevices(replies);
  const nominal = positive(newApi('total_rateideal') ?? newApi('rate_ideal'));
  return { now, short, average, nominal: nominal ?? nominalOfChains(stats) };
}

function sumOfChains(stats: JsonObject): number | null {
  return sum(chainsOf(stats, 1).map((board) => board.hashrateGhs));
}

/** Boards that are not there have a nominal rate too (MSKMiner): only those with chips count. */
function nominalOfChains(stats: JsonObject): number | null {
  return sum(chainsOf(stats, 1).map((board) => board.nominalGhs));
}

function sumOfDevices(replies: Replies): number | null {
  const rates = rows(replies, ['devs', 'edevs'], 'DEVS').slice(0, 64).map(ratesOf);
  return sum(rates.map((it) => it.nowGhs ?? it.averageGhs));
}

function chainsOf(stats: JsonObject, unit: number): BoardReading[] {
  const listed = readChainList(stats, unit);
  return listed.length > 0 ? listed : readNumberedChains(stats, unit);
}

interface Measured {
  readonly nowGhs: number | null;
  readonly averageGhs: number | null;
  readonly nominalGhs: number | null;
  readonly uptimeS: number | null;
}

function factorOf(told: Measured, model: AntminerModel | null): number {
  // A machine that stands still is measured by what it made before.
  const rates = told.nowGhs === 0 ? { ...told, nowGhs: null } : told;
  if (rates.nominalGhs !== null) return scaleToNominal(rates);
  const factor = scaleToModel(rates.nowGhs ?? rates.averageGhs, model);
  if (factor <= 1 || rates.averageGhs === null) return factor;
  const isSettled = rates.uptimeS !== null && rates.uptimeS >= 600;
  return isSettled && scaleToModel(rates.averageGhs, model) === factor ? factor : 1;
}

/** Boards, their rates and nominal rates brought to the machine's own (some print TH/s for a board). */
function readBoards(
  boards: readonly BoardReading[],
  by: { rate: number; totalGhs: number | null; nominal: number; nominalGhs: number | null },
) {
  const rate = partFactor(sum(boards.map((board) => board.hashrateGhs)), by.totalGhs, by.rate);
  const nominal = partFactor(sum(boards.map((board) => board.nominalGhs)), by.nominalGhs, by.nominal);
  if (rate === 1 && nominal === 1) return { boards, isScaled: false };
  return {
    boards: boards.map((it) => ({
      ...it,
      hashrateGhs: times(it.hashrateGhs, rate),
      nominalGhs: times(it.nominalGhs, nominal),
    })),
    isScaled: true,
  };
}

/** What to multiply parts by that add up to `total`, trying the factor of the total itself first. */
function partFactor(parts: number | null, total: number | null, first: number): number {
  return first * scaleTo(times(parts, first), total);
}
