import { pathTo, sitesVariable, type Board } from './kit/board.js';
import { limits, units } from './kit/fields.js';
import { series, table, values } from './kit/panels.js';
import { prom, quantile, rate, sqlRows, sqlSeries } from './kit/queries.js';
import { chosenSites } from './kit/sql.js';

const inSites = (column: string): string => `${column} in (${chosenSites})`;
const minerLink = {
  title: 'Miner',
  url: pathTo('miner', 'var-site=${__data.fields.number}&var-miner=${__value.raw}'),
};

export const commandsBoard: Board = {
  name: 'commands',
  title: 'Headframe · Commands and alerts',
  description: 'What is wrong and who was told, what was ordered and what became of it.',
  variables: [sitesVariable],
  from: 'now-7d',
  refresh: '1m',
  rows: [
    {
      title: 'Alerts',
      panels: [
        values({
          title: 'Open alerts',
          description: 'By severity, and how many nobody has acknowledged.',
          queries: [
            sqlRows(`select count(*) filter (where severity = 'critical') as "critical",
  count(*) filter (where severity = 'warning') as "warning",
  count(*) filter (where acknowledged_at is null and not is_silenced) as "not acknowledged",
  count(*) filter (where is_silenced) as "in maintenance"
from alerts where ${inSites('site_id')} and resolved_at is null`),
          ],
          span: 12,
          fields: {
            critical: { steps: limits.none },
            warning: { steps: limits.some },
            'not acknowledged': { steps: limits.some },
          },
        }),
        values({
          title: 'Telling people',
          description: 'Notices of the last day: told, waiting, and dead letters, which nobody got.',
          queries: [
            sqlRows(`select count(*) filter (where state = 'sent') as "sent",
  count(*) filter (where state in ('queued', 'held')) as "waiting", count(*) filter (where state = 'dead') as "dead"
from notification_outbox where created_at > now() - interval '1 day'`),
          ],
          span: 12,
          fields: { dead: { steps: limits.none } },
        }),
        table({
          title: 'Open alerts by kind',
          description: 'With the oldest of each.',
          queries: [
            sqlRows(`select s.name as "site", a.kind as "kind", a.severity as "severity", count(*) as "alerts",
  min(a.triggered_at) as "since"
from alerts a join sites s using (site_id)
where ${inSites('a.site_id')} and a.resolved_at is null group by 1, 2, 3 order by 4 desc limit 100`),
          ],
          span: 10,
        }),
        table({
          title: 'Open alerts',
          description: 'Critical ones first, then the newest.',
          queries: [
            sqlRows(`select a.triggered_at as "since", s.name as "site", m.key as "miner", a.severity as "severity",
  a.kind as "kind", a.message as "message", a.value as "value", a.threshold as "threshold",
  a.acknowledged_by as "acknowledged by", a.site_id as "number"
from alerts a join sites s using (site_id) left join miners m on m.miner_id = a.miner_id
where ${inSites('a.site_id')} and a.resolved_at is null
order by a.severity = 'critical' desc, a.triggered_at desc limit 500`),
          ],
          span: 14,
          fields: { miner: { link: minerLink }, number: { isHidden: true } },
        }),
        series({
          title: 'Alerts opened',
          description: 'By kind, in each step.',
          queries: [
            sqlSeries(`select $__timeGroupAlias(a.triggered_at, $__interval, 0), a.kind as metric, count(*) as value
from alerts a where ${inSites('a.site_id')} and $__timeFilter(a.triggered_at) group by 1, 2 order by 1`),
          ],
          span: 8,
          min: 0,
          interval: '5m',
          isBars: true,
          isStacked: true,
        }),
        series({
          title: 'How long alerts stay open',
          description: 'Median of those that ended, by severity, at the time they ended.',
          queries: [
            sqlSeries(`select $__timeGroupAlias(a.resolved_at, $__interval), a.severity as metric,
  percentile_cont(0.5) within group (order by extract(epoch from a.resolved_at - a.triggered_at)) as value
from alerts a where ${inSites('a.site_id')} and $__timeFilter(a.resolved_at) group by 1, 2 order by 1`),
          ],
          span: 8,
          unit: units.seconds,
          min: 0,
          interval: '1h',
        }),
        series({
          title: 'Evaluations and notices',
          description: 'Failed evaluations: no alerts meanwhile. Dead notices: someone was not told.',
          queries: [
            prom(rate('headframe_alert_evaluations_total', 'outcome'), 'evaluation {{outcome}}'),
            prom(rate('headframe_notifications_total', 'kind, outcome'), '{{kind}} {{outcome}}'),
          ],
          span: 8,
          unit: units.perSecond,
          min: 0,
        }),
      ],
    },
    {
      title: 'Commands',
      panels: [
        values({
          title: 'Commands now, and of the last day',
          description:
            'Pending ones wait for their miner, another command or approval. Unknown: the collector ended in the middle; look at the miner before it is told again.',
          queries: [
            sqlRows(`select count(*) filter (where status = 'pending') as "pending", count(*) filter (where status = 'sent') as "sent",
  count(*) filter (where status = 'completed') as "completed", count(*) filter (where status = 'failed') as "failed",
  count(*) filter (where status = 'rejected') as "rejected", count(*) filter (where status = 'expired') as "expired",
  count(*) filter (where status = 'unknown') as "unknown",
  count(*) filter (where confirmation = 'not_confirmed') as "not confirmed"
from miner_commands where ${inSites('site_id')} and (ended_at is null or ended_at > now() - interval '1 day')`),
          ],
          span: 24,
          fields: {
            failed: { steps: limits.some },
            expired: { steps: limits.some },
            unknown: { steps: limits.none },
            'not confirmed': { steps: limits.some },
          },
        }),
        series({
          title: 'Commands by what became of them',
          description: 'At the time they were given.',
          queries: [
            sqlSeries(`select $__timeGroupAlias(c.created_at, $__interval, 0), c.status as metric, count(*) as value
from miner_commands c where ${inSites('c.site_id')} and $__timeFilter(c.created_at) group by 1, 2 order by 1`),
          ],
          span: 8,
          min: 0,
          interval: '5m',
          isBars: true,
          isStacked: true,
        }),
        series({
          title: 'Time to a result, p95',
          description: 'From handing a command out, by type.',
          queries: [prom(quantile(0.95, 'command_execution_seconds', 'type'), '{{type}}')],
          span: 8,
          unit: units.seconds,
          min: 0,
        }),
        series({
          title: 'Open commands, leases that ended',
          description: 'Leases: a collector took a command and told no result in time.',
          queries: [
            prom('max by (type, status) (headframe_commands_open)', '{{type}} {{status}}'),
            prom(
              'sum by (type) (increase(headframe_command_leases_ended_total[$__rate_interval]))',
              'lease ended: {{type}}',
            ),
          ],
          span: 8,
          min: 0,
        }),
        table({
          title: 'Commands that wait',
          description: 'And for what: the miner, another command, approval or their wave.',
          queries: [
            sqlRows(`select s.name as "site", coalesce(w.waits_for, 'a collector') as "waits for", count(*) as "commands",
  min(w.expires_at) as "first expires"
from waiting_commands w join sites s using (site_id)
where ${inSites('w.site_id')} group by 1, 2 order by 3 desc`),
          ],
          span: 8,
        }),
        table({
          title: 'Batches',
          description: 'The newest first.',
          queries: [
            sqlRows(`select b.created_at as "time", s.name as "site", b.kind as "command", b.state as "state", b.total as "miners",
  b.wave as "wave", b.created_by as "by", b.approved_by as "approved by", b.ended_because as "ended because"
from command_batches b join sites s using (site_id)
where ${inSites('b.site_id')} and $__timeFilter(b.created_at) order by b.batch_id desc limit 100`),
          ],
          span: 16,
        }),
        table({
          title: 'Commands that went wrong',
          description:
            'Failed, rejected, expired, unknown or not confirmed, the newest first, within the time chosen.',
          queries: [
            sqlRows(`select c.created_at as "time", s.name as "site", c.miner_key as "miner", c.kind as "command",
  c.status as "status", c.confirmation as "confirmation", c.attempts as "attempts", c.created_by as "by",
  c.site_id as "number"
from miner_commands c join sites s using (site_id)
where ${inSites('c.site_id')} and $__timeFilter(c.created_at)
  and (c.status in ('failed', 'rejected', 'expired', 'unknown') or c.confirmation = 'not_confirmed')
order by c.command_id desc limit 500`),
          ],
          span: 24,
          fields: { miner: { link: minerLink }, number: { isHidden: true } },
        }),
      ],
    },
  ],
};
