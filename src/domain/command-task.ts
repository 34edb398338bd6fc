import type { CommandOrder } from './commands.js';
import type { CredentialRule } from './credentials.js';

/** Main thread → command thread: one order for one miner. */
export interface CommandTask {
  readonly order: CommandOrder;
  /** IPv4 address. */
  readonly host: string;
  /** Of the CGMiner API. */
  readonly port: number;
  /** Of web interfaces. */
  readonly httpPort: number;
  /** File of the learned profiles of its shard; what the miner is is asked when it is not told there. */
  readonly profilesFile: string;
  /** Secret: never logged or stored. */
  readonly credentials: readonly CredentialRule[];
  readonly limits: {
    readonly connectTimeoutMs: number;
    /** For all of the order, ms. */
    readonly deadlineMs: number;
    readonly maxReplyBytes: number;
    readonly quietMs: number;
  };
}
