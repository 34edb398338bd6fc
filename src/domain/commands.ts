/** What a miner can be told to do. Wire names of the contract. */
export const commandKinds = [
  'enable',
  'disable',
  'restart',
  'reboot',
  'set_pool',
  'set_fan',
  'set_frequency',
] as const;

export type CommandKind = (typeof commandKinds)[number];

/**
 * Where a command stands. `pending` → `sent` (an edge has it, under a lease) → one of the ends:
 * `completed` (the device acknowledged), `failed` (it refused or could not be reached), `rejected` (it
 * cannot do this, or may not be told: nothing was sent), `unknown` (it may or may not have been done).
 * `expired` and `cancelled` end a command that was not executed. A lease that ends makes an idempotent
 * command `pending` again and any other `unknown`.
 */
export const commandStatuses = [
  'pending',
  'sent',
  'completed',
  'failed',
  'rejected',
  'unknown',
  'expired',
  'cancelled',
] as const;

export type CommandStatus = (typeof commandStatuses)[number];

/** Statuses no command leaves. */
export const endStatuses: ReadonlySet<CommandStatus> = new Set<CommandStatus>([
  'completed',
  'failed',
  'rejected',
  'unknown',
  'expired',
  'cancelled',
]);

/** Kinds that may be done twice without harm; the others run at most once, whatever dies. */
export const isIdempotent = (kind: CommandKind): boolean => kind !== 'restart' && kind !== 'reboot';

/** A pool by its address, or by its number in the miner's own list. */
export type PoolParams =
  | { readonly pool_url: string; readonly pool_user: string; readonly pool_password?: string }
  | { readonly pool_id: number };

/** MHz, or percent of the firmware's own target where that is all it takes. */
export type FrequencyParams = { readonly frequency: number } | { readonly percent: number };

/** A command with parameters that were checked. `speed` is in percent. */
export type CommandOrder =
  | { readonly kind: 'enable' | 'disable' | 'restart' | 'reboot'; readonly params: Record<string, never> }
  | { readonly kind: 'set_pool'; readonly params: PoolParams }
  | { readonly kind: 'set_fan'; readonly params: { readonly speed: number } }
  | { readonly kind: 'set_frequency'; readonly params: FrequencyParams };

/** What is wrong with parameters: which one, and what it should be. */
export interface ParamFault {
  readonly field: string;
  readonly message: string;
}

/** An item of `GET /api/collector/commands/pending`. */
export interface PendingCommand {
  readonly command_id: number;
  readonly miner_id: string;
  readonly ip_address: string | null;
  readonly site_id: number;
  readonly command: CommandKind;
  readonly params: Readonly<Record<string, unknown>>;
  readonly priority: number;
  /** ISO 8601, UTC. With its number it names a command, in whatever database. */
  readonly created_at: string;
  readonly expires_at: string;
  /** Left of its time when it was handed out, s: what an edge counts down by its own clock. */
  readonly ttl_s: number;
  /** Of the lease it was handed out under, s. */
  readonly lease_s: number;
  /** How often it was handed out, this time included. */
  readonly attempt: number;
}

/** Body of `POST /api/collector/commands/{id}/result`. */
export interface CommandReport {
  readonly status: 'completed' | 'failed' | 'skipped' | 'rejected' | 'unknown' | 'expired';
  /** 0: done; else the device's own code where it gave one. */
  readonly result_code?: number;
  readonly result_message?: string;
  /** ISO 8601. */
  readonly executed_at?: string;
  readonly duration_ms?: number;
  readonly execution_time_ms?: number;
  readonly before?: Readonly<Record<string, unknown>>;
  readonly after?: Readonly<Record<string, unknown>>;
  readonly error_class?: string;
  readonly device_id?: string;
  /** As the command was handed out: a number means another command in another database. ISO 8601. */
  readonly created_at?: string;
}

const poolUrlPattern =
  /^stratum(?:2)?\+(?:tcp|ssl):\/\/[A-Za-z0-9.-]{1,253}(?::\d{1,5})?(?:\/[A-Za-z0-9._~/-]{0,120})?$/;
/** What the miners' own protocols split at or end at. */
const splitting = /[,|=\\\p{Cc}]/u;

/**
 * Checks parameters of a command and leaves out what it does not take. Bounds: fan 0–100 %, frequency
 * 25–2000 MHz or ±100 %, pool number 0–15, pool users and passwords up to 128 characters without what
 * miners' protocols split at.
 */
export function readOrder(kind: CommandKind, value: unknown): CommandOrder | ParamFault {
  const given = (value ?? {}) as Record<string, unknown>;
  if (typeof given !== 'object' || Array.isArray(given)) return fault('parameters', 'must be an object');
  switch (kind) {
    case 'enable':
    case 'disable':
    case 'restart':
    case 'reboot':
      return { kind, params: {} };
    case 'set_pool':
      return readPool(given);
    case 'set_fan':
      return isWithin(given['speed'], 0, 100)
        ? { kind, params: { speed: Math.round(given['speed']) } }
        : fault('parameters.speed', 'must be a number of 0 to 100, in percent');
    case 'set_frequency':
      return readFrequency(given);
  }
}

/** True for what {@link readOrder} refuses. */
export function isFault(read: CommandOrder | ParamFault): read is ParamFault {
  return 'field' in read;
}

function readPool(given: Record<string, unknown>): CommandOrder | ParamFault {
  const kind = 'set_pool';
  const { pool_url: url, pool_user: user, pool_password: password, pool_id: id } = given;
  if (url === undefined && user === undefined) {
    if (isWithin(id, 0, 15) && Number.isInteger(id)) return { kind, params: { pool_id: id } };
    return fault(
      'parameters.pool_url',
      'must be given with pool_user; or pool_id, a whole number of 0 to 15',
    );
  }
  if (
    typeof url !== 'string' ||
    !poolUrlPattern.test(url) ||
    Number(/:(\d+)/.exec(url.slice(14))?.[1] ?? 1) > 65_535
  ) {
    return fault(
      'parameters.pool_url',
      'must be stratum+tcp://, stratum+ssl:// or stratum2+tcp:// with host and port',
    );
  }
  if (!isWord(user) || user === '') return fault('parameters.pool_user', wordRule);
  if (password !== undefined && !isWord(password)) return fault('parameters.pool_password', wordRule);
  return {
    kind,
    params: {
      pool_url: url,
      pool_user: user,
      ...(password === undefined ? {} : { pool_password: password }),
    },
  };
}

function readFrequency(given: Record<string, unknown>): CommandOrder | ParamFault {
  const kind = 'set_frequency';
  const { frequency = given['freq'], percent } = given;
  if (frequency === undefined && isWithin(percent, -100, 100)) return { kind, params: { percent } };
  if (isWithin(frequency, 25, 2000)) return { kind, params: { frequency } };
  return fault('parameters.frequency', 'must be a number of 25 to 2000, in MHz; or percent, of -100 to 100');
}

const wordRule =
  'must be 1 to 128 characters without control characters, comma, bar, equals sign or backslash';

const isWord = (value: unknown): value is string =>
  typeof value === 'string' && value.length <= 128 && !splitting.test(value);

const isWithin = (value: unknown, least: number, most: number): value is number =>
  typeof value === 'number' && value >= least && value <= most;

const fault = (field: string, message: string): ParamFault => ({ field, message });
