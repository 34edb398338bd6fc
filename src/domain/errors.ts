/** Where an error is answered over HTTP, the status; `null` for errors of the command line or inside. */
interface ErrorSpec {
  readonly status: number | null;
  readonly isRetryable: boolean;
  /** What happened. */
  readonly meaning: string;
  /** What the reader should do. */
  readonly fix: string;
}

const spec = (status: number | null, isRetryable: boolean, meaning: string, fix: string): ErrorSpec => ({
  status,
  isRetryable,
  meaning,
  fix,
});

/** Every error Headframe raises by code. `docs/errors.md` is generated from this table. */
export const errorTable = {
  CONFIG_INVALID: spec(
    null,
    false,
    'A setting is missing or wrong.',
    'Correct the named setting; `headframe doctor` prints the effective ones.',
  ),
  RANGE_INVALID: spec(
    null,
    false,
    'An address range cannot be read or is refused.',
    'Correct the named range in `headframe.yaml`.',
  ),
  KEY_MISSING: spec(401, false, 'No collector key in the request.', 'Send `X-Collector-Key`.'),
  KEY_INVALID: spec(
    401,
    false,
    'The collector key is unknown, malformed or revoked.',
    'Create a key with `headframe keys create`.',
  ),
  RATE_LIMITED: spec(
    429,
    true,
    'The key sent more requests than its limit, or passwords or keys were tried too often.',
    'Wait as long as `Retry-After` says.',
  ),
  BODY_TOO_LARGE: spec(
    413,
    false,
    'The body is over a size limit.',
    'Send smaller batches, or raise `api.max_wire_bytes` or `api.max_inflated_bytes`.',
  ),
  BODY_TIMEOUT: spec(
    408,
    true,
    'The body did not arrive in time.',
    'Check the network; `api.body_timeout_ms` is the bound.',
  ),
  GZIP_INVALID: spec(400, false, 'The body says gzip and is not, or is cut.', 'Send a complete gzip stream.'),
  JSON_INVALID: spec(400, false, 'The body is not JSON.', 'Send a JSON array of miners.'),
  NOT_AN_ARRAY: spec(400, false, 'The body is JSON, but not an array.', 'Send a JSON array of miners.'),
  REQUEST_INVALID: spec(
    400,
    false,
    'A parameter of the request is wrong.',
    'Correct the parameter the answer names.',
  ),
  LOGIN_REQUIRED: spec(
    401,
    false,
    'Nobody known asks: no session, no API token, and not a program that `api.local_access` lets in.',
    'Sign in on the page, or send `Authorization: Bearer hst_…`; `headframe users add` makes the first user.',
  ),
  LOGIN_FAILED: spec(
    401,
    false,
    'The name or the password is wrong, what an OpenID Connect provider answered does not hold, or the user is disabled.',
    'Begin again; `headframe users passwd` sets a new password, the audit log names the reason.',
  ),
  TOKEN_INVALID: spec(
    401,
    false,
    'The API token is unknown, malformed, expired or revoked, or its owner is disabled.',
    'Create a token with `headframe tokens create`.',
  ),
  FORBIDDEN: spec(
    403,
    false,
    'The role is too low, it concerns sites that one may not touch, or the request comes from a page of elsewhere.',
    'Ask someone of the role the message names; send changes as JSON from the page itself or a program.',
  ),
  NOT_FOUND: spec(404, false, 'No such route, site, miner, or other thing asked for.', 'Check the path.'),
  CONFLICT: spec(
    409,
    false,
    'What was to be changed has changed since it was read, or a name is taken.',
    'Read it again and send its `version`, or choose another name.',
  ),
  COMMAND_REFUSED: spec(
    409,
    false,
    'A command is not taken: commands or its kind are switched off, or a bound is reached; the message says which.',
    'See `commands.*` of the settings.',
  ),
  COMMAND_ENDED: spec(
    400,
    false,
    'The command, or batch, has ended and cannot be cancelled any more.',
    'Look at its events.',
  ),
  NOTIFIER_FAILED: spec(
    502,
    true,
    'A notifier could not be told; the message says what it answered.',
    'Correct the notifier, its secret in the settings, or the receiver.',
  ),
  PROVIDER_UNAVAILABLE: spec(
    503,
    true,
    'The OpenID Connect provider does not answer in time or as it should, or refuses this client.',
    'Try again, or sign in with a password; `headframe doctor` asks the provider, the log has the cause.',
  ),
  OVERLOADED: spec(
    503,
    true,
    'Too many bytes are in flight.',
    'Wait as long as `Retry-After` says; `api.max_inflight_bytes` is the bound.',
  ),
  DATABASE_UNAVAILABLE: spec(
    503,
    true,
    'The database did not answer within its deadline, or refused.',
    'Nothing is lost: collectors keep and send again. Check the database.',
  ),
  DRAINING: spec(503, true, 'The process is shutting down.', 'Retry against another instance.'),
  DATABASE_EDITION: spec(
    null,
    false,
    'The database was migrated for another edition of TimescaleDB.',
    'Start against the edition it was migrated on, or migrate a new database.',
  ),
  DATABASE_VERSION: spec(
    null,
    false,
    'The schema is newer or older than this program.',
    'Run `headframe migrate`, or start a newer program.',
  ),
  EMBEDDED_VERSION: spec(
    null,
    false,
    'The data folder belongs to another major version of PostgreSQL.',
    'Point `data_dir` elsewhere, or dump and restore with the matching version.',
  ),
  EMBEDDED_UNAVAILABLE: spec(
    null,
    false,
    'The embedded PostgreSQL could not be started.',
    'Read the message; or set `DATABASE_URL` to a database of your own.',
  ),
  QUEUE_UNAVAILABLE: spec(
    null,
    true,
    'Redis did not answer.',
    'Check `REDIS_URL`; polling resumes by itself.',
  ),
  ACTOR_FAILED: spec(
    null,
    false,
    'A part failed more often than its restart budget allows.',
    'Read the cause in the log; the process ends so that a supervisor restarts it.',
  ),
  API_UNAVAILABLE: spec(
    null,
    true,
    'The api did not answer the command line, or is not ready.',
    'Check the address (`--url`, `headframe login`) and the api itself.',
  ),
  API_REFUSED: spec(
    null,
    false,
    'The api, or the person who was asked, refused what the command line wanted; the message says why.',
    'Correct what it names.',
  ),
  INTERRUPTED: spec(
    null,
    false,
    'The person who was asked pressed Ctrl-C.',
    'Nothing was done; begin again.',
  ),
  INTERNAL: spec(500, true, 'A fault of the program.', 'Report it with the log line.'),
} as const satisfies Record<string, ErrorSpec>;

export type ErrorCode = keyof typeof errorTable;

/** The one error class. Branch on `code`, never on the message. */
export class AppError extends Error {
  readonly code: ErrorCode;
  readonly isRetryable: boolean;
  /** HTTP status, or `null` where no answer is due. */
  readonly status: number | null;
  /** Seconds a client should wait, when known. */
  readonly retryAfterS: number | null;

  constructor(code: ErrorCode, message: string, options: { cause?: unknown; retryAfterS?: number } = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.name = 'AppError';
    this.code = code;
    this.isRetryable = errorTable[code].isRetryable;
    this.status = errorTable[code].status;
    this.retryAfterS = options.retryAfterS ?? null;
  }
}
