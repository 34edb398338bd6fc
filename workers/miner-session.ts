import pRetry from 'p-retry';
import type { PollLimits } from '../src/domain/poll-task.js';
import type { PollErrorClass } from '../src/domain/telemetry.js';
import { decodeReply } from '../src/miner/decode-reply.js';
import type { Family } from '../src/miner/family.js';
import type { Profile } from '../src/miner/profile.js';
import { detectionCommands, familyByName, identifyFamily } from '../src/miner/registry.js';
import type { Reply } from '../src/miner/reply.js';
import { isJoinRefused, splitJoined } from '../src/miner/split-joined.js';
import { exchange, type ExchangeResult } from './tcp-exchange.js';

/** Everything one poll of one miner brought. */
export interface SessionResult {
  /** `null` when nothing answered. */
  readonly family: Family | null;
  readonly replies: ReadonlyMap<string, Reply>;
  /** Raw bytes by request, as they came. */
  readonly raw: ReadonlyMap<string, Buffer>;
  /** The fault that ended or marred the poll. */
  readonly errorClass: PollErrorClass | null;
  readonly hasConnected: boolean;
  readonly elapsedMs: number;
  readonly hasIdentity: boolean;
  readonly connections: number;
}

export interface SessionOptions {
  readonly host: string;
  readonly port: number;
  readonly profile: Profile;
  readonly limits: PollLimits;
  /** Ask for the identity too. */
  readonly wantsIdentity: boolean;
  readonly now: () => number;
}

/** A retry of a lost connection waits this long, ms: miners serve one client at a time. */
const retryDelayMs = 100;
/** The device's code for a command it does not know. */
const invalidCommand = 14;

/**
 * Polls one miner: one connection at a time, one deadline for all of it. What is learned on the way
 * (joined commands, refused commands, the family) is written into `profile`. Never rejects.
 */
export async function pollMiner(options: SessionOptions): Promise<SessionResult> {
  const session = new Session(options);
  await session.run();
  return session.result();
}

class Session {
  readonly #options: SessionOptions;
  readonly #began: number;
  readonly #replies = new Map<string, Reply>();
  readonly #raw = new Map<string, Buffer>();
  #family: Family | null;
  #errorClass: PollErrorClass | null = null;
  #hasConnected = false;
  #hasIdentity = false;
  #connections = 0;
  #isOver = false;

  constructor(options: SessionOptions) {
    this.#options = options;
    this.#began = options.now();
    this.#family = options.profile.family === undefined ? null : familyByName(options.profile.family);
  }

  async run(): Promise<void> {
    const { profile, limits, wantsIdentity } = this.#options;
    const isNew = this.#family === null;
    if (isNew) {
      this.#family = await this.#detect();
      if (this.#family === null) return;
      delete profile.joins;
      delete profile.refused;
    }
    const family = this.#family;
    if (family === null) return;
    const wanted = family.commands.filter((command) => !this.#replies.has(command));
    const mayJoin = family.mayJoin && limits.joins === 'auto' && profile.joins !== false && wanted.length > 1;
    if (!(mayJoin && (await this.#askJoined(family, wanted)))) await this.#askEach(wanted, family.name);
    await this.#askEach(family.followUp?.(this.#replies) ?? [], family.name);
    const hasReading = this.#hasReading();
    if (isNew || wantsIdentity || !hasReading) {
      if (hasReading) delete profile.refused;
      await this.#askEach(family.identityCommands, family.name);
      this.#hasIdentity = hasReading && !this.#isOver;
    }
    if (!isNew && wantsIdentity && this.#hasIdentity) this.#family = identifyFamily(this.#replies);
    this.#noteRefused();
  }

  /** Asks until the answers name a family; `null` when nothing answered. */
  async #detect(): Promise<Family | null> {
    let family: Family | null = null;
    for (const command of detectionCommands) {
      await this.#askEach([command], 'generic');
      if (this.#replies.size === 0) return null;
      family = identifyFamily(this.#replies);
      if (family.name !== 'generic' || this.#isOver) break;
    }
    return family;
  }

  #hasReading(): boolean {
    for (const reply of this.#replies.values()) if (reply.kind === 'ok') return true;
    return false;
  }

  /**
   * A command that a device in order calls invalid is not asked again until the identity is. A device
   * whose main command fails is asleep or closed, and its refusals say nothing of its firmware.
   */
  #noteRefused(): void {
    const { profile } = this.#options;
    if (this.#replies.get(this.#family?.commands[0] ?? '')?.kind !== 'ok') {
      if (profile.joins === false) delete profile.joins;
      return;
    }
    for (const [command, reply] of this.#replies) {
      if (reply.kind !== 'device_error' || reply.code !== invalidCommand) continue;
      if (!profile.refused?.includes(command)) profile.refused = [...(profile.refused ?? []), command];
    }
  }

  result(): SessionResult {
    return {
      family: this.#family,
      replies: this.#replies,
      raw: this.#raw,
      errorClass: this.#errorClass,
      hasConnected: this.#hasConnected,
      elapsedMs: this.#options.now() - this.#began,
      hasIdentity: this.#hasIdentity,
      connections: this.#connections,
    };
  }

  /** True when the joined reply served; false when the commands must be asked one by one. */
  async #askJoined(family: Family, commands: readonly string[]): Promise<boolean> {
    const profile = this.#options.profile;
    const joined = commands.join('+');
    const bytes = await this.#ask(joined, family.request(joined));
    if (bytes === null) return this.#isOver;
    const replies = splitJoined([...commands], bytes);
    if (isJoinRefused(replies)) {
      profile.joins = false;
      this.#raw.delete(joined);
      return false;
    }
    // Kept only once a whole reply has proved it: a cut one says nothing.
    if (profile.joins === undefined && [...replies.values()].some((reply) => reply.kind === 'ok'))
      profile.joins = true;
    for (const [command, reply] of replies) this.#replies.set(command, reply);
    return true;
  }

  async #askEach(commands: readonly string[], familyName: string): Promise<void> {
    const { profile } = this.#options;
    const family = familyByName(familyName);
    for (const command of commands) {
      if (this.#isOver) return;
      if (this.#replies.has(command) || profile.refused?.includes(command)) continue;
      const bytes = await this.#ask(command, family?.request(command) ?? `{"command":"${command}"}`);
      if (bytes === null) continue;
      const reply = decodeReply(command, bytes);
      this.#replies.set(command, reply);
    }
  }

  /** The reply's bytes, or `null` when none came; sets the error and whether the poll is over. */
  async #ask(name: string, request: string): Promise<Buffer | null> {
    const result = await this.#exchange(request);
    if (result.kind === 'failed') {
      this.#errorClass = result.errorClass;
      this.#hasConnected ||= result.hasConnected;
      this.#isOver = true;
      return null;
    }
    this.#hasConnected = true;
    this.#raw.set(name, result.bytes);
    if (result.kind === 'partial') {
      this.#errorClass = result.errorClass;
      this.#isOver = true;
    }
    return result.bytes;
  }

  /**
   * A miner that answered last time and drops a connection gets one more try, when time is left: its
   * listen queue may have been full. Nothing else is retried: a silent miner would cost a second deadline.
   */
  async #exchange(request: string): Promise<ExchangeResult> {
    const first = await this.#once(request);
    const { limits, profile } = this.#options;
    const mayRetry = (profile.failures ?? 0) === 0 && profile.family !== undefined;
    if (!mayRetry || !isReset(first)) return first;
    let last = first;
    await pRetry(
      async (attempt) => {
        if (attempt > 1) last = await this.#once(request);
        if (isReset(last)) throw new Error('connection reset');
      },
      {
        retries: 1,
        minTimeout: retryDelayMs,
        shouldRetry: () => this.#remainingMs() > limits.connectTimeoutMs,
      },
    ).catch(() => undefined);
    return last;
  }

  #once(request: string): Promise<ExchangeResult> {
    const { host, port, limits } = this.#options;
    this.#connections++;
    return exchange({
      host,
      port,
      request,
      connectTimeoutMs: limits.connectTimeoutMs,
      deadlineMs: Math.max(1, this.#remainingMs()),
      maxReplyBytes: limits.maxReplyBytes,
      quietMs: limits.quietMs,
    });
  }

  #remainingMs(): number {
    return this.#options.limits.minerDeadlineMs - (this.#options.now() - this.#began);
  }
}

function isReset(result: ExchangeResult): boolean {
  return result.kind === 'failed' && result.errorClass === 'reset';
}
