/** How long each kind of row is kept, days. */
export interface KeepDays {
  /** At least as long as a sample may be on its way (73 h), or late ones would be dropped as they come. */
  readonly historyDays: number;
  readonly eventDays: number;
  readonly rollup1hDays: number;
  readonly rollup5mDays: number;
  /** Never shorter than the spool's greatest age: the log tells a late batch from a new one. */
  readonly logDays: number;
  /** Of alerts, incidents and maintenance windows, from their end. */
  readonly alertDays: number;
  /** Of notices, from when they were settled. */
  readonly noticeDays: number;
  /** Of commands and batches, from their end. */
  readonly commandDays: number;
  /** Since a kind of damage, or a miner that shows it, was last seen. */
  readonly quirkDays: number;
  /** Since a member or shard of the cluster was last told of. */
  readonly clusterDays: number;
}

/** A table that loses whole chunks or partitions when all in them is older than its time. */
export interface KeptSpread {
  readonly table: string;
  readonly days: (keep: KeepDays) => number;
}

/** A plain table that loses rows, a few thousand at a time. */
export interface KeptRows {
  readonly table: string;
  readonly days: (keep: KeepDays) => number;
  /** Selects the `ctid` of at most `{{limit}}` rows from before `{{cutoff}}` and locks them. */
  readonly old: string;
}

/** What is kept for how long: one line a table. */
export const keptSpread: readonly KeptSpread[] = [
  { table: 'miner_telemetry_history', days: (keep) => keep.historyDays },
  { table: 'miner_events', days: (keep) => keep.eventDays },
  { table: 'miner_telemetry_1h', days: (keep) => keep.rollup1hDays },
  { table: 'site_telemetry_5m', days: (keep) => keep.rollup5mDays },
];

export const keptRows: readonly KeptRows[] = [
  {
    table: 'collector_upload_logs',
    days: (keep) => keep.logDays,
    old: `select u.ctid from sites s cross join lateral (
        select ctid from collector_upload_logs
        where site_id = s.site_id and received_at < {{cutoff}}
        order by received_at limit {{limit}} for update skip locked) u
      limit {{limit}}`,
  },
  endedRows('notification_outbox', 'settled_at', (keep) => keep.noticeDays),
  endedRows('alerts', 'resolved_at', (keep) => keep.alertDays),
  // After its alerts, which name it.
  endedRows(
    'incidents',
    'resolved_at',
    (keep) => keep.alertDays,
    'and not exists (select from alerts a where a.incident_id = incidents.incident_id)',
  ),
  // Its events, a handful, go with it.
  endedRows('miner_commands', 'ended_at', (keep) => keep.commandDays),
  endedRows(
    'command_batches',
    'ended_at',
    (keep) => keep.commandDays,
    'and not exists (select from miner_commands c where c.batch_id = command_batches.batch_id)',
  ),
  endedRows('sessions', 'expires_at', () => 1),
  endedRows('maintenance_windows', 'ends_at', (keep) => keep.alertDays),
  endedRows('cluster_members', 'seen_at', (keep) => keep.clusterDays),
  endedRows('cluster_shards', 'named_at', (keep) => keep.clusterDays),
  // Looked at over minutes; members take their own away, those of lost ones stay.
  endedRows('cluster_slots', 'minute', () => 1),
  {
    table: 'quirk_miners',
    days: (keep) => keep.quirkDays,
    // Read through: an index on what every damaged reply renews would cost more than a look now and then.
    old: `select ctid from quirk_miners where last_seen < {{cutoff}} limit {{limit}} for update skip locked`,
  },
  {
    table: 'reply_quirks',
    days: (keep) => keep.quirkDays,
    // Only once its miners are gone: the cascade would make one statement of any number of rows.
    old: `select q.ctid from reply_quirks q
      where q.last_seen < {{cutoff}} and not exists (select from quirk_miners m where m.quirk_id = q.quirk_id)
      limit {{limit}} for update of q skip locked`,
  },
];

/** Rows with a time at which they ended; null while they have not. */
function endedRows(table: string, ended: string, days: KeptRows['days'], condition = ''): KeptRows {
  const old = `select ctid from ${table} where ${ended} < {{cutoff}} ${condition} limit {{limit}} for update skip locked`;
  return { table, days, old };
}
