import type { CommandKind, CommandStatus } from './commands.js';
import type { Author } from './people.js';

/** What a pending command waits for, when not for a collector alone. */
export type CommandWait =
  'approval' | 'wave' | 'other_command' | 'place_unknown' | 'miner_offline' | 'disabled';

/** Whether later samples show what a command was to do that is completed, or of which nobody knows. */
export type Confirmation = 'waiting' | 'confirmed' | 'not_confirmed';

/** A command as people read it. Times are ISO 8601. */
export interface CommandRecord {
  readonly command_id: number;
  readonly site_id: number;
  /** The miner's name. */
  readonly miner_id: string;
  readonly ip_address: string | null;
  readonly command: CommandKind;
  /** Passwords are masked. */
  readonly params: Readonly<Record<string, unknown>>;
  readonly priority: number;
  readonly status: CommandStatus;
  /** Why it is still pending; null: for a collector to ask. */
  readonly waits_for: CommandWait | null;
  readonly batch_id: number | null;
  readonly wave: number | null;
  readonly created_at: string;
  readonly created_by: string;
  readonly expires_at: string;
  readonly sent_at: string | null;
  readonly claimed_by: string | null;
  readonly attempts: number;
  readonly ended_at: string | null;
  readonly result_code: number | null;
  readonly result_message: string | null;
  /** What else was reported. */
  readonly result: Readonly<Record<string, unknown>> | null;
  /** Reported after its end. */
  readonly late_result: Readonly<Record<string, unknown>> | null;
  readonly confirmation: Confirmation | null;
  readonly confirmed_at: string | null;
  /** Readings when it was handed out, and those that confirmed it or did not. */
  readonly baseline: Readonly<Record<string, unknown>> | null;
  readonly observed: Readonly<Record<string, unknown>> | null;
}

/** One transition of a command, or what else became known of it. */
export interface CommandEvent {
  readonly at: string;
  /** Null: it was created. */
  readonly from_status: CommandStatus | null;
  readonly to_status: CommandStatus;
  readonly by: string;
  readonly note: string | null;
}

/** An order for one miner. */
export interface NewCommand {
  readonly siteId: number;
  readonly miner: string;
  /** Used where the miner's own is not known. */
  readonly ip: string | null;
  readonly kind: CommandKind;
  readonly params: Readonly<Record<string, unknown>>;
  readonly priority: number;
  readonly ttlS: number;
  readonly by: Author;
}

/** What a collector reported, read. */
export interface ReadReport {
  readonly status: 'completed' | 'failed' | 'rejected' | 'unknown' | 'expired';
  readonly code: number | null;
  readonly message: string | null;
  /** When the command that is meant was made, ISO 8601; null: the number alone tells. */
  readonly createdAt: string | null;
  /** The contract's optional fields that were given. */
  readonly rest: Readonly<Record<string, unknown>>;
}

/** How often something happened to commands of a kind. */
export interface CommandCount {
  readonly kind: CommandKind;
  readonly status: CommandStatus;
  readonly n: number;
}

const aliases: Readonly<Record<string, ReadReport['status']>> = {
  completed: 'completed',
  success: 'completed',
  failed: 'failed',
  error: 'failed',
  // Nothing was sent to the miner.
  skipped: 'rejected',
  rejected: 'rejected',
  unknown: 'unknown',
  expired: 'expired',
};

/** Statuses a collector may report, aliases among them. */
export const reportStatuses = Object.keys(aliases) as [string, ...string[]];

const textFields = ['executed_at', 'error_class', 'device_id'] as const;
const numberFields = ['duration_ms', 'execution_time_ms'] as const;
const objectFields = ['before', 'after'] as const;
const maxMessage = 2_000;
const maxText = 256;
const maxJson = 8_192;

/**
 * Reads the body of a result. Null when its status is none. What else cannot be read is left out, for a
 * collector would report it again for ever: texts are cut, objects past 8 KiB dropped.
 */
export function readReport(body: Readonly<Record<string, unknown>>): ReadReport | null {
  const status =
    typeof body['status'] === 'string' ? aliases[body['status'].trim().toLowerCase()] : undefined;
  if (status === undefined) return null;
  const rest: Record<string, unknown> = {};
  for (const name of textFields) {
    const text = asText(body[name], maxText);
    if (text !== null) rest[name] = text;
  }
  for (const name of numberFields) {
    const value = Number(body[name]);
    if (body[name] !== null && body[name] !== '' && Number.isFinite(value)) rest[name] = value;
  }
  for (const name of objectFields) {
    const value = body[name];
    if (value !== null && value !== undefined && JSON.stringify(value).length <= maxJson) rest[name] = value;
  }
  return {
    status,
    code: asCode(body['result_code']),
    message: asText(body['result_message'], maxMessage),
    createdAt: asInstant(body['created_at']),
    rest,
  };
}

function asInstant(value: unknown): string | null {
  const ms = typeof value === 'string' ? Date.parse(value) : NaN;
  return Number.isNaN(ms) ? null : new Date(ms).toISOString();
}

function asCode(value: unknown): number | null {
  if (value === null || value === undefined || value === '') return null;
  const code = Math.trunc(Number(value));
  return Math.abs(code) <= 2_147_483_647 ? code : null;
}

function asText(value: unknown, max: number): string | null {
  if (value === null || value === undefined) return null;
  const text = typeof value === 'string' ? value : JSON.stringify(value);
  return text.replace(/\p{Cc}/gu, ' ').slice(0, max);
}

/** Parameters without what nobody may read again. */
export function maskParams(params: Readonly<Record<string, unknown>>): Readonly<Record<string, unknown>> {
  return 'pool_password' in params ? { ...params, pool_password: '***' } : params;
}
