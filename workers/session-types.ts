import type { CredentialRule } from '../src/domain/credentials.js';
import type { PollLimits } from '../src/domain/poll-task.js';
import type { PollErrorClass } from '../src/domain/telemetry.js';
import type { Family } from '../src/miner/family.js';
import type { Profile } from '../src/miner/profile.js';
import type { Reply } from '../src/miner/reply.js';
import type { WebMemory } from './web-memory.js';

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
  /** Port of web interfaces; 80 when absent. */
  readonly httpPort?: number | undefined;
  /** What web interfaces may be logged into with; nothing when absent. Secret. */
  readonly credentials?: readonly CredentialRule[] | undefined;
  /** Logins and nonces of earlier polls; a thread's own when absent. */
  readonly webMemory?: WebMemory | undefined;
}
