import type { Fault } from './faults.js';
import type { Model } from './model.js';
import { models, type ModelName } from './models.js';
import { hashText, mix, unit } from './random.js';
import { computeReading, type Reading } from './reading.js';

/** How long a machine takes to come back, in simulated seconds. */
export interface Timing {
  /** Down after `restart`: connections are reset. */
  readonly restartS: number;
  /** Down after `reboot`: connections get no answer. */
  readonly rebootS: number;
  /** From up to hashing. */
  readonly startingS: number;
}

export const defaultTiming: Timing = { restartS: 5, rebootS: 20, startingS: 30 };

export interface PoolState {
  url: string;
  user: string;
  isEnabled: boolean;
  isAlive: boolean;
  /** Shares it got while it was the active one before. */
  accepted: number;
}

/** A write that was carried out. */
export interface MinerWrite {
  readonly via: 'cgminer' | 'web' | 'whatsminer' | 'whatsminer-v3';
  readonly command: string;
  /** As it was sent, without passwords. */
  readonly parameters: string;
}

/**
 * One simulated machine. What it says is a function of seed, address, time, summaries served and
 * commands received; only the last two are kept here.
 *
 * Life: up (`starting` → `mining`; a sleep command → `sleeping`, a wake → `starting`) → `restart` or
 * `reboot` → down until `downUntilMs` → up with its counters at 0.
 */
export class SimulatedMiner {
  readonly address: string;
  readonly modelName: ModelName;
  readonly model: Model;
  readonly key: number;
  fault: Fault | null;
  frequencyMhz: number;
  /** Fixed fan speed in percent; null is automatic. */
  fanPct: number | null = null;
  /** `Power Mode` of a Whatsminer, `WORKMODE` of an Avalon. */
  powerMode: 'low' | 'normal' | 'high' = 'normal';
  powerLimitW: number;
  disabledBoards = 0;
  downUntilMs = 0;
  isDownSilent = false;
  pools: PoolState[] | null = null;
  /** Pools to take at the next boot. */
  pendingPool: { index: number; url: string; user: string } | null = null;
  activePool = 0;
  served = 0;
  /** Configuration its web page was last given, when it has one. */
  webConfig: Record<string, unknown> | null = null;
  /** Token, salts and sessions its write API has handed out. */
  readonly handedOut = new Map<string, string>();
  /** Told of every write it carries out. */
  onWrite: ((write: MinerWrite) => void) | null = null;
  writesDone = 0;
  /** Connections that wait for an answer. */
  openConnections = 0;
  #timing: Timing;
  #bootMs: number;
  #osBootMs: number;
  #hashFromMs: number;
  #hashedBeforeS = 0;
  #isAsleep = false;
  #creditBase = 0;
  #replySerial = 0;

  constructor(
    seed: number,
    address: string,
    modelName: ModelName,
    fault: Fault | null,
    epochMs: number,
    timing: Timing,
  ) {
    this.address = address;
    this.modelName = modelName;
    this.model = models[modelName];
    this.key = hashText(seed, address);
    this.fault = fault;
    this.frequencyMhz = this.model.frequencyMhz;
    this.powerLimitW = Math.round(this.model.nominalW * 1.05);
    this.#timing = timing;
    const upS = 3600 + Math.floor(unit(this.key, 5) * 20 * 86_400);
    this.#bootMs = epochMs - upS * 1000;
    this.#osBootMs = this.#bootMs - 60_000;
    this.#hashFromMs = this.#bootMs + timing.startingS * 1000;
  }

  /** Counts a write that was carried out, and tells of it. */
  noteWrite(write: MinerWrite): void {
    this.writesDone++;
    this.onWrite?.(write);
  }

  get isAsleep(): boolean {
    return this.#isAsleep;
  }

  isDown(nowMs: number): boolean {
    return nowMs < this.downUntilMs;
  }

  state(nowMs: number): Reading['state'] {
    if (this.#isAsleep || this.fault?.kind === 'sleeping') return 'sleeping';
    return nowMs < this.#hashFromMs || this.fault?.kind === 'starting' ? 'starting' : 'mining';
  }

  /** A machine that never gets past `starting` dies and starts anew every five minutes. */
  elapsedS(nowMs: number): number {
    const elapsedS = Math.max(0, Math.floor((nowMs - this.#bootMs) / 1000));
    return this.fault?.kind === 'starting' ? elapsedS % 300 : elapsedS;
  }

  /** A summary goes out; a machine that does not hash has no share to tell it by. */
  countSummary(nowMs: number): void {
    if (this.state(nowMs) === 'mining') this.served++;
  }

  #hashedS(nowMs: number): number {
    if (this.fault?.kind === 'sleeping' || this.fault?.kind === 'starting') return this.#hashedBeforeS;
    return this.#hashedBeforeS + (this.#isAsleep ? 0 : Math.max(0, (nowMs - this.#hashFromMs) / 1000));
  }

  /** Shares accepted: grows with time spent hashing, and by one with every summary served meanwhile. */
  accepted(nowMs: number): number {
    return Math.floor(this.#hashedS(nowMs) * (0.08 + unit(this.key, 6) * 0.12)) + this.served;
  }

  rejected(accepted: number): number {
    return Math.floor(accepted * unit(this.key, 7) * 0.004);
  }

  reading(nowMs: number): Reading {
    return computeReading({
      model: this.model,
      key: this.key,
      timeS: Math.floor(nowMs / 1000),
      elapsedS: this.elapsedS(nowMs),
      uptimeS: Math.max(0, Math.floor((nowMs - this.#osBootMs) / 1000)),
      hashedS: this.#hashedS(nowMs),
      state: this.state(nowMs),
      frequencyMhz: this.frequencyMhz,
      powerRatio: this.powerMode === 'low' ? 0.85 : this.powerMode === 'high' ? 1.1 : 1,
      disabledBoards: this.disabledBoards,
      fanPct: this.fanPct,
      fault: this.fault,
    });
  }

  /** A draw that differs from reply to reply and is the same in every run. */
  nextDraw(): number {
    return unit(mix(this.key, 99), this.#replySerial++);
  }

  /** Stops hashing until `wake`. An Antminer restarts its mining process for it, without a pause. */
  sleep(nowMs: number): void {
    if (this.#isAsleep) return;
    this.#hashedBeforeS = this.#hashedS(nowMs);
    if (this.model.dialect.startsWith('antminer')) this.#clearCounters(nowMs);
    this.#isAsleep = true;
  }

  /** Begins to hash again after the starting time. */
  wake(nowMs: number): void {
    if (!this.#isAsleep) return;
    this.#isAsleep = false;
    this.#hashFromMs = nowMs + this.#timing.startingS * 1000;
  }

  /** The mining process dies and comes back with its counters at 0. */
  restart(nowMs: number): void {
    this.#comeBack(nowMs + this.#timing.restartS * 1000, false);
  }

  /** The control board boots; until then nothing answers. */
  reboot(nowMs: number): void {
    this.#comeBack(nowMs + this.#timing.rebootS * 1000, true);
    this.#osBootMs = this.downUntilMs;
    if (this.pendingPool !== null) {
      const { index, url, user } = this.pendingPool;
      this.ownPools()[index] = { url, user, isEnabled: true, isAlive: true, accepted: 0 };
      this.pendingPool = null;
    }
  }

  #comeBack(upMs: number, isSilent: boolean): void {
    this.downUntilMs = upMs;
    this.isDownSilent = isSilent;
    this.#hashFromMs = upMs + this.#timing.startingS * 1000;
    this.#isAsleep = false;
    this.#clearCounters(upMs);
  }

  #clearCounters(bootMs: number): void {
    this.#bootMs = bootMs;
    this.#hashedBeforeS = 0;
    this.served = 0;
    this.#creditBase = 0;
    for (const pool of this.pools ?? []) pool.accepted = 0;
  }

  /** The pools, copied from the defaults before the first change. */
  ownPools(): PoolState[] {
    this.pools ??= this.#defaultPools();
    return this.pools;
  }

  switchPool(index: number, nowMs: number): void {
    const pools = this.ownPools();
    const accepted = this.accepted(nowMs);
    const from = pools[this.activePool];
    if (from !== undefined) from.accepted += accepted - this.#creditBase;
    this.#creditBase = accepted;
    this.activePool = index;
  }

  /** Pools with their shares; the shares of all pools sum up to `accepted`. */
  listPools(accepted: number): PoolState[] {
    const pools = this.pools ?? this.#defaultPools();
    return pools.map((pool, index) =>
      index === this.activePool ? { ...pool, accepted: pool.accepted + accepted - this.#creditBase } : pool,
    );
  }

  #defaultPools(): PoolState[] {
    const [, , c, d] = this.address.split('.');
    const user = `farm.${c}x${d}`;
    return ['btc.pool-one.example:3333', 'btc.pool-two.example:443', 'btc.pool-three.example:25'].map(
      (url, index) => ({
        url: `stratum+tcp://${url}`,
        user,
        isEnabled: true,
        isAlive: index < 2,
        accepted: 0,
      }),
    );
  }
}
