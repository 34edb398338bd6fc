/** What is counted, one by one. */
type CountedThing =
  | 'alerts'
  | 'batches'
  | 'buckets'
  | 'calls'
  | 'commands'
  | 'failures'
  | 'faults'
  | 'files'
  | 'fingerprints'
  | 'jobs'
  | 'members'
  | 'messages'
  | 'miners'
  | 'notices'
  | 'partitions'
  | 'plans'
  | 'polls'
  | 'pools'
  | 'reads'
  | 'repairs'
  | 'replies'
  | 'requests'
  | 'restarts'
  | 'rows'
  | 'runs'
  | 'samples'
  | 'shards'
  | 'slots'
  | 'streams'
  | 'tasks'
  | 'zones';

/** What a metric counts or measures; OpenTelemetry's unit is made of it. `flag` is 0 or 1. */
export type MetricUnit = 's' | 'ms' | 'bytes' | 'ratio' | 'flag' | CountedThing;

export interface MetricSpec {
  readonly kind: 'counter' | 'gauge' | 'histogram';
  readonly unit: MetricUnit;
  readonly labels: readonly string[];
  readonly help: string;
  readonly buckets?: readonly number[];
  /** Distinct sets of labels kept; those past it are counted together, their labels `other`. */
  readonly maxSeries: number;
}

const latencyMs = [1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 2000, 5000, 10000];
const callMs = [1, 5, 20, 100, 500, 2000];
const usualSeries = 24;
const spec = (kind: MetricSpec['kind'], unit: MetricUnit, help: string, labels: string[]): MetricSpec => ({
  kind,
  unit,
  help,
  labels,
  maxSeries: labels.length === 0 ? 1 : usualSeries,
});
const counter = (unit: MetricUnit, help: string, ...labels: string[]) => spec('counter', unit, help, labels);
const gauge = (unit: MetricUnit, help: string, ...labels: string[]) => spec('gauge', unit, help, labels);
const histogram = (unit: MetricUnit, help: string, buckets: readonly number[], ...labels: string[]) => ({
  ...spec('histogram', unit, help, labels),
  buckets,
});
/** A metric with more or fewer sets of labels than usual. */
const upTo = (maxSeries: number, metric: MetricSpec): MetricSpec => ({ ...metric, maxSeries });

/** Values of the label `site` that a metric tells apart; the sites past them are `other`. */
export const maxSites = 50;

/**
 * Every metric, declared once: `/metrics`, OpenTelemetry and `docs/metrics.md` are made of it. Labels are bounded:
 * nothing per miner, address or shard.
 */
export const metricTable = {
  // Polling
  headframe_samples_scheduled_total: counter('samples', 'Samples scheduled: one per known miner and slot.'),
  headframe_samples_skipped_total: counter('samples', 'Samples not taken, by reason.', 'reason'),
  headframe_samples_total: counter('samples', 'Samples taken, by the state of the miner.', 'state'),
  headframe_slots_total: counter('slots', 'Slot jobs, by outcome.', 'outcome'),
  headframe_poll_cycle_seconds: histogram(
    's',
    "Time from the start of a shard's slot job to its last sample.",
    [0.1, 0.2, 0.5, 1, 2, 5, 10, 20, 30, 60],
  ),
  miner_poll_latency_ms: upTo(
    64,
    histogram('ms', 'Time from connect to the last reply of a miner, ms.', latencyMs, 'family'),
  ),
  miner_poll_errors_total: counter('polls', 'Polls that gave no reading, by class of error.', 'type'),
  headframe_reply_repairs_total: counter('repairs', 'Repairs made while reading replies, by kind.', 'kind'),
  headframe_unreadable_replies_total: counter('replies', 'Answers that are no reply, by shape.', 'shape'),
  headframe_damaged_replies_total: upTo(
    300,
    counter(
      'replies',
      'Replies that had to be repaired or could not be read, by family and kind of damage (`several` for more than one).',
      'family',
      'damage',
    ),
  ),
  headframe_reply_fingerprints: gauge(
    'fingerprints',
    'Distinct fingerprints of unreadable or repaired replies seen.',
  ),
  headframe_known_miners: gauge('miners', 'Miners that have answered at least once.'),
  headframe_plan_shards: gauge('shards', 'Shards of all plans in force.'),
  headframe_plan_changes_total: counter('plans', 'Plans that the api told and that came into force.'),
  headframe_plan_faults_total: counter(
    'failures',
    'What kept a plan of the api from being followed or kept, by reason: not_fetched, key_refused, refused (its ranges), file_damaged, file_not_written.',
    'reason',
  ),
  headframe_poll_threads_busy: gauge('tasks', 'Poll tasks running.'),
  headframe_queue_jobs: gauge('jobs', 'Slot jobs waiting.'),
  headframe_shared_profiles_total: counter(
    'shards',
    'Profiles of shards exchanged with other pollers, by outcome: read, written, older (there was something newer), too_large, no_room (Redis is nearly full), failed.',
    'outcome',
  ),
  // Delivery
  headframe_spool_bytes: gauge('bytes', 'Bytes in the spool.'),
  headframe_spool_files: gauge('batches', 'Batches in the spool.'),
  headframe_spool_rows: gauge('samples', 'Samples in the spool.'),
  headframe_spool_start_rows: gauge('samples', 'Samples that were in the spool when this process started.'),
  headframe_samples_in_flight: gauge('samples', 'Samples taken and neither in the spool nor answered for.'),
  headframe_spool_oldest_seconds: gauge('s', 'Age of the oldest batch in the spool.'),
  headframe_spool_dropped_rows_total: counter(
    'samples',
    'Samples dropped by the spool, by reason.',
    'reason',
  ),
  headframe_spool_quarantined_total: counter(
    'files',
    'Spool files put into quarantine, by reason.',
    'reason',
  ),
  headframe_uploads_total: counter('requests', 'Upload attempts of this edge, by outcome.', 'outcome'),
  headframe_upload_rows_total: counter('samples', 'Samples the api answered for, by outcome.', 'outcome'),
  headframe_upload_key_refused: gauge('flag', "1 while the api refuses this edge's key."),
  headframe_conservation_error: gauge(
    'samples',
    'scheduled + spooled at start − (stored + duplicate + rejected + skipped + dropped + in spool + in flight). Always 0.',
  ),
  // Ingest
  collector_upload_total: upTo(
    400,
    counter('requests', 'Uploads received, by site and outcome.', 'site', 'outcome'),
  ),
  collector_upload_latency_ms: histogram('ms', 'Upload processing time, ms.', latencyMs),
  headframe_ingest_rows_total: counter('rows', 'Rows by outcome of ingest.', 'outcome'),
  headframe_ingest_rejected_total: counter('rows', 'Rows rejected at ingest, by reason.', 'reason'),
  headframe_ingest_inflight_bytes: gauge('bytes', 'Bytes of upload bodies held in memory.'),
  headframe_http_requests_total: upTo(
    400,
    counter('requests', 'HTTP requests, by route and status.', 'route', 'status'),
  ),
  // Reads
  headframe_reads_total: counter(
    'reads',
    'Reads answered, by where the answer came from: memory, redis, database, or stale (the database did not answer).',
    'source',
  ),
  headframe_redis_misses_total: counter(
    'calls',
    'Calls for caches and counters that Redis did not answer, by use.',
    'use',
  ),
  headframe_csv_exports: gauge('streams', 'CSV streams under way.'),
  headframe_clock_skew_seconds: upTo(
    maxSites + 1,
    gauge('s', 'Arrival time minus newest sample time of the last upload.', 'site'),
  ),
  headframe_fresh_data_ratio: upTo(
    maxSites + 1,
    gauge('ratio', 'Share of the known miners with a sample in the last two slots, by site.', 'site'),
  ),
  headframe_fresh_online_ratio: upTo(
    maxSites + 1,
    gauge(
      'ratio',
      'Share of the miners that answered when last asked with a sample in the last two slots, by site.',
      'site',
    ),
  ),
  headframe_upload_age_seconds: upTo(
    maxSites + 1,
    gauge('s', 'Time since the last upload of a site that has a key, by site.', 'site'),
  ),
  headframe_poll_interval_seconds: upTo(maxSites + 1, gauge('s', 'Time between slots, by site.', 'site')),
  // Alerts
  headframe_alerts: gauge('alerts', 'Unresolved alerts, by state and severity.', 'state', 'severity'),
  headframe_alert_evaluations_total: counter(
    'runs',
    'Evaluations of alert rules, by outcome (`done`, `elsewhere` for another instance, `failed`).',
    'outcome',
  ),
  headframe_alert_evaluation_seconds: histogram(
    's',
    'Time to hold all rules against the readings and write what follows.',
    [0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 15],
  ),
  headframe_alert_transitions_total: counter('alerts', 'Alerts opened and resolved.', 'transition'),
  headframe_notifications_total: counter(
    'notices',
    'Notices told, by kind of notifier and outcome (`sent`, `retried`, `dead`).',
    'kind',
    'outcome',
  ),
  headframe_notifications_waiting: gauge('notices', 'Notices in the outbox that wait or are held back.'),
  // Commands
  command_created_total: counter('commands', 'Commands taken, by type.', 'type'),
  command_execution_total: upTo(
    60,
    counter('commands', 'Commands that ended, by type and status.', 'type', 'status'),
  ),
  command_execution_seconds: upTo(
    10,
    histogram(
      's',
      'Time from handing a command out to its result.',
      [0.1, 0.2, 0.5, 1, 2, 5, 10, 30, 60, 300, 900],
      'type',
    ),
  ),
  command_confirmation_total: counter(
    'commands',
    'Completed commands that later samples confirmed, or did not in time, by type and outcome.',
    'type',
    'outcome',
  ),
  headframe_commands_open: gauge(
    'commands',
    'Commands pending or sent, by type and status.',
    'type',
    'status',
  ),
  headframe_command_leases_ended_total: counter(
    'commands',
    'Commands whose collector gave no result in time, by type.',
    'type',
  ),
  headframe_edge_commands_total: counter(
    'commands',
    'Commands this edge ended, by type and outcome.',
    'type',
    'outcome',
  ),
  headframe_edge_command_seconds: upTo(
    10,
    histogram(
      's',
      'Time this edge took to execute a command.',
      [0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 20, 30, 60],
      'type',
    ),
  ),
  headframe_edge_commands_running: gauge('commands', 'Commands this edge has in hand.'),
  headframe_edge_commands_unreported: gauge(
    'commands',
    'Results of commands that the api does not have yet.',
  ),
  headframe_edge_commands_key_refused: upTo(
    maxSites + 1,
    gauge('flag', "1 while the api refuses this edge's key for commands, by site.", 'site'),
  ),
  headframe_edge_command_journal_errors_total: counter(
    'failures',
    'Times the journal of commands could not be written.',
  ),
  headframe_command_polls_waiting: gauge('requests', 'Polls of collectors that wait for commands.'),
  // Database
  headframe_db_deadlines_total: counter('calls', 'Database calls that passed their deadline.'),
  headframe_db_pool_replacements_total: counter('pools', 'Times the connection pool was replaced.'),
  headframe_db_call_ms: upTo(120, histogram('ms', 'Database call time, ms.', callMs, 'call')),
  headframe_partitions_dropped_total: counter('partitions', 'Partitions or chunks dropped by retention.'),
  headframe_retention_lag_seconds: gauge(
    's',
    'How long the oldest part of the history could have been dropped and was still there after the last run.',
  ),
  headframe_rollup_runs_total: counter(
    'runs',
    'Runs of the rollups, by outcome (`done`, `failed`, `skipped`).',
    'outcome',
  ),
  headframe_rollup_buckets_total: counter('buckets', 'Buckets computed, by rollup.', 'rollup'),
  headframe_rollup_lag_seconds: gauge(
    's',
    'How long the oldest bucket that the last run computed, or left, was past its turn.',
  ),
  // Cluster
  headframe_heartbeats_total: counter(
    'requests',
    'Heartbeats of this process to the api, by outcome (`sent`, `dropped`, `refused`, `absent`, `too_large`).',
    'outcome',
  ),
  headframe_cluster_members: gauge(
    'members',
    'Members of the cluster as the database knows them, by role and state (`up`, `draining`, `left`, `lost`).',
    'role',
    'state',
  ),
  headframe_cluster_shards: gauge(
    'shards',
    'Shards as the database knows them, by state (`current`, `late`, `waiting` for their first slot).',
    'state',
  ),
  headframe_cluster_unreached_zones: gauge(
    'zones',
    'Zones of a site with shards that no live poller takes jobs of.',
  ),
  // Process
  headframe_thread_use_ratio: gauge(
    'ratio',
    'Share of the time since the last scrape in which worker threads were at work, by pool (`poll`, `ingest`).',
    'pool',
  ),
  headframe_actor_restarts_total: counter('restarts', 'Actor restarts after a crash.', 'actor'),
  headframe_mailbox_shed_total: counter('messages', 'Messages refused by a full mailbox.', 'actor'),
  headframe_otel_faults_total: counter(
    'faults',
    'What OpenTelemetry complained of (an export that failed, spans dropped), by level.',
    'level',
  ),
  headframe_sse_clients: gauge('streams', 'Open event streams.'),
} as const satisfies Record<string, MetricSpec>;

export type MetricName = keyof typeof metricTable;
