import { createHash, createHmac, pbkdf2Sync, randomBytes } from 'node:crypto';

/**
 * What a reader (Grafana, reports) may read: whole tables, or the columns named. What is not here it may not: users,
 * sessions, tokens, collector keys, the audit log, raw replies, parameters of commands (they hold passwords of pools),
 * targets of notifiers (addresses of webhooks are secrets) and the texts sent to them.
 */
export const readable: Readonly<Record<string, readonly string[] | 'all'>> = {
  sites: 'all',
  site_intervals: 'all',
  miners: 'all',
  miner_states: 'all',
  health_levels: 'all',
  poll_error_classes: 'all',
  miner_telemetry_live: 'all',
  miner_telemetry_history: 'all',
  miner_telemetry_1h: 'all',
  site_telemetry_5m: 'all',
  miner_events: 'all',
  miner_event_spans: 'all',
  rack_places: 'all',
  collector_upload_logs: 'all',
  rollup_due: 'all',
  rollup_marks: 'all',
  maintenance_runs: 'all',
  quirk_miners: 'all',
  alert_rules: 'all',
  alerts: 'all',
  incidents: 'all',
  maintenance_windows: 'all',
  command_events: 'all',
  waiting_commands: 'all',
  cluster_members: 'all',
  cluster_slots: 'all',
  cluster_shards: 'all',
  cluster_shard_states: 'all',
  miner_live_details: [
    ...['miner_id', 'known_board_serials', 'fan_speeds', 'temperature_chips', 'reported_health'],
    ...['error_message', 'boards'],
  ],
  reply_quirks: [
    ...['quirk_id', 'site_id', 'fingerprint', 'family', 'firmware', 'command', 'damage'],
    ...['first_seen', 'since', 'last_seen', 'reply_count'],
  ],
  notifiers: ['notifier_id', 'site_id', 'name', 'kind', 'min_severity', 'max_per_hour', 'enabled'],
  notification_outbox: [
    ...['notification_id', 'notifier_id', 'event', 'alert_id', 'incident_id', 'state', 'rounds'],
    ...['created_at', 'not_before', 'settled_at'],
  ],
  command_batches: [
    ...['batch_id', 'site_id', 'kind', 'state', 'total', 'priority', 'ttl_s', 'wave_size', 'pause_s'],
    ...['max_failed_percent', 'wave', 'created_at', 'created_by', 'approved_at', 'approved_by'],
    ...['ended_at', 'ended_by', 'ended_because'],
  ],
  miner_commands: [
    ...[
      'command_id',
      'site_id',
      'miner_id',
      'batch_id',
      'wave',
      'attempts',
      'ttl_s',
      'priority',
      'created_at',
    ],
    ...['not_before', 'expires_at', 'sent_at', 'lease_until', 'ended_at', 'confirm_until', 'confirmed_at'],
    ...['miner_key', 'ip', 'kind', 'status', 'created_by', 'claimed_by', 'confirmation', 'result_code'],
  ],
};

/** Rows of `headframe_meta`: the reader whose grants migrations renew, and which list it has. */
export const readerMeta = { role: 'reader_role', grants: 'reader_grants' } as const;

/** Tells lists of what is readable apart. */
export const readableChecksum = createHash('sha256')
  .update(JSON.stringify(readable))
  .digest('hex')
  .slice(0, 16);

/**
 * Statements that give a role its grants and note that it has them. What it had is taken back first, so that a column
 * that is not to be read any more is not. They need the owner of the tables.
 */
export function grantStatements(role: string): string[] {
  const name = quoted(role);
  const meta = [
    [readerMeta.role, role],
    [readerMeta.grants, readableChecksum],
  ] as const;
  return [
    `revoke all on all tables in schema public from ${name}`,
    `grant usage on schema public to ${name}`,
    ...Object.entries(readable).map(([table, columns]) =>
      columns === 'all'
        ? `grant select on ${table} to ${name}`
        : `grant select (${columns.map(quoted).join(', ')}) on ${table} to ${name}`,
    ),
    // Who may not grant what it has is only warned.
    `do $check$ begin
      if not (select bool_and(has_any_column_privilege(${literal(role)}, t, 'select'))
          from unnest(array[${Object.keys(readable).map(literal).join(', ')}]) t) then
        raise insufficient_privilege using message = 'the tables belong to another role';
      end if;
    end $check$`,
    ...meta.map(
      ([key, value]) => `insert into headframe_meta values (${literal(key)}, ${literal(value)})
        on conflict (name) do update set value = excluded.value`,
    ),
  ];
}

export interface ReaderLimits {
  /** Of one statement, s. */
  readonly statementTimeoutS: number;
  /** Connections at once. */
  readonly connections: number;
}

/**
 * Statements that make the role, or bring it to these limits. They need the right to create roles. `verifier` null: its
 * password is set otherwise, or stays.
 */
export function roleStatements(
  role: string,
  options: { readonly isNew: boolean; readonly verifier: string | null; readonly limits: ReaderLimits },
): string[] {
  const { isNew, verifier, limits } = options;
  const name = quoted(role);
  const password = verifier === null ? '' : ` password ${literal(verifier)}`;
  return [
    `${isNew ? 'create' : 'alter'} role ${name} login connection limit ${limits.connections}${password}`,
    `alter role ${name} set default_transaction_read_only = on`,
    `alter role ${name} set statement_timeout = '${limits.statementTimeoutS}s'`,
    `alter role ${name} set idle_in_transaction_session_timeout = '${limits.statementTimeoutS}s'`,
    `alter role ${name} set timezone = 'UTC'`,
  ];
}

/**
 * What PostgreSQL keeps of a password (RFC 5803), made here so that no statement, and so no log of the server, holds
 * the password. For printable ASCII, which needs no preparation.
 */
export function scramVerifier(password: string, salt: Buffer = randomBytes(16)): string {
  const iterations = 4_096;
  const salted = pbkdf2Sync(password, salt, iterations, 32, 'sha256');
  const keyed = (text: string): Buffer => createHmac('sha256', salted).update(text).digest();
  const stored = createHash('sha256').update(keyed('Client Key')).digest();
  const server = keyed('Server Key');
  return `SCRAM-SHA-256$${iterations}:${salt.toString('base64')}$${stored.toString('base64')}:${server.toString('base64')}`;
}

/** An identifier in SQL text. */
const quoted = (name: string): string => `"${name.replaceAll('"', '""')}"`;

/** A text in SQL text. */
const literal = (text: string): string => `'${text.replaceAll("'", "''")}'`;
