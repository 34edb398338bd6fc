import type { CommandOrder } from '../../domain/commands.js';
import type { Credentials } from '../../domain/credentials.js';
import type { PollErrorClass } from '../../domain/telemetry.js';

/**
 * What one request to a miner gave. `none`: nothing came; it closed without a word where `errorClass` is
 * `empty_reply`, which some commands do on success. `hasConnected` false: nothing was sent.
 */
export type MinerAnswer =
  | { readonly kind: 'answer'; readonly status: number; readonly text: string }
  | { readonly kind: 'none'; readonly errorClass: PollErrorClass; readonly hasConnected: boolean };

/**
 * The connections a writer may use, one at a time, all to one miner and under one deadline. Over the
 * CGMiner API and frames `status` is 200. None of them rejects.
 */
export interface MinerIo {
  /** One request of the CGMiner API on its port, as text or JSON, in one write. */
  cgminer(request: string): Promise<MinerAnswer>;
  /** One request in Whatsminer's API v3, with its length in front. */
  framed(request: string): Promise<MinerAnswer>;
  /**
   * One request to a web interface; answers a digest challenge with the credentials. Nothing is sent twice
   * but what was refused for want of them, and no redirect is followed off the miner.
   */
  http(request: WriteRequest): Promise<MinerAnswer>;
  /** Waits, within the deadline. */
  pause(ms: number): Promise<void>;
}

/** A request to a web interface. */
export interface WriteRequest {
  readonly method: 'GET' | 'POST' | 'PUT' | 'PATCH';
  readonly path: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string;
  /** Port; the family's own when absent. */
  readonly port?: number;
}

/** A login or token that may serve again. Secret. */
export interface StoredToken {
  /** What the writer that earned it needs of it. */
  readonly values: Readonly<Record<string, string>>;
  /** Wall clock, ms. */
  readonly untilMs: number;
}

/** The one place where a miner's token is kept between commands. */
export interface TokenSlot {
  get(): StoredToken | null;
  set(token: StoredToken): void;
  clear(): void;
}

/** What a writer knows of the miner. */
export interface WriteContext {
  /** The family that was told at the last look. */
  readonly family: string;
  readonly model: string | null;
  readonly credentials: Credentials | null;
  /** Wall clock, ms. */
  readonly nowMs: number;
  /** Bytes for nonces. */
  readonly randomHex: (bytes: number) => string;
  /** This miner's token of earlier commands; absent: each command gets its own. */
  readonly tokens?: TokenSlot;
}

/**
 * How a command ended. `completed`: the device acknowledged, in its own way. `failed`: it refused, with its
 * own message and code, or could not be reached. `rejected`: it cannot do this; nothing was sent.
 * `unknown`: it may have been done (the connection was lost where an answer was due).
 */
export interface WriteOutcome {
  readonly status: 'completed' | 'failed' | 'rejected' | 'unknown';
  /** 0 when completed; else the device's code, or 1. */
  readonly code: number;
  /** In words, with the device's own. */
  readonly message: string;
  readonly errorClass?: string;
  /** What was set before and after, where the device tells. */
  readonly before?: Readonly<Record<string, unknown>>;
  readonly after?: Readonly<Record<string, unknown>>;
}

/** How a family is told what to do. */
export interface Writer {
  /** Families it is for. */
  readonly families: readonly string[];
  /** Why the family cannot do this, in words; null when it can. Nothing is sent to find out. */
  refuse(order: CommandOrder, context: WriteContext): string | null;
  /** Does it. Never rejects. */
  run(order: CommandOrder, io: MinerIo, context: WriteContext): Promise<WriteOutcome>;
}
