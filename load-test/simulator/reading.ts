import { mix, noise, unit } from './random.js';
import type { Fault } from './faults.js';
import type { Model } from './model.js';

/** One hashboard at one moment. An absent board has every number 0. */
export interface BoardReading {
  readonly isPresent: boolean;
  readonly ghs: number;
  readonly ghs5s: number;
  /** Hottest chip, whole °C. */
  readonly chipC: number;
  /** Board sensor, whole °C. */
  readonly pcbC: number;
  readonly chips: number;
  readonly hardwareErrors: number;
}

/** What a machine would say at one moment. Hashrates are rounded as devices print them and the totals are sums of boards. */
export interface Reading {
  readonly state: 'mining' | 'starting' | 'sleeping';
  /** Seconds since the mining process started. */
  readonly elapsedS: number;
  /** Seconds since the control board booted. */
  readonly uptimeS: number;
  readonly boards: readonly BoardReading[];
  /** Average since start, GH/s. */
  readonly ghs: number;
  readonly ghs5s: number;
  readonly nominalGhs: number;
  readonly fansRpm: readonly number[];
  /** 0–100. */
  readonly fanPct: number;
  /** Wall power, whole W. */
  readonly powerW: number;
  readonly inletC: number;
  readonly frequencyMhz: number;
  readonly hardwareErrors: number;
}

/** What the reading is a function of, beside the model. */
export interface ReadingInputs {
  readonly model: Model;
  readonly key: number;
  readonly timeS: number;
  readonly elapsedS: number;
  readonly uptimeS: number;
  /** Seconds spent hashing since the process started. */
  readonly hashedS: number;
  readonly state: Reading['state'];
  readonly frequencyMhz: number;
  readonly powerRatio: number;
  /** Bit per board that a command switched off. */
  readonly disabledBoards: number;
  /** Fixed fan speed in percent, or null for automatic. */
  readonly fanPct: number | null;
  readonly fault: Fault | null;
}

/** To 0.01 GH/s; machines of a few GH/s to 0.00001, the 0.01 MH/s they print. */
function roundRate(ghs: number, model: Model): number {
  const parts = model.nominalGhs < 100 ? 100_000 : 100;
  return Math.round(ghs * parts) / parts;
}

/** The board a `board_lost` machine has lost. */
export function lostBoard(key: number, model: Model): number {
  return mix(key, 71) % model.boards;
}

/** Computes a machine's reading: pure, so that a seed and a time give the same farm again. */
export function computeReading(inputs: ReadingInputs): Reading {
  const { model, key, timeS, state, fault } = inputs;
  const isHashing = state === 'mining';
  const rate = (inputs.frequencyMhz / model.frequencyMhz) * inputs.powerRatio;
  const inletC = 26 + unit(key, 1) * 6 + noise(mix(key, 2), timeS, 3600) * 3;
  const autoPct = isHashing ? Math.min(100, Math.round(45 + (inletC - 20) * 2 + (rate - 1) * 60)) : 20;
  const fanPct = inputs.fanPct ?? autoPct;
  const warmC = isHashing ? 40 * rate + (autoPct - fanPct) * 0.25 + (fault?.kind === 'hot' ? 30 : 0) : 8;
  const averageShare = inputs.elapsedS > 0 ? Math.min(1, inputs.hashedS / inputs.elapsedS) : 0;
  const lost = fault?.kind === 'board_lost' ? lostBoard(key, model) : -1;

  const boards: BoardReading[] = [];
  let ghs = 0;
  let ghs5s = 0;
  let hardwareErrors = 0;
  for (let index = 0; index < model.boards; index++) {
    const board =
      index === lost
        ? absentBoard
        : readBoard(inputs, index, { rate, isHashing, inletC, warmC, averageShare });
    ghs += board.ghs;
    ghs5s += board.ghs5s;
    hardwareErrors += board.hardwareErrors;
    boards.push(board);
  }
  const fansRpm: number[] = [];
  for (let fan = 0; fan < model.fans; fan++) {
    const rpm = (model.maxRpm * fanPct) / 100 + noise(mix(key, 40 + fan), timeS, 20) * 60;
    fansRpm.push(fault?.kind === 'fan_failed' && fan === 0 ? 0 : Math.max(0, Math.round(rpm / 30) * 30));
  }
  const load = isHashing ? ghs5s / model.nominalGhs : 0.02;
  return {
    state,
    elapsedS: inputs.elapsedS,
    uptimeS: inputs.uptimeS,
    boards,
    ghs: roundRate(ghs, model),
    ghs5s: roundRate(ghs5s, model),
    nominalGhs: model.nominalGhs,
    fansRpm,
    fanPct,
    powerW: Math.round(model.nominalW * load * (0.98 + unit(key, 3) * 0.04)),
    inletC: Math.round(inletC),
    frequencyMhz: inputs.frequencyMhz,
    hardwareErrors,
  };
}

const absentBoard: BoardReading = {
  isPresent: false,
  ghs: 0,
  ghs5s: 0,
  chipC: 0,
  pcbC: 0,
  chips: 0,
  hardwareErrors: 0,
};

function readBoard(
  inputs: ReadingInputs,
  index: number,
  now: { rate: number; isHashing: boolean; inletC: number; warmC: number; averageShare: number },
): BoardReading {
  const { model, key, timeS } = inputs;
  const own = mix(key, 10 + index);
  const isOn = now.isHashing && (inputs.disabledBoards & (1 << index)) === 0;
  const share = (model.nominalGhs / model.boards) * now.rate * (0.99 + unit(own, 0) * 0.03);
  const slow = noise(own, timeS, 600) * 0.01;
  const fast = noise(mix(own, 1), timeS, 7) * 0.02;
  const pcbC = Math.round(now.inletC + (isOn ? now.warmC - 14 : 6) + noise(mix(own, 2), timeS, 120) * 2);
  return {
    isPresent: true,
    ghs: isOn ? roundRate(share * (1 + slow) * now.averageShare, model) : 0,
    ghs5s: isOn ? roundRate(share * (1 + slow + fast), model) : 0,
    pcbC,
    chipC: pcbC + (isOn ? 12 + (mix(own, 3) % 4) : 1),
    chips: model.chipsPerBoard,
    hardwareErrors: Math.floor(inputs.hashedS * (0.0005 + unit(own, 4) * 0.002)),
  };
}
