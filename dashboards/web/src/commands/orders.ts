import type { Refusal } from '../../../../src/domain/command-batches.js';
import type { CommandRecord, CommandWait } from '../../../../src/domain/command-queue.js';
import type { CommandKind } from '../../../../src/domain/commands.js';

/** Whether a kind may be told, and which parameters go together. */
export interface CommandOption {
  readonly command: CommandKind;
  /** Why not, in words. */
  readonly refused: string | null;
  readonly forms: readonly { readonly fields: readonly string[]; readonly refused: string | null }[];
}

/** What may be told, to one miner or at all. */
export interface CommandOptions {
  readonly enabled: boolean;
  readonly approval_above: number;
  readonly max_batch: number;
  readonly kinds: readonly CommandOption[];
}

/** An order as the api takes it, without whom it is for. */
export interface Order {
  readonly command_type: CommandKind;
  readonly parameters: Readonly<Record<string, unknown>>;
  readonly priority: number;
  readonly ttl_minutes: number;
}

/** What became of a batch, or would. */
export interface Plan {
  readonly count: number;
  readonly batch_id: number | null;
  readonly message: string;
  readonly needs_approval: boolean;
  readonly waves: number;
  readonly sample: readonly string[];
  readonly refused: readonly Refusal[];
}

/** What a kind is called, and what it does to a miner. */
export const kindTexts: Readonly<Record<CommandKind, { readonly name: string; readonly does: string }>> = {
  enable: { name: 'Enable', does: 'Wakes a miner: it begins to hash.' },
  disable: { name: 'Disable', does: 'Puts a miner to sleep: it stops hashing until it is enabled.' },
  restart: { name: 'Restart', does: 'Restarts the mining software; hashing pauses for some minutes.' },
  reboot: { name: 'Reboot', does: 'Reboots the whole machine; it is away for some minutes.' },
  set_pool: { name: 'Set pool', does: 'Mines for another pool.' },
  set_fan: { name: 'Set fan', does: 'Sets the speed of the fans.' },
  set_frequency: { name: 'Set frequency', does: 'Sets the frequency of the chips.' },
};

/** Parameters of a command in a few words; empty when it has none. */
export function paramsText(params: Readonly<Record<string, unknown>>): string {
  const { speed, frequency, percent, pool_id: id, pool_url: url, pool_user: user } = params;
  if (speed !== undefined) return `${String(speed)} %`;
  if (frequency !== undefined) return `${String(frequency)} MHz`;
  if (percent !== undefined) return `${Number(percent) > 0 ? '+' : ''}${String(percent)} %`;
  if (id !== undefined) return `pool ${String(id)}`;
  return url === undefined ? '' : `${String(url)} as ${String(user)}`;
}

const waits: Readonly<Record<CommandWait, string>> = {
  approval: 'waits for approval',
  wave: 'waits for its wave',
  other_command: 'waits for another command',
  place_unknown: 'waits until its address is known',
  miner_offline: 'waits until it is online',
  disabled: 'commands are switched off',
};

/** Why a command is where it is; null: its status says all. */
export function reasonText({ waits_for: wait, result_message: message }: CommandRecord): string | null {
  return wait === null ? message || null : waits[wait];
}
