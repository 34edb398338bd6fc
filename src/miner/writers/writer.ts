import type { CommandOrder } from '../../domain/commands.js';
import type { Credentials } from '../../domain/credentials.js';
import type { PollErrorClass } from '../../domain/telemetry.js';

/** What one request to a miner gave. `none`: it closed without a word, which some commands do on success. */
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
  /** One request to a web interface; answers a digest challenge with the credentials. */
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
