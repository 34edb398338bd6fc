export interface MetricSpec {
  readonly kind: 'counter' | 'gauge' | 'histogram';
  readonly labels: readonly string[];
  readonly help: string;
  readonly buckets?: readonly number[];
}

const latencyMs = [1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 2000, 5000, 10000];
const counter = (help: string, ...labels: string[]): MetricSpec => ({ kind: 'counter', help, labels });
const gauge = (help: string, ...labels: string[]): MetricSpec => ({ kind: 'gauge', help, labels });
const histogram = (help: string, buckets: readonly number[], ...labels: string[]): MetricSpec => ({
  kind: 'histogram',
  help,
  labels,
  buckets,
});

/** Every metric, declared once. `docs/metrics.md` is generated from it. Labels are bounded: nothing per miner. */
export const metricTable = {
  // Polling
  headframe_samples_scheduled_total: counter('Samples scheduled: one per known miner and slot.'),
  headframe_samples_skipped_total: counter('Samples not taken, by reason.', 'reason'),
  headframe_samples_total: counter('Samples taken, by the state of the miner.', 'state'),
  headframe_slots_total: counter('Slot jobs, by outcome.', 'outcome'),
  headframe_poll_cycle_seconds: histogram(
    "Time from the start of a shard's slot job to its last sample.",
    [0.1, 0.2, 0.5, 1, 2, 5, 10, 20, 30, 60],
  ),
  miner_poll_latency_ms: histogram(
    'Time from connect to the last reply of a miner, ms.',
    latencyMs,
    'family',
  ),
  miner_poll_errors_total: counter('Polls that gave no reading, by class of error.', 'type'),
  headframe_reply_repairs_total: counter('Repairs made while reading replies, by kind.', 'kind'),
  headframe_unreadable_replies_total: counter('Answers that are no reply, by shape.', 'shape'),
  headframe_damaged_replies_total: counter(
    'Replies that had to be repaired or could not be read, by family and kind of damage (`several` for more than one).',
    'family',
    'damage',
  ),
  headframe_reply_fingerprints: gauge('Distinct fingerprints of unreadable or repaired replies seen.'),
  headframe_known_miners: gauge('Miners that have answered at least once.'),
  headframe_poll_threads_busy: gauge('Poll tasks running.'),
  headframe_queue_jobs: gauge('Slot jobs waiting.'),
  headframe_shared_profiles_total: counter(
    'Profiles of shards exchanged with other pollers, by outcome: read, written, older (there was something newer), too_large, no_room (Redis is nearly full), failed.',
    'outcome',
  ),
  // Delivery
  headframe_spool_bytes: gauge('Bytes in the spool.'),
  headframe_spool_files: gauge('Batches in the spool.'),
  headframe_spool_rows: gauge('Samples in the spool.'),
  headframe_spool_start_rows: gauge('Samples that were in the spool when this process started.'),
  headframe_samples_in_flight: gauge('Samples taken and neither in the spool nor answered for.'),
  headframe_spool_oldest_seconds: gauge('Age of the oldest batch in the spool.'),
  headframe_spool_dropped_rows_total: counter('Samples dropped by the spool, by reason.', 'reason'),
  headframe_spool_quarantined_total: counter('Spool files put into quarantine, by reason.', 'reason'),
  headframe_uploads_total: counter('Upload attempts of this edge, by outcome.', 'outcome'),
  headframe_upload_rows_total: counter('Samples the api answered for, by outcome.', 'outcome'),
  headframe_upload_key_refused: gauge("1 while the api refuses this edge's key."),
  headframe_conservation_error: gauge(
    'scheduled + spooled at start − (stored + duplicate + rejected + skipped + dropped + in spool + in flight). Always 0.',
  ),
  // Ingest
  collector_upload_total: counter('Uploads received, by site and outcome.', 'site', 'outcome'),
  collector_upload_latency_ms: histogram('Upload processing time, ms.', latencyMs),
  headframe_ingest_rows_total: counter('Rows by outcome of ingest.', 'outcome'),
  headframe_ingest_rejected_total: counter('Rows rejected at ingest, by reason.', 'reason'),
  headframe_ingest_inflight_bytes: gauge('Bytes of upload bodies held in memory.'),
  headframe_http_requests_total: counter('HTTP requests, by route and status.', 'route', 'status'),
  // Reads
  headframe_reads_total: counter(
    'Reads answered, by where the answer came from: memory, redis, database, or stale (the database did not answer).',
    'source',
  ),
  headframe_redis_misses_total: counter(
    'Calls for caches and counters that Redis did not answer, by use.',
    'use',
  ),
  headframe_csv_exports: gauge('CSV streams under way.'),
  headframe_clock_skew_seconds: gauge('Arrival time minus newest sample time of the last upload.', 'site'),
  // Alerts
  headframe_alerts: gauge('Unresolved alerts, by state and severity.', 'state', 'severity'),
  headframe_alert_evaluations_total: counter(
    'Evaluations of alert rules, by outcome (`done`, `elsewhere` for another instance, `failed`).',
    'outcome',
  ),
  headframe_alert_evaluation_seconds: histogram(
    'Time to hold all rules against the readings and write what follows.',
    [0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 15],
  ),
  headframe_alert_transitions_total: counter('Alerts opened and resolved.', 'transition'),
  headframe_notifications_total: counter(
    'Notices told, by kind of notifier and outcome (`sent`, `retried`, `dead`).',
    'kind',
    'outcome',
  ),
  headframe_notifications_waiting: gauge('Notices in the outbox that wait or are held back.'),
  // Commands
  command_created_total: counter('Commands taken, by type.', 'type'),
  command_execution_total: counter('Commands that ended, by type and status.', 'type', 'status'),
  command_execution_seconds: histogram(
    'Time from handing a command out to its result.',
    [0.1, 0.2, 0.5, 1, 2, 5, 10, 30, 60, 300, 900],
    'type',
  ),
  command_confirmation_total: counter(
    'Completed commands that later samples confirmed, or did not in time, by type and outcome.',
    'type',
    'outcome',
  ),
  headframe_commands_open: gauge('Commands pending or sent, by type and status.', 'type', 'status'),
  headframe_command_leases_ended_total: counter(
    'Commands whose collector gave no result in time, by type.',
    'type',
  ),
  headframe_edge_commands_total: counter('Commands this edge ended, by type and outcome.', 'type', 'outcome'),
  headframe_edge_command_seconds: histogram(
    'Time this edge took to execute a command.',
    [0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 20, 30, 60],
    'type',
  ),
  headframe_edge_commands_running: gauge('Commands this edge has in hand.'),
  headframe_edge_commands_unreported: gauge('Results of commands that the api does not have yet.'),
  headframe_edge_commands_key_refused: gauge(
    "1 while the api refuses this edge's key for commands, by site.",
    'site',
  ),
  headframe_edge_command_journal_errors_total: counter('Times the journal of commands could not be written.'),
  headframe_command_polls_waiting: gauge('Polls of collectors that wait for commands.'),
  // Database
  headframe_db_deadlines_total: counter('Database calls that passed their deadline.'),
  headframe_db_pool_replacements_total: counter('Times the connection pool was replaced.'),
  headframe_db_call_ms: histogram('Database call time, ms.', latencyMs, 'call'),
  headframe_partitions_dropped_total: counter('Partitions or chunks dropped by retention.'),
  headframe_rollup_runs_total: counter('Runs of the rollups, by outcome.', 'outcome'),
  headframe_rollup_buckets_total: counter('Buckets computed, by rollup.', 'rollup'),
  headframe_rollup_lag_seconds: gauge(
    'How long the oldest bucket of the last run was past its turn when it was computed.',
  ),
  // Process
  headframe_actor_restarts_total: counter('Actor restarts after a crash.', 'actor'),
  headframe_mailbox_shed_total: counter('Messages refused by a full mailbox.', 'actor'),
  headframe_sse_clients: gauge('Open event streams.'),
} as const satisfies Record<string, MetricSpec>;

export type MetricName = keyof typeof metricTable;
