import { sitesVariable, type Board } from './kit/board.js';
import { limits, units } from './kit/fields.js';
import { series, table, values } from './kit/panels.js';
import { prom, promNow, quantile, rate, sqlRows, sqlSeries } from './kit/queries.js';
import { chosenSites } from './kit/sql.js';

export const ingestBoard: Board = {
  name: 'ingest',
  title: 'Headframe · Ingest and database',
  description: 'What the api takes in and answers, and how the database keeps up.',
  variables: [sitesVariable],
  from: 'now-6h',
  refresh: '1m',
  rows: [
    {
      title: 'Ingest',
      panels: [
        values({
          title: 'Uploads now',
          description: 'The slowest 1 % of uploads takes longer than this. Over 500 ms it is an alert.',
          queries: [promNow('headframe:upload_latency_ms:p99_5m', 'p99')],
          span: 4,
          unit: units.ms,
          decimals: 0,
          steps: limits.latencyMs,
        }),
        values({
          title: 'Rows refused',
          description:
            'Share of the rows of the last ten minutes that were rejected. Over 1 % it is an alert.',
          queries: [promNow('headframe:ingest_rejected:ratio10m', 'rejected')],
          span: 4,
          unit: units.share,
          decimals: 2,
          steps: ['green', [0.001, 'orange'], [0.01, 'red']],
        }),
        values({
          title: 'Rollups behind',
          description:
            'How long the oldest bucket of the last run was past its turn. Over half an hour it is an alert.',
          queries: [promNow('max(headframe_rollup_lag_seconds)', 'lag')],
          span: 4,
          unit: units.seconds,
          steps: limits.lagS,
        }),
        table({
          title: 'Sites',
          description: 'What came in within the last hour.',
          queries: [
            sqlRows(`select s.name as "site", count(u.batch_id) as "batches", sum(u.stored) as "rows",
  sum(u.duplicate) as "duplicate", sum(u.rejected) as "rejected", sum(u.wire_bytes) as "bytes",
  percentile_cont(0.99) within group (order by u.processing_ms) as "p99",
  extract(epoch from now() - max(u.received_at)) as "last"
from sites s left join collector_upload_logs u on u.site_id = s.site_id and u.received_at > now() - interval '1 hour'
where s.site_id in (${chosenSites}) group by s.name order by s.name`),
          ],
          span: 12,
          height: 8,
          fields: {
            rejected: { steps: limits.some },
            bytes: { unit: units.bytes },
            p99: { unit: units.ms, decimals: 0, steps: limits.latencyMs },
            last: { unit: units.seconds, decimals: 0, steps: limits.age },
          },
        }),
        series({
          title: 'Uploads by outcome',
          description: 'Stored, duplicate, or the code of an error as in docs/errors.md.',
          queries: [prom(rate('collector_upload_total{site=~"$site"}', 'outcome'), '{{outcome}}')],
          span: 8,
          unit: units.perSecond,
          min: 0,
        }),
        series({
          title: 'Upload time',
          description: 'From the first byte to the commit.',
          queries: [
            prom(quantile(0.5, 'collector_upload_latency_ms'), 'median'),
            prom(quantile(0.99, 'collector_upload_latency_ms'), 'p99'),
          ],
          span: 8,
          unit: units.ms,
          min: 0,
          steps: limits.latencyMs,
        }),
        series({
          title: 'Rows by outcome',
          description: 'Duplicates are batches sent twice, and harmless.',
          queries: [prom('headframe:ingest_rows:rate5m', '{{outcome}}')],
          span: 8,
          unit: units.perSecond,
          min: 0,
        }),
        series({
          title: 'Rows refused by reason',
          description: 'As in docs/errors.md.',
          queries: [prom(rate('headframe_ingest_rejected_total', 'reason'), '{{reason}}')],
          span: 8,
          unit: units.perSecond,
          min: 0,
        }),
        series({
          title: 'Rows stored by site',
          description: 'From the log of uploads, which is kept a week.',
          queries: [
            sqlSeries(`select $__timeGroupAlias(u.received_at, $__interval, NULL), s.name as metric, sum(u.stored) as value
from collector_upload_logs u join sites s using (site_id)
where u.site_id in (${chosenSites}) and $__timeFilter(u.received_at)
group by 1, 2 order by 1`),
          ],
          span: 8,
          min: 0,
          interval: '1m',
          isStacked: true,
        }),
        series({
          title: 'Bodies in memory, clock of edges',
          description:
            'Bytes of uploads held, and arrival minus the newest sample time: below 0 the clock of an edge runs ahead.',
          queries: [
            prom('sum(headframe_ingest_inflight_bytes)', 'bytes held'),
            prom('max by (site) (headframe_clock_skew_seconds{site=~"$site"})', 'site {{site}}'),
          ],
          span: 8,
          unit: units.seconds,
          fields: { 'bytes held': { unit: units.bytes, isRight: true } },
        }),
      ],
    },
    {
      title: 'Requests',
      panels: [
        series({
          title: 'Answers by status',
          description: 'Of all routes.',
          queries: [prom(rate('headframe_http_requests_total', 'status'), '{{status}}')],
          span: 8,
          unit: units.perSecond,
          min: 0,
        }),
        series({
          title: 'Reads by source',
          description: 'Memory and Redis are caches; stale: the database did not answer in time.',
          queries: [prom(rate('headframe_reads_total', 'source'), '{{source}}')],
          span: 8,
          unit: units.perSecond,
          min: 0,
          isStacked: true,
        }),
        series({
          title: 'Open streams',
          description: 'Event streams, polls for commands and CSV exports under way.',
          queries: [
            prom('sum(headframe_sse_clients)', 'event streams'),
            prom('sum(headframe_command_polls_waiting)', 'polls for commands'),
            prom('sum(headframe_csv_exports)', 'CSV exports'),
          ],
          span: 8,
          min: 0,
        }),
      ],
    },
    {
      title: 'Database',
      panels: [
        series({
          title: 'Call time, p99',
          description: 'By call, waiting for a connection included.',
          queries: [prom(quantile(0.99, 'headframe_db_call_ms', 'call'), '{{call}}')],
          span: 12,
          unit: units.ms,
          min: 0,
          hasTable: true,
        }),
        series({
          title: 'Deadlines passed, pools replaced',
          description: 'Any: the database is slow, away, or was restarted.',
          queries: [
            prom('sum(increase(headframe_db_deadlines_total[$__rate_interval]))', 'deadlines'),
            prom('sum(increase(headframe_db_pool_replacements_total[$__rate_interval]))', 'pools replaced'),
            prom('sum(increase(headframe_redis_misses_total[$__rate_interval]))', 'Redis did not answer'),
          ],
          span: 12,
          min: 0,
          isBars: true,
        }),
        series({
          title: 'Rollups and retention',
          description:
            'Buckets computed, by rollup; how far the oldest was past its turn, and the oldest history past its time.',
          queries: [
            prom(rate('headframe_rollup_buckets_total', 'rollup'), '{{rollup}}'),
            prom('max(headframe_rollup_lag_seconds)', 'behind'),
            prom('max(headframe_retention_lag_seconds)', 'to be dropped'),
          ],
          span: 12,
          unit: units.perSecond,
          min: 0,
          fields: {
            behind: { unit: units.seconds, isRight: true },
            'to be dropped': { unit: units.seconds, isRight: true },
          },
        }),
        table({
          title: 'Work that waits, and what ran last',
          description: 'Rollups and retention; waiting buckets whose turn has not come are in order.',
          queries: [
            sqlRows(`select r.name as "work", r.ran_at as "last run", r.took_ms as "took", r.outcome::text as "outcome",
  case r.name when 'rollups' then (select count(*) from rollup_due) end as "waiting"
from maintenance_runs r order by r.name`),
          ],
          span: 12,
          height: 8,
          fields: { took: { unit: units.ms, decimals: 0 } },
        }),
        table({
          title: 'Tables',
          description:
            'Size, with all chunks or partitions that are not compressed, and rows as the planner estimates them.',
          queries: [
            sqlRows(`select c.relname as "table", count(p.oid) as "parts",
  sum(pg_total_relation_size(coalesce(p.oid, c.oid)))::float8 as "bytes",
  sum(greatest(coalesce(p.reltuples, c.reltuples), 0))::float8 as "rows"
from pg_class c left join pg_inherits i on i.inhparent = c.oid left join pg_class p on p.oid = i.inhrelid
where c.relnamespace = 'public'::regnamespace and c.relkind in ('r', 'p') and not c.relispartition
group by c.oid, c.relname order by 3 desc limit 20`),
          ],
          span: 24,
          fields: { bytes: { unit: units.bytes } },
        }),
      ],
    },
  ],
};
