import { z } from 'zod';
import { defaultHealthThresholds } from '../domain/health.js';
import { logLevels } from '../telemetry/logger.js';
import { roles } from '../domain/principal.js';
import { alerts } from './alerts-schema.js';
import { cluster, poller } from './cluster-schema.js';
import { commands } from './commands-schema.js';
import { auth, tls } from './auth-schema.js';
import { retention, rollups } from './kept-schema.js';
import { oidc } from './oidc-schema.js';
import { group, int, ratio, text } from './fields.js';
import { credential, namedSecret, site } from './site-schema.js';
import { metrics, otel } from './telemetry-schema.js';

const h = defaultHealthThresholds;
/** Every setting, with its default, unit and meaning. `docs/configuration.md` is generated from it. */
export const configSchema = z.strictObject({
  data_dir: z
    .string()
    .min(1)
    .default('./data')
    .describe('Folder for the spool, learned profiles and the embedded database.'),
  allow_loopback: z.boolean().default(false).describe('Accept loopback ranges: for simulated miners.'),
  shutdown_ms: int(500, 60_000, 10_000, 'Bound of a graceful shutdown, ms.'),
  log_level: z.enum(logLevels).default('info').describe('Least level logged to stderr.'),
  sites: z.array(site).max(1000).default([]).describe('The farms to poll.'),
  credentials: z
    .array(credential)
    .max(10_000)
    .default([])
    .describe('Logins of web interfaces and of what miners are written to by, on every site.'),
  secrets: z
    .array(namedSecret)
    .max(1_000)
    .default([])
    .describe('Secrets of notifiers, by name: the database holds none.'),
  database: group(
    {
      url: text(
        'PostgreSQL URL (secret; also `DATABASE_URL`). Absent: `up` and `demo` run an embedded PostgreSQL.',
      ),
      url_file: text('File holding the URL.'),
      pool_size: int(1, 200, 8, 'Connections of one process.'),
      deadline_ms: int(
        100,
        120_000,
        1_800,
        'Deadline of one database call, ms; under 2 s, so that a 503 is not late.',
      ),
      connect_timeout_ms: int(100, 60_000, 2_000, 'Bound of connecting, ms.'),
      max_waiting: int(1, 100_000, 200, 'Calls that may wait for a connection; one more is refused.'),
    },
    'Where rows go.',
  ),
  redis: group(
    {
      url: text(
        'Redis URL (secret; also `REDIS_URL`): the work queue of `coordinator` and `poller`, caches and rate limits of `api`.',
      ),
      url_file: text('File holding the URL.'),
      password_file: text('File holding the password, where the URL has none.'),
      ca_file: text(
        "Certificates to trust of a `rediss://` server, PEM, in place of the system's; for an authority of one's own.",
      ),
      deadline_ms: int(50, 60_000, 2_000, 'Deadline of one call, ms.'),
      cache_deadline_ms: int(
        5,
        5_000,
        150,
        'Deadline of one call for a cache or rate limit of the api, ms; without an answer it does without.',
      ),
    },
    'The shared work queue, and what instances of the api share.',
  ),
  queue: group(
    {
      max_waiting: int(
        1,
        1_000_000,
        10_000,
        'Jobs that may wait in a zone; one more is dropped and counted.',
      ),
      remember_s: int(
        10,
        86_400,
        60,
        'How long Redis keeps a finished job, s; that a slot was polled is remembered longer, with its shard.',
      ),
    },
    'Slot jobs between coordinators and pollers.',
  ),
  shared_profiles: group(
    {
      every_s: int(
        1,
        86_400,
        120,
        'A shard that was polled is written at most so often, and looked for as often, s; always before the first poll.',
      ),
      ttl_h: int(1, 8_760, 168, 'A shard that nobody polls is forgotten after this time, h.'),
      max_bytes: int(
        1_024,
        16_777_216,
        262_144,
        'Bytes of one shard, compressed; more is not shared. 256 miners take some 10,000.',
      ),
      memory_ratio: ratio(
        0.75,
        'Nothing is written while Redis uses more than this share of its `maxmemory`: jobs come first.',
      ),
    },
    'What pollers tell each other of miners, through Redis.',
  ),
  plan: group(
    {
      wait_s: int(0, 60, 25, 'How long a collector lets the api hold its look for another plan, s.'),
      answer_ms: int(500, 120_000, 10_000, 'Bound of an answer of the api, beside that wait, ms.'),
    },
    'What to poll, of sites with `plan: api`.',
  ),
  poll: group(
    {
      interval_s: int(1, 3600, 30, 'Poll interval, s.'),
      threads: int(0, 64, 0, 'Worker threads; 0: one per core.'),
      sockets_per_thread: int(1, 4096, 256, 'Sockets one thread keeps open at once.'),
      shards_per_thread: int(1, 1024, 32, 'Shards one thread works on at once.'),
      max_shards: int(1, 1_000_000, 20_000, 'Shards whose profiles one poller keeps in memory.'),
      max_queue: int(1, 100_000, 1024, 'Poll tasks that may wait for a thread.'),
      thread_heap_mb: int(32, 4096, 192, 'Heap of one thread, MiB; past it the thread is replaced.'),
      stuck_ms: int(1000, 60_000, 5_000, 'A thread that stands still so long is ended, ms.'),
      connect_timeout_ms: int(50, 60_000, 2_000, 'Bound of connecting to a miner, ms.'),
      miner_deadline_ms: int(100, 120_000, 5_000, 'Total for all commands of one miner, ms.'),
      max_reply_bytes: int(4096, 16_777_216, 1_048_576, 'Largest reply read, bytes.'),
      quiet_ms: int(
        20,
        5_000,
        200,
        'Silence that ends a complete reply on a socket the miner keeps open, ms.',
      ),
      flush_ms: int(100, 60_000, 2_000, 'Samples are spooled at least this often, ms.'),
      batch_rows: int(1, 50_000, 5_000, 'Samples in one batch.'),
      batch_bytes: int(65_536, 1_073_741_824, 4_194_304, 'Compressed bytes of one batch.'),
      backoff_slots: int(1, 10_000, 10, 'A dead miner is tried at least once in so many slots.'),
      scan_slots: int(1, 100_000, 30, 'An address that never answered is tried once in so many slots.'),
      identity_s: int(10, 864_000, 3600, 'How often a miner is asked again who it is, s.'),
      raw_s: int(
        10,
        864_000,
        3600,
        'How often raw replies travel along, s; also whenever the damage in them changes.',
      ),
      raw_bytes: int(0, 1_048_576, 16_384, 'Bytes kept of one raw reply.'),
      joins: z
        .enum(['auto', 'never'])
        .default('auto')
        .describe('Joined commands: learned per miner, or never used.'),
      http: z
        .enum(['auto', 'never'])
        .default('auto')
        .describe(
          'Web interfaces: read where the CGMiner API refuses the connection or answers nothing, or never.',
        ),
    },
    'How miners are polled.',
  ),
  health: group(
    {
      temperature_warning_c: z
        .number()
        .min(0)
        .max(200)
        .default(h.temperatureWarningC)
        .describe('Hottest sensor that makes a miner `warning`, °C.'),
      temperature_critical_c: z
        .number()
        .min(0)
        .max(200)
        .default(h.temperatureCriticalC)
        .describe('Hottest sensor that makes a miner `critical`, °C.'),
      hashrate_warning_ratio: ratio(
        h.hashrateWarningRatio,
        'Share of nominal hashrate below which a miner is `warning`.',
      ),
      hashrate_critical_ratio: ratio(
        h.hashrateCriticalRatio,
        'Share of nominal hashrate below which a miner is `critical`.',
      ),
      chips_warning_ratio: ratio(
        h.chipsWarningRatio,
        'Share of answering chips below which a board is `warning`.',
      ),
      chips_critical_ratio: ratio(
        h.chipsCriticalRatio,
        'Share of answering chips below which a board is `critical`.',
      ),
      fan_minimum_rpm: int(
        0,
        20_000,
        h.fanMinimumRpm,
        'A fan slower than this while mining has failed, rpm.',
      ),
    },
    'When a miner is healthy.',
  ),
  upload: group(
    {
      url: z
        .url({ protocol: /^https?$/ })
        .optional()
        .describe('Base URL of the api that `edge` and `poller` upload to.'),
      keys_dir: text(
        'Folder with the collector key of each site that has no other, in a file `SITE.key`; `headframe keys ensure` makes them.',
      ),
      concurrency: int(1, 64, 4, 'Uploads of one site at once.'),
      timeout_ms: int(500, 300_000, 15_000, 'Deadline of one upload, ms.'),
      live_buffer_bytes: int(
        65_536,
        1_073_741_824,
        16_777_216,
        'Bytes of fresh batches of one site kept in memory; more stay on disk only.',
      ),
      backoff_min_ms: int(
        10,
        60_000,
        1_000,
        'Least ceiling of the jittered delay after a failed upload, ms.',
      ),
      backoff_max_ms: int(100, 600_000, 60_000, 'Greatest ceiling of that delay, ms.'),
    },
    'Delivery to the api.',
  ),
  spool: group(
    {
      max_bytes: int(
        1_048_576,
        1_099_511_627_776,
        10_737_418_240,
        "Bytes of one site's spool; past it the oldest batch is dropped and counted.",
      ),
      max_age_h: int(
        1,
        72,
        72,
        'Age past which a batch is dropped and counted, h, and past which the api refuses a sample: never more than its ledger and its partitions reach back.',
      ),
      max_files: int(100, 10_000_000, 500_000, "Batches in one site's spool."),
      quarantine_max_bytes: int(
        0,
        1_099_511_627_776,
        268_435_456,
        'Bytes kept of what could not be delivered.',
      ),
    },
    'What waits on disk.',
  ),
  api: group(
    {
      host: z.string().default('127.0.0.1').describe('Address the api listens on.'),
      port: int(0, 65535, 8420, 'Port the api listens on; 0: any.'),
      rate_limit_per_minute: int(1, 10_000_000, 120, 'Requests of one collector key per minute.'),
      max_wire_bytes: int(1024, 1_073_741_824, 8_388_608, 'Largest body on the wire, bytes.'),
      max_inflated_bytes: int(1024, 1_073_741_824, 67_108_864, 'Largest body inflated, bytes.'),
      max_inflight_bytes: int(1024, 4_294_967_296, 67_108_864, 'Bytes of bodies held at once; over it 503.'),
      body_timeout_ms: int(100, 600_000, 30_000, 'A body must arrive within, ms.'),
      ingest_threads: int(1, 64, 1, 'Threads that inflate, parse and validate uploads.'),
      ingest_timeout_ms: int(
        100,
        600_000,
        10_000,
        'Bound of reading one upload, ms; past it its thread is replaced.',
      ),
      ingest_heap_mb: int(64, 8192, 512, 'Heap of one ingest thread, MiB.'),
      open_reads: z
        .boolean()
        .default(false)
        .describe('Answer reads to anyone, whoever they are: only behind a proxy that asks who it is.'),
      local_access: z
        .enum(['none', ...roles])
        .default('none')
        .describe(
          'What any program on this machine may do without signing in; `demo` presets `admin`. Without effect where `api.trust_proxy` is set.',
        ),
      trust_proxy: text(
        'Proxies whose `X-Forwarded-*` are believed: addresses and networks with commas between, `loopback`, `linklocal`, `uniquelocal`, or how many proxies stand in front.',
      ),
      insecure_http: z
        .boolean()
        .default(false)
        .describe(
          'Listen beyond loopback without TLS, and let people sign in so: passwords travel in clear.',
        ),
      max_history_points: int(
        1_000,
        1_000_000,
        20_000,
        'Points in one answer; past it a coarser resolution is taken.',
      ),
      max_csv_exports: int(1, 1_000, 4, 'CSV streams at once.'),
      max_event_streams: int(1, 100_000, 200, 'Open event streams.'),
      stale_intervals: int(2, 1000, 3, 'An online miner without a sample for so many intervals is stale.'),
    },
    'The HTTP api and the page.',
  ),
  auth,
  oidc,
  tls,
  retention,
  rollups,
  alerts,
  commands,
  poller,
  cluster,
  metrics,
  otel,
});

/** The effective settings. */
export type Config = z.infer<typeof configSchema>;
