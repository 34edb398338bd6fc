import { addressesOf, formatIp, parseIp } from '../src/domain/ip-ranges.js';
import type { MinerGate } from '../src/domain/miner-gate.js';
import type { PollCounters, PollOutcome, PollTask, PolledPiece } from '../src/domain/poll-task.js';
import type { ReplyQuirk } from '../src/domain/quirks.js';
import type { MinerSample, PollErrorClass } from '../src/domain/telemetry.js';
import { toWire } from '../src/domain/wire.js';
import {
  isMiner,
  joinProfiles,
  noteAnswer,
  noteFailure,
  packProfiles,
  unpackProfiles,
  type Profile,
} from '../src/miner/profile.js';
import { readMiner, unreachableSample } from '../src/miner/read-miner.js';
import { doubtIdentity, heldIdentity, learnIdentity } from '../src/miner/told-identity.js';
import { BatchWriter } from './batch-writer.js';
import { pollMiner, type SessionResult } from './miner-session.js';
import { quirksOf, SampleMemory } from './reply-quirks.js';
import type { Semaphore } from './semaphore.js';

export interface ShardPollDeps {
  readonly sockets: Semaphore;
  readonly now: () => number;
  readonly random: () => number;
  /** Takes a batch that is ready. */
  readonly flush: (batch: PolledPiece) => void;
  /** Which sample replies were sent; the thread's own when absent. */
  readonly samples?: SampleMemory;
  /** Tells which miners commands hold; none are when absent. */
  readonly gate?: MinerGate;
}

const threadSamples = new SampleMemory();

const maxFingerprints = 64;
/** Multiples of it, without their whole part, fall evenly between 0 and 1. */
const goldenRatio = 0.618_033_988_75;
/** A miner that a command holds is looked at again so often, ms, so many times; then its slot is skipped. */
const heldLookMs = 50;
const heldLooks = 10;

/** Polls one shard in one slot. Sockets of all shards on a thread share `deps.sockets`. */
export async function pollShard(task: PollTask, deps: ShardPollDeps): Promise<PollOutcome> {
  const poll = new ShardPoll(task, deps);
  return poll.run();
}

class ShardPoll {
  readonly #task: PollTask;
  readonly #deps: ShardPollDeps;
  readonly #profiles: Map<string, Profile>;
  readonly #writer = new BatchWriter();
  readonly #counters: PollCounters = emptyCounters();
  #batches = 0;
  /** When the last piece was handed over. */
  #pieceSince: number;
  #flushing: Promise<void> = Promise.resolve();

  constructor(task: PollTask, deps: ShardPollDeps) {
    this.#task = task;
    this.#deps = deps;
    this.#pieceSince = deps.now();
    this.#profiles = joinProfiles(unpackProfiles(task.profiles), unpackProfiles(task.newerProfiles ?? ''));
  }

  async run(): Promise<PollOutcome> {
    const steady: string[] = [];
    const doubtful: string[] = [];
    for (const address of this.#inTurn()) {
      const ip = formatIp(address);
      const profile = this.#profiles.get(ip);
      if (isMiner(profile)) this.#counters.scheduled++;
      if (this.#task.held?.includes(ip)) {
        if (isMiner(profile)) this.#counters.skippedCommand++;
        continue;
      }
      if (
        profile?.notBefore !== undefined &&
        profile.notBefore > this.#task.slot &&
        !this.#isClockBehind(profile)
      ) {
        if (isMiner(profile)) this.#counters.skippedBackoff++;
        continue;
      }
      (isMiner(profile) && !profile?.failures ? steady : doubtful).push(ip);
    }
    const timer = setInterval(() => this.#flush(), this.#task.limits.flushMs);
    // The healthy are handed over as soon as they are done: they never wait for the silent.
    await Promise.all([
      Promise.all(steady.map((ip) => this.#pollOne(ip, 0))).then(() =>
        doubtful.length > 0 ? this.#flush() : undefined,
      ),
      ...doubtful.map((ip) => this.#pollOne(ip, isMiner(this.#profiles.get(ip)) ? 1 : 2)),
    ]);
    clearInterval(timer);
    this.#flush();
    await this.#flushing;
    let knownMiners = 0;
    for (const profile of this.#profiles.values()) if (isMiner(profile)) knownMiners++;
    return {
      batches: this.#batches,
      counters: this.#counters,
      profiles: packProfiles(this.#profiles),
      knownMiners,
    };
  }

  /** The addresses, in each slot from another one on: where time is short, it is not the same ones that go without. */
  #inTurn(): number[] {
    const addresses = [...addressesOf(this.#task.ranges)];
    const turn = Math.floor(this.#task.slot / this.#task.intervalMs) * goldenRatio;
    const first = Math.floor((turn % 1) * addresses.length);
    return [...addresses.slice(first), ...addresses.slice(0, first)];
  }

  /** A `notBefore` further off than any backoff comes from a clock that was ahead. */
  #isClockBehind(profile: Profile): boolean {
    const { limits, intervalMs, slot } = this.#task;
    const longest = 1.25 * Math.max(limits.backoffMaxSlots, limits.scanSlots) * intervalMs;
    return (profile.notBefore ?? 0) - slot > longest + intervalMs;
  }

  async #pollOne(ip: string, rank: 0 | 1 | 2): Promise<void> {
    const address = parseIp(ip) ?? 0;
    if (!(await this.#enter(address, rank))) {
      if (isMiner(this.#profiles.get(ip))) this.#counters.skippedCommand++;
      return;
    }
    try {
      const profile = this.#profiles.get(ip) ?? {};
      if (this.#deps.now() > this.#task.endMs) {
        if (isMiner(profile)) this.#counters.skippedDeadline++;
        return;
      }
      const isKnown = isMiner(profile);
      const session = await pollMiner({
        host: ip,
        port: this.#task.port,
        profile,
        limits: this.#task.limits,
        wantsIdentity: this.#task.slot - (profile.identifiedAt ?? 0) >= this.#task.limits.identityMs,
        now: this.#deps.now,
        httpPort: this.#task.httpPort,
        credentials: this.#task.credentials,
      });
      this.#profiles.set(ip, profile);
      this.#counters.connections += session.connections;
      this.#note(ip, profile, session, isKnown);
    } finally {
      this.#deps.sockets.release();
      this.#deps.gate?.leave(address);
    }
    if (this.#writer.rows >= this.#task.limits.maxBatchRows) this.#flush();
  }

  /** Takes a socket for a miner; false, and none, when a command holds the miner for longer than can be waited. */
  async #enter(address: number, rank: 0 | 1 | 2): Promise<boolean> {
    const { gate, sockets } = this.#deps;
    for (let looks = 0; ; looks++) {
      await sockets.acquire(rank);
      if (gate === undefined || gate.enter(address)) return true;
      sockets.release();
      if (looks === heldLooks) return false;
      await new Promise((resolve) => setTimeout(resolve, heldLookMs));
    }
  }

  #note(ip: string, profile: Profile, session: SessionResult, wasKnown: boolean): void {
    const { slot } = this.#task;
    if (session.family === null || session.replies.size === 0) {
      this.#noteFailure(profile);
      doubtIdentity(profile);
      if (!wasKnown) {
        this.#counters.scanned++;
        return;
      }
      const errorClass = session.errorClass ?? 'internal';
      this.#write(ip, unreachableSample(errorClass, `no answer: ${errorClass}`), session, errorClass, null);
      return;
    }
    if (!wasKnown) this.#counters.scheduled++;
    const read = readMiner(session.family, session.replies, {
      identity: heldIdentity(profile),
      thresholds: this.#task.thresholds,
    });
    profile.family = session.family.name;
    const sample = learnIdentity(profile, read, slot, session.hasIdentity);
    // A wrong password is not tried slot after slot: devices lock themselves.
    if (sample.state === 'wrong_password') this.#noteFailure(profile);
    else noteAnswer(profile);
    if (session.hasIdentity) delete profile.prints;
    const prints = profile.prints ?? {};
    const quirks = quirksOf(session, sample, this.#task, this.#deps.samples ?? threadSamples, prints);
    if (quirks.length > 0) profile.prints = prints;
    this.#countReplies(session, sample, quirks);
    const errorClass = session.errorClass ?? errorClassOf(session, sample);
    this.#write(ip, sample, session, errorClass, this.#rawToSend(profile, sample, session), quirks);
  }

  #noteFailure(profile: Profile): void {
    const { slot, intervalMs, limits } = this.#task;
    const options = { intervalMs, maxSlots: limits.backoffMaxSlots, scanSlots: limits.scanSlots };
    noteFailure(profile, slot, options, this.#deps.random());
  }

  #write(
    ip: string,
    sample: MinerSample,
    session: SessionResult,
    errorClass: PollErrorClass | null,
    raw: Record<string, string> | null,
    quirks: readonly ReplyQuirk[] = [],
  ): void {
    const counters = this.#counters;
    counters.samples++;
    count(counters.byState, sample.state);
    if (errorClass !== null) count(counters.errors, errorClass);
    for (const repair of sample.repairs) count(counters.repairs, repair.kind, repair.count);
    (counters.latencies[sample.family] ??= []).push(session.elapsedMs);
    this.#writer.add(
      toWire(sample, {
        minerId: ip,
        ip,
        slot: new Date(this.#task.slot),
        offsetMs: Math.round(this.#deps.now() - this.#task.slot),
        latencyMs: session.hasConnected ? Math.round(session.elapsedMs) : null,
        errorClass,
        raw,
        quirks,
      }),
    );
  }

  #countReplies(session: SessionResult, sample: MinerSample, quirks: readonly ReplyQuirk[]): void {
    const { fingerprints, unreadable, damaged } = this.#counters;
    for (const reply of session.replies.values())
      if (reply.kind === 'unreadable') count(unreadable, reply.shape);
    for (const { fingerprint, damage } of quirks) {
      count(damaged, `${sample.family} ${damage.includes('+') ? 'several' : damage}`);
      if (fingerprint in fingerprints || Object.keys(fingerprints).length < maxFingerprints)
        count(fingerprints, fingerprint);
    }
  }

  /** Raw replies travel with the first reading, when the damage changes, and once in a while. */
  #rawToSend(profile: Profile, sample: MinerSample, session: SessionResult): Record<string, string> | null {
    const { slot, limits } = this.#task;
    const damage = [
      sample.state,
      ...sample.repairs.map((repair) => `${repair.command}:${repair.kind}`),
      ...sample.truncated.map((command) => `cut:${command}`),
    ].join(' ');
    if (profile.damage === damage && slot - (profile.rawAt ?? 0) < limits.rawMs) return null;
    profile.damage = damage;
    profile.rawAt = slot;
    const raw: Record<string, string> = {};
    for (const [command, bytes] of session.raw) {
      raw[command] = bytes
        .toString('utf8', 0, Math.min(bytes.length, limits.maxRawBytes))
        .replaceAll('\0', '');
    }
    return raw;
  }

  #flush(): void {
    if (this.#writer.rows === 0) return;
    this.#flushing = this.#flushing.then(async () => {
      const batch = await this.#writer.take();
      if (batch === null) return;
      this.#batches++;
      const endMs = this.#deps.now();
      this.#deps.flush({ ...batch, startMs: this.#pieceSince, endMs });
      this.#pieceSince = endMs;
    });
  }
}

function errorClassOf(session: SessionResult, sample: MinerSample): PollErrorClass | null {
  if (sample.state === 'wrong_password') return 'wrong_password';
  if (sample.state === 'denied') return 'access_denied';
  if (sample.truncated.length > 0) return 'truncated';
  if (sample.state !== 'parse_error') return null;
  for (const reply of session.replies.values()) if (reply.kind === 'unreadable') return reply.errorClass;
  return 'device_error';
}

function count(counts: Record<string, number>, key: string, by = 1): void {
  counts[key] = (counts[key] ?? 0) + by;
}

function emptyCounters(): PollCounters {
  return {
    scheduled: 0,
    samples: 0,
    skippedBackoff: 0,
    skippedDeadline: 0,
    skippedCommand: 0,
    scanned: 0,
    byState: {},
    errors: {},
    repairs: {},
    unreadable: {},
    fingerprints: {},
    damaged: {},
    latencies: {},
    connections: 0,
  };
}
