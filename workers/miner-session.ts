import pRetry from 'p-retry';
import { credentialsFor } from '../src/domain/credentials.js';
import { parseIp } from '../src/domain/ip-ranges.js';
import type { PollErrorClass } from '../src/domain/telemetry.js';
import type { Family, Transport } from '../src/miner/family.js';
import { detectionCommands, familyByName, identifyFamily } from '../src/miner/registry.js';
import type { Reply } from '../src/miner/reply.js';
import { isJoinRefused, splitJoined } from '../src/miner/split-joined.js';
import { afterSockets } from './after-sockets.js';
import { lookElsewhere, seekCgminer, shouldLookElsewhere, shouldSeekCgminer } from './other-ways.js';
import type { SessionOptions, SessionResult } from './session-types.js';
import { exchange, type ExchangeResult } from './tcp-exchange.js';
import { decodeAnswer, exchangeOtherwise, refusalReply, withoutPasswords } from './transport.js';
import { lookAtPage } from './web-client.js';

export type { SessionResult } from './session-types.js';

/** A retry of a lost connection waits this long, ms: miners serve one client at a time. */
const retryDelayMs = 100;
/** The device's code for a command it does not know. */
const invalidCommand = 14;
/** The same over HTTP. */
const notFound = 404;
/** The port of web interfaces in `Family.port`, which `SessionOptions.httpPort` stands in for. */
const webPort = 80;

/**
 * Polls one miner: one connection at a time, one deadline for all of it. What is learned on the way
 * (joined commands, refused commands, the family) is written into `profile`. Never rejects.
 */
export async function pollMiner(options: SessionOptions): Promise<SessionResult> {
  const session = new Session(options);
  if (shouldSeekCgminer(session)) await seekCgminer(session);
  await session.run();
  if (shouldLookElsewhere(session)) await lookElsewhere(session);
  return session.result();
}

/** What a poll has learned so far. */
type Learned = Pick<SessionResult, 'family' | 'errorClass'> & {
  readonly replies: Map<string, Reply>;
  readonly raw: Map<string, Buffer>;
};

/** One poll under way. `other-ways.ts` turns it to another transport; the rest is {@link pollMiner}'s. */
export class Session {
  readonly #options: SessionOptions;
  readonly #began: number;
  #replies = new Map<string, Reply>();
  #raw = new Map<string, Buffer>();
  #family: Family | null;
  #errorClass: PollErrorClass | null = null;
  #hasConnected = false;
  #hasIdentity = false;
  #connections = 0;
  #isOver = false;
  #transport: Transport = 'cgminer';
  #port: number;
  /** End of the poll, ms from its start. */
  #deadlineMs: number;

  constructor(options: SessionOptions) {
    this.#options = options;
    this.#began = options.now();
    this.#port = options.port;
    this.#deadlineMs = options.limits.minerDeadlineMs;
    this.#family = options.profile.family === undefined ? null : familyByName(options.profile.family);
    if (this.#family?.transport === 'http' && options.limits.http === 'never') this.#family = null;
    if (this.#family !== null && this.#family.transport !== 'cgminer') this.#use(this.#family);
  }

  /** Asks everything; `found` is a family that has just been found here, its first answers included. */
  async run(found: Family | null = null): Promise<void> {
    const { profile, limits, wantsIdentity } = this.#options;
    const isNew = this.#family === null || found !== null;
    if (isNew) {
      this.#family = found ?? (await this.detect());
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
    const hasReading = this.hasReading();
    if (isNew || wantsIdentity || !hasReading) {
      if (hasReading) delete profile.refused;
      await this.#askEach(family.identityCommands, family.name);
      this.#hasIdentity = hasReading && !this.#isOver;
    }
    if (!isNew && wantsIdentity && this.#hasIdentity && this.#transport === 'cgminer')
      this.#family = identifyFamily(this.#replies, 'cgminer');
    this.#noteRefused();
  }

  /** Asks until the answers name a family; `null` when nothing answered. */
  async detect(): Promise<Family | null> {
    let family: Family | null = null;
    for (const command of detectionCommands) {
      await this.#askEach([command], 'generic');
      if (this.#replies.size === 0) return null;
      family = identifyFamily(this.#replies, 'cgminer');
      if (family.name !== 'generic' || this.#isOver) break;
    }
    return family;
  }

  get options(): SessionOptions {
    return this.#options;
  }

  get transport(): Transport {
    return this.#transport;
  }

  get port(): number {
    return this.#port;
  }

  get learned(): Learned {
    return { family: this.#family, errorClass: this.#errorClass, replies: this.#replies, raw: this.#raw };
  }

  /** Goes back to what was learned before another way was tried. */
  restore(learned: Learned): void {
    this.begin(learned.family);
    this.#errorClass = learned.errorClass;
    this.#replies = learned.replies;
    this.#raw = learned.raw;
  }

  /** Drops what was learned in this poll, to ask as `family` is asked; `null`: by the CGMiner API. */
  begin(family: Family | null): void {
    this.#replies = new Map();
    this.#raw = new Map();
    this.#errorClass = null;
    this.#isOver = false;
    this.#hasIdentity = false;
    this.#family = family;
    this.#use(family);
  }

  /** Lets the poll end so long after its start, ms. */
  endAt(deadlineMs: number): void {
    this.#deadlineMs = deadlineMs;
  }

  /** The page at a family's port, with which of them its host is told. */
  look(family: Family): ReturnType<typeof lookAtPage> {
    const { host, limits } = this.#options;
    this.#use(family);
    return lookAtPage({
      host,
      port: this.#port,
      connectTimeoutMs: limits.connectTimeoutMs,
      remainingMs: () => this.remainingMs(),
      maxReplyBytes: limits.maxReplyBytes,
      onConnection: () => this.#connections++,
    });
  }

  #use(family: Family | null): void {
    const { port, httpPort } = this.#options;
    this.#transport = family?.transport ?? 'cgminer';
    const own = family?.port ?? null;
    this.#port = own === null ? port : own === webPort ? (httpPort ?? webPort) : own;
  }

  /** Asks what makes a family known. A device that asks for the password of its page is of that family. */
  async tries(family: Family): Promise<boolean> {
    this.begin(family);
    await this.#askEach(family.commands.slice(0, 1), family.name);
    if (!family.matches(this.#replies))
      await this.#askEach(family.followUp?.(this.#replies) ?? [], family.name);
    return family.matches(this.#replies) || this.#errorClass === 'wrong_password';
  }

  /** Whether anything readable came. */
  hasReading(): boolean {
    for (const reply of this.#replies.values()) if (reply.kind === 'ok') return true;
    return false;
  }

  /**
   * A command that a device in order calls invalid is not asked again until the identity is. A device
   * whose main command fails is asleep or closed, and its refusals say nothing of its firmware.
   */
  #noteRefused(): void {
    const { profile } = this.#options;
    const isInOrder =
      this.#transport === 'http'
        ? this.hasReading()
        : this.#replies.get(this.#family?.commands[0] ?? '')?.kind === 'ok';
    if (!isInOrder) {
      if (profile.joins === false) delete profile.joins;
      return;
    }
    for (const [command, reply] of this.#replies) {
      if (reply.kind !== 'device_error') continue;
      if (reply.code !== (this.#transport === 'http' ? notFound : invalidCommand)) continue;
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
    await afterSockets();
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
    const arrived: (readonly [string, Buffer])[] = [];
    for (const command of commands) {
      if (this.#isOver) break;
      if (this.#replies.has(command) || profile.refused?.includes(command)) continue;
      const bytes = await this.#ask(command, family?.request(command) ?? `{"command":"${command}"}`);
      if (bytes !== null) arrived.push([command, bytes]);
    }
    if (arrived.length === 0) return;
    await afterSockets();
    for (const [command, bytes] of arrived)
      this.#replies.set(command, decodeAnswer(command, bytes, this.#transport === 'http'));
  }

  /** The reply's bytes, or `null` when none came; sets the error and whether the poll is over. */
  async #ask(name: string, request: string): Promise<Buffer | null> {
    const result = await this.#exchange(request);
    if (result.kind === 'failed') {
      this.#hasConnected ||= result.hasConnected;
      if (result.status === undefined) {
        this.#errorClass = result.errorClass;
        this.#isOver = true;
      } else this.#noteStatus(name, result.status, result);
      return null;
    }
    this.#hasConnected = true;
    this.#raw.set(name, this.#transport === 'http' ? withoutPasswords(result.bytes) : result.bytes);
    if (result.kind === 'partial') {
      this.#errorClass = result.errorClass;
      this.#isOver = true;
    }
    return result.bytes;
  }

  /** One path that fails leaves the others; after a refused password nothing more is tried. */
  #noteStatus(name: string, status: number, told: { errorClass: PollErrorClass; detail?: string }): void {
    const isPassword = told.errorClass === 'wrong_password';
    this.#replies.set(name, refusalReply(name, status, told.detail ?? '', isPassword));
    if (isPassword || status !== notFound) this.#errorClass = told.errorClass;
    this.#isOver = isPassword;
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
        shouldRetry: () => this.remainingMs() > limits.connectTimeoutMs,
      },
    ).catch(() => undefined);
    return last;
  }

  #once(request: string): Promise<ExchangeResult> {
    const { host, limits, credentials, webMemory } = this.#options;
    const bounded = {
      host,
      port: this.#port,
      request,
      connectTimeoutMs: limits.connectTimeoutMs,
      deadlineMs: Math.max(1, this.remainingMs()),
      maxReplyBytes: limits.maxReplyBytes,
      quietMs: limits.quietMs,
    };
    if (this.#transport === 'cgminer') {
      this.#connections++;
      return exchange(bounded);
    }
    const family = this.#family;
    if (family === null)
      return Promise.resolve({ kind: 'failed', errorClass: 'internal', hasConnected: false });
    return exchangeOtherwise({
      ...bounded,
      family,
      credentials: credentialsFor(credentials ?? [], family.name, parseIp(host) ?? 0),
      memory: webMemory,
      remainingMs: () => this.remainingMs(),
      onConnection: () => this.#connections++,
    });
  }

  remainingMs(): number {
    return this.#deadlineMs - (this.#options.now() - this.#began);
  }
}

function isReset(result: ExchangeResult): boolean {
  return result.kind === 'failed' && result.errorClass === 'reset';
}
