import type { Heartbeat, HeartbeatShard } from '../../src/domain/heartbeat.js';

/** A heartbeat of a poller of zone `default`. */
export function heartbeat(changes: Partial<Heartbeat> = {}): Heartbeat {
  return {
    member_id: 'poller-1',
    role: 'poller',
    host: 'box',
    pid: 7,
    version: '1.0.0',
    started_at: '2026-01-01T00:00:00.000Z',
    state: 'up',
    interval_s: 10,
    zones: ['default'],
    threads: 2,
    sockets: 512,
    shards_at_once: 64,
    threads_busy: 1,
    shards_running: 1,
    shards_waiting: 0,
    event_loop_lag_ms: 0.4,
    upload_lag_s: null,
    spool_bytes: 0,
    spool_files: 0,
    conservation_error: 0,
    slots: { polled: 4, late: 1 },
    zone_slots: { default: { polled: 4, skipped: 1 } },
    planned_shards: null,
    plan_round_s: null,
    shards: [],
    shards_left_out: 0,
    ...changes,
  };
}

/** A shard of it, polled in a slot that began `ageS` before now; null: only named. */
export function toldShard(
  id: string,
  ageS: number | null,
  changes: Partial<HeartbeatShard> = {},
): HeartbeatShard {
  const isPolled = ageS !== null;
  return {
    id,
    zone: 'default',
    ranges: '10.1.0.0-10.1.0.255',
    addresses: 256,
    interval_ms: 30_000,
    planned: false,
    slot: isPolled ? new Date(Date.now() - ageS * 1_000).toISOString() : null,
    samples: isPolled ? 200 : null,
    online: isPolled ? 190 : null,
    duration_ms: isPolled ? 1_200 : null,
    skipped: 0,
    skip_reason: null,
    ...changes,
  };
}
