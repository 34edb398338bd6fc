import type { FilledSite } from './filled-site.js';
import { ingestBatch, ingestRow } from './ingest-rows.js';
import type { TestStorage } from './storage.js';

/** Adds to a filled site what dashboards show besides samples: a change of pool, alerts, notices and commands. */
export async function fillForDashboards(storage: TestStorage, site: FilledSite): Promise<void> {
  const moved = ingestRow('10.1.0.1', new Date(site.endMs).toISOString(), {
    mac: null,
    ip: '10.1.0.1',
    accepted_shares: 10_000,
    rejected_shares: 40,
    pool_url: 'stratum+tcp://farm:x@other.example:3333',
  });
  await storage.store.writeBatch(ingestBatch([moved], storage.key));
  const [miner] = await storage.query<{ miner_id: number }>(
    "select miner_id from miners where key = '10.1.0.1'",
  );
  const { siteId } = site;
  const minerId = miner?.miner_id ?? 0;
  await storage.query(`
    insert into alerts (rule_id, site_id, miner_id, kind, severity, message, value, threshold, triggered_at, resolved_at)
    values (1, ${siteId}, ${minerId}, 'temperature', 'critical', 'is at 90 °C', 90, 85, now() - interval '50 minutes', null),
      (2, ${siteId}, ${minerId}, 'offline', 'warning', 'does not answer', 1, null, now() - interval '90 minutes',
        now() - interval '70 minutes');
    insert into notifiers (name, kind, target, min_severity, max_per_hour)
    values ('ops', 'webhook', '{"url": "https://hooks.example/secret"}', 'warning', 10);
    insert into notification_outbox (notification_id, notifier_id, event, payload, state, created_at, not_before, settled_at)
    select gen_random_uuid(), notifier_id, 'opened', '{}', 'sent', now(), now(), now() from notifiers;
    insert into command_batches (site_id, kind, params, state, total, priority, ttl_s, pause_s, max_failed_percent, wave,
      created_at, created_by)
    values (${siteId}, 'reboot', '{}', 'running', 3, 5, 600, 0, 50, 1, now(), 'ana');
    insert into miner_commands (site_id, miner_id, batch_id, ttl_s, priority, created_at, not_before, expires_at, ended_at,
      miner_key, ip, kind, status, created_by, changed_by, params)
    select ${siteId}, ${minerId}, batch_id, 600, 5, now() - interval '5 minutes', now(), now() + interval '5 minutes',
      case when status <> 'pending' then now() end, '10.1.0.1', '10.1.0.1', 'reboot', status, 'ana', 'ana', '{}'
    from command_batches, unnest(array['pending', 'completed', 'unknown']) status;
    insert into cluster_members (site_id, member_id, role, host, pid, version, started_at, seen_at, interval_s, state,
      zones, report, slots, zone_slots)
    values (${siteId}, 'p1', 'poller', 'farm-1', 7, '0.1.0', now(), now(), 10, 'up', '{default}', '{}', '{}', '{}');
    insert into cluster_slots (site_id, member_id, zone, minute, polled, skipped)
    values (${siteId}, 'p1', 'default', date_trunc('minute', now() - interval '1 minute'), 40, 1);
    insert into cluster_shards (site_id, shard_id, zone, ranges, addresses, interval_ms, report_s, named_at, last_slot,
      polled_by, polled_at, samples, online, duration_ms, skipped)
    values (${siteId}, 's1', 'default', '10.1.0.0/24', 256, 30000, 10, now(), now(), 'p1', now(), 200, 190, 900, 0)`);
}
