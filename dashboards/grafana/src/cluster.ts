import { sitesVariable, type Board } from './kit/board.js';
import { limits, units } from './kit/fields.js';
import { series, table, values } from './kit/panels.js';
import { prom, promNow, quantile, rate, sqlRows, sqlSeries } from './kit/queries.js';
import { chosenSites } from './kit/sql.js';

export const clusterBoard: Board = {
  name: 'cluster',
  title: 'Headframe · Poller cluster',
  description:
    'Coordinators, pollers and edges: whether every slot is polled in time and every sample gets through.',
  variables: [sitesVariable],
  from: 'now-6h',
  refresh: '30s',
  rows: [
    {
      title: 'Now',
      panels: [
        values({
          title: 'Instances',
          description: 'Processes that Prometheus reaches, by job.',
          queries: [promNow('headframe:instances:up', '{{job}}')],
          span: 8,
        }),
        values({
          title: 'Miners known',
          description:
            'Miners that have answered a poller at least once. With shared shards one may count at two.',
          queries: [promNow('sum(headframe_known_miners)', 'known')],
          span: 4,
        }),
        values({
          title: 'Slots missed',
          description:
            'Share of the slots taken in the last ten minutes that came too late, gave way to others or met a dead thread.',
          queries: [promNow('headframe:slots_missed:ratio10m', 'missed')],
          span: 4,
          unit: units.share,
          decimals: 2,
          steps: ['green', [0.005, 'orange'], [0.05, 'red']],
        }),
        values({
          title: 'Oldest in a spool',
          description: 'Age of the oldest batch that waits for the api.',
          queries: [promNow('max(headframe_spool_oldest_seconds)', 'oldest')],
          span: 4,
          unit: units.seconds,
          steps: limits.age,
        }),
        values({
          title: 'Samples unaccounted for',
          description: 'The conservation law over all processes: anything but 0 is a defect.',
          queries: [promNow('sum(abs(headframe_conservation_error))', 'error')],
          span: 4,
          steps: limits.none,
        }),
      ],
    },
    {
      title: 'Members',
      panels: [
        table({
          title: 'Members',
          description:
            'Processes that told of themselves within the last day, and how long ago they did last.',
          queries: [
            sqlRows(`select s.name as "site", c.member_id as "member", c.role as "role", c.host as "host", c.state as "state",
  c.version as "version", array_to_string(c.zones, ', ') as "zones", c.started_at as "started",
  extract(epoch from now() - c.seen_at) as "told"
from cluster_members c join sites s using (site_id)
where c.site_id in (${chosenSites}) and c.seen_at > now() - interval '1 day' order by s.name, c.role, c.member_id`),
          ],
          span: 12,
          fields: {
            told: { unit: units.seconds, decimals: 0, steps: ['green', [30, 'orange'], [120, 'red']] },
          },
        }),
        table({
          title: 'Shards that are late',
          description: 'Those whose last slot is furthest past its interval, and who polled them last.',
          queries: [
            sqlRows(`select s.name as "site", c.ranges as "ranges", c.zone as "zone", c.state as "state", c.lag_s as "lag",
  c.polled_by as "polled by", c.samples as "samples", c.online as "online", c.skip_reason as "skipped because"
from cluster_shard_states c join sites s using (site_id)
where c.site_id in (${chosenSites}) order by c.lag_s desc nulls first limit 100`),
          ],
          span: 12,
          fields: { lag: { unit: units.seconds, decimals: 0, steps: limits.age } },
        }),
        series({
          title: 'Slots polled by member',
          description:
            'By the minute, of the last minutes that are kept. Shares far apart mean zones, or a slow poller.',
          queries: [
            sqlSeries(`select $__timeGroupAlias(c.minute, $__interval, 0), c.member_id as metric, sum(c.polled)::float8 as value
from cluster_slots c where c.site_id in (${chosenSites}) and $__timeFilter(c.minute) group by 1, 2 order by 1`),
          ],
          span: 24,
          min: 0,
          interval: '1m',
          isStacked: true,
        }),
      ],
    },
    {
      title: 'Slots',
      panels: [
        series({
          title: 'Slots by outcome',
          description: 'Added by coordinators, polled, or missed: late, overrun, overload, worker_failed.',
          queries: [prom(rate('headframe_slots_total', 'outcome'), '{{outcome}}')],
          span: 8,
          unit: units.perSecond,
          min: 0,
        }),
        series({
          title: 'Slots polled by instance',
          description: 'How even the work lies. Shares far apart mean zones, or a poller that is slow.',
          queries: [prom(rate('headframe_slots_total{outcome="polled"}', 'instance'), '{{instance}}')],
          span: 8,
          unit: units.perSecond,
          min: 0,
          isStacked: true,
        }),
        series({
          title: 'Slot jobs that wait',
          description: 'As coordinators see the queue. Growing: pollers are too few or away.',
          queries: [prom('max by (instance) (headframe_queue_jobs)', '{{instance}}')],
          span: 8,
          min: 0,
        }),
        series({
          title: 'Time to poll a shard',
          description: 'From the start of its job to its last sample. It must stay below the interval.',
          queries: [
            prom(quantile(0.5, 'headframe_poll_cycle_seconds'), 'median'),
            prom(quantile(0.99, 'headframe_poll_cycle_seconds'), 'p99'),
          ],
          span: 8,
          unit: units.seconds,
          min: 0,
        }),
        series({
          title: 'Threads at work',
          description:
            'Share of the time in which the threads of a pool work. Near 100 % there is no room for more miners.',
          queries: [prom('headframe_thread_use_ratio', '{{pool}} {{instance}}')],
          span: 8,
          unit: units.share,
          min: 0,
          max: 1,
          steps: ['green', [0.7, 'orange'], [0.9, 'red']],
        }),
        series({
          title: 'Event-loop lag, p99',
          description:
            'How late timers run. Over 50 ms a process has too much to do; over 200 ms it is an alert.',
          queries: [prom('nodejs_eventloop_lag_p99_seconds', '{{job}} {{instance}}')],
          span: 8,
          unit: units.seconds,
          min: 0,
          steps: ['green', [0.05, 'orange'], [0.2, 'red']],
        }),
      ],
    },
    {
      title: 'Miners',
      panels: [
        series({
          title: 'Samples by state',
          description: 'What miners said, per second.',
          queries: [prom(rate('headframe_samples_total', 'state'), '{{state}}')],
          span: 8,
          unit: units.perSecond,
          min: 0,
          isStacked: true,
        }),
        series({
          title: 'Samples not taken',
          description: 'By reason. Backoff: dead miners; late and overrun: pollers are too few.',
          queries: [prom(rate('headframe_samples_skipped_total', 'reason'), '{{reason}}')],
          span: 8,
          unit: units.perSecond,
          min: 0,
        }),
        series({
          title: 'Polls without a reading',
          description: 'By class of error, as in docs/errors.md.',
          queries: [prom(rate('miner_poll_errors_total', 'type'), '{{type}}')],
          span: 8,
          unit: units.perSecond,
          min: 0,
        }),
        series({
          title: 'Fresh data',
          description:
            'Share of the known miners with a sample in the last two slots, by site. Under 97 % look, under 90 % it is an alert.',
          queries: [prom('min by (site) (headframe_fresh_data_ratio)', 'site {{site}}')],
          span: 8,
          unit: units.share,
          max: 1,
          steps: limits.online,
        }),
        series({
          title: 'Answer time of miners, p95',
          description: 'From connecting to the last reply, by family of firmware.',
          queries: [prom(quantile(0.95, 'miner_poll_latency_ms', 'family'), '{{family}}')],
          span: 8,
          unit: units.ms,
          min: 0,
        }),
        series({
          title: 'Damaged replies',
          description: 'Repaired, or not to be read, by family and kind.',
          queries: [
            prom(rate('headframe_damaged_replies_total', 'family, damage'), '{{family}} {{damage}}'),
            prom(rate('headframe_unreadable_replies_total', 'shape'), 'unreadable {{shape}}'),
          ],
          span: 8,
          unit: units.perSecond,
          min: 0,
        }),
      ],
    },
    {
      title: 'Delivery',
      panels: [
        series({
          title: 'Uploads by outcome',
          description: 'Of edges and pollers. Retry: the api or the way to it is away; key_refused: the key.',
          queries: [prom(rate('headframe_uploads_total', 'outcome'), '{{outcome}}')],
          span: 8,
          unit: units.perSecond,
          min: 0,
        }),
        series({
          title: 'Spool',
          description: 'Bytes that wait, by instance.',
          queries: [prom('headframe_spool_bytes', '{{instance}}')],
          span: 8,
          unit: units.bytes,
          min: 0,
          isStacked: true,
        }),
        series({
          title: 'Age of the oldest batch',
          description: 'Growing: nothing gets through. Past spool.max_age the oldest is dropped.',
          queries: [prom('headframe_spool_oldest_seconds', '{{instance}}')],
          span: 8,
          unit: units.seconds,
          min: 0,
          steps: limits.age,
        }),
        series({
          title: 'Samples lost or put aside',
          description: 'Dropped by a full spool, or in a file that could not be read. Each has a reason.',
          queries: [
            prom(rate('headframe_spool_dropped_rows_total', 'reason'), 'dropped: {{reason}}'),
            prom(rate('headframe_spool_quarantined_total', 'reason'), 'quarantined: {{reason}}'),
          ],
          span: 12,
          unit: units.perSecond,
          min: 0,
        }),
        series({
          title: 'Parts started anew, messages shed',
          description: 'Parts that crashed, and mailboxes that were full.',
          queries: [
            prom(rate('headframe_actor_restarts_total', 'actor'), 'restart: {{actor}}'),
            prom(rate('headframe_mailbox_shed_total', 'actor'), 'shed: {{actor}}'),
          ],
          span: 12,
          unit: units.perSecond,
          min: 0,
        }),
      ],
    },
    {
      title: 'Processes',
      panels: [
        series({
          title: 'Memory',
          description: 'Resident, by instance. It must not grow with a backlog.',
          queries: [prom('process_resident_memory_bytes{job=~"headframe-.+"}', '{{job}} {{instance}}')],
          span: 12,
          unit: units.bytes,
          min: 0,
        }),
        series({
          title: 'Processor',
          description: 'Cores in use, by instance.',
          queries: [
            prom(
              'rate(process_cpu_seconds_total{job=~"headframe-.+"}[$__rate_interval])',
              '{{job}} {{instance}}',
            ),
          ],
          span: 12,
          min: 0,
        }),
      ],
    },
  ],
};
