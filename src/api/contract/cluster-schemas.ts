import { z } from 'zod';
import { memberStates, shardStates } from '../../domain/cluster.js';
import { maxHeartbeatShards, memberRoles, type Heartbeat } from '../../domain/heartbeat.js';
import { count, maybeNumber, maybeText, maybeTime, number, ok, time } from './answers.js';
import { int, siteIdParameter } from './parameters.js';

/** Largest heartbeat, bytes: as many shards as it may list, and some room. */
export const maxHeartbeatBytes = 8 * 1024 * 1024;

const line = (most: number) =>
  z
    .string()
    .max(most)
    .regex(/^\P{Cc}*$/u, 'must not hold control characters');
const name = (most: number) => line(most).min(1);
const zone = z.string().regex(/^[a-z0-9-]{1,32}$/);
const outcome = z.string().regex(/^[a-z_]{1,32}$/);
const total = z.int().min(0);
const small = z.int().min(0).max(2_147_483_647);
const few = <T extends z.ZodType>(record: T, most: number) =>
  record.refine((it) => Object.keys(it as object).length <= most, `must have at most ${most} names`);
const instant = z.iso.datetime({ offset: true });

/** Fields this version does not know are ignored, and a role it does not know is `other`. */
export const heartbeatBody = z
  .object({
    member_id: z.string().regex(/^[A-Za-z0-9-]{1,64}$/),
    role: z.enum(memberRoles).catch('other').meta({ description: 'A role that is not known is `other`.' }),
    host: line(128),
    pid: small,
    version: line(64),
    started_at: instant,
    state: z.enum(['up', 'draining', 'left']),
    interval_s: z.number().min(1).max(600).meta({ description: 'How far apart heartbeats are, s.' }),
    zones: z.array(zone).min(1).max(100),
    threads: small,
    sockets: small,
    shards_at_once: small,
    threads_busy: small,
    shards_running: small,
    shards_waiting: small,
    event_loop_lag_ms: z.number().min(0).max(1e9),
    upload_lag_s: z.number().min(0).max(1e9).nullable(),
    spool_bytes: total,
    spool_files: total,
    conservation_error: z.int(),
    slots: few(z.record(outcome, total), 32).meta({ description: 'Slots by outcome since its start.' }),
    zone_slots: few(z.record(zone, z.object({ polled: total, skipped: total })), 100),
    planned_shards: small.nullable(),
    plan_round_s: z.number().min(0).max(1e9).nullable(),
    shards: z
      .array(
        z.object({
          id: z.string().regex(/^[A-Za-z0-9-]{1,64}$/),
          zone,
          ranges: name(512),
          addresses: small,
          interval_ms: z.int().min(1).max(86_400_000),
          planned: z.boolean(),
          slot: instant.nullable(),
          samples: small.nullable(),
          online: small.nullable(),
          duration_ms: small.nullable(),
          skipped: small,
          skip_reason: outcome.nullable(),
        }),
      )
      .max(maxHeartbeatShards),
    shards_left_out: small,
  })
  .meta({ id: 'Heartbeat' }) satisfies z.ZodType<Heartbeat>;

export const heartbeatAnswer = z.strictObject({ success: z.literal(true) });

const member = z
  .strictObject({
    member_id: z.string(),
    role: z.enum(memberRoles),
    state: z.enum(memberStates).meta({
      description: '`lost`: silent for too long; `left`: ended in order, shown for an hour.',
    }),
    host: z.string(),
    pid: count,
    version: z.string(),
    started_at: time.meta({ description: 'By its own clock.' }),
    first_seen: time,
    seen_at: time,
    silent_s: number,
    interval_s: number,
    zones: z.array(z.string()),
    sites: z.array(z.strictObject({ site_id: count, site: z.string() })),
    threads: count,
    sockets: count,
    shards_at_once: count,
    threads_busy: count,
    shards_running: count,
    shards_waiting: count,
    event_loop_lag_ms: number.meta({ description: '99th percentile since the heartbeat before, ms' }),
    upload_lag_s: maybeNumber.meta({
      description: 'Age of the oldest batch not uploaded, s; null: all are.',
    }),
    spool_bytes: count,
    spool_files: count,
    conservation_error: z.int(),
    planned_shards: count.nullable().meta({ description: 'Null: it coordinates nothing.' }),
    shards_left_out: count,
    slots: z.record(z.string(), count).meta({ description: 'Slots by outcome since its start.' }),
  })
  .meta({ id: 'ClusterMember' });

const shard = z
  .strictObject({
    site_id: count,
    site: z.string(),
    shard_id: z.string(),
    zone: z.string(),
    ranges: z.string(),
    addresses: count,
    interval_ms: count,
    state: z.enum(shardStates),
    lag_s: maybeNumber.meta({ description: 'How long its last slot is over, s; null: never polled.' }),
    last_slot: maybeTime,
    polled_at: maybeTime.meta({ description: 'When that was told.' }),
    polled_by: maybeText.meta({ description: '`member_id` of who polled it last.' }),
    polled_by_host: maybeText,
    polled_by_pid: count.nullable(),
    samples: count.nullable(),
    online: count.nullable(),
    duration_ms: count.nullable(),
    skipped: count.meta({ description: 'Slots skipped since it is known.' }),
    skipped_at: maybeTime,
    skip_reason: maybeText,
  })
  .meta({ id: 'ClusterShard' });

const siteZone = z.strictObject({
  site_id: count,
  site: z.string(),
  zone: z.string(),
  shards: count,
  addresses: count,
  late: count,
  waiting: count,
  max_lag_s: maybeNumber,
  skipped: count,
  live_pollers: count,
});

const share = z.strictObject({
  member_id: z.string(),
  host: z.string(),
  pid: count,
  is_live: z.boolean(),
  polled: count,
  skipped: count,
  share: maybeNumber.meta({ description: 'Of the slots polled in the zone, 0 to 1.' }),
});

export const clusterQuery = z.object({
  site_id: siteIdParameter.optional(),
  shards: z
    .enum([...shardStates, 'all', 'none'])
    .default('late')
    .meta({ description: 'Which shards to list.' }),
  zone: zone.optional().meta({ description: 'Only shards of this zone.' }),
  page: int(1, 100_000, 'Page of shards, from 1.').default(1),
  per_page: int(1, 1_000, 'Shards on a page.').default(100),
});

export const clusterAnswer = ok(
  z.strictObject({
    at: time,
    is_well: z.boolean().meta({
      description: 'Pollers and a coordinator live, nobody is lost, no shard is late, every zone is reached.',
    }),
    problems: z.array(z.string()).meta({ description: 'What is not, for people.' }),
    totals: z.strictObject({
      members: z.strictObject({ up: count, draining: count, left: count, lost: count }),
      live_pollers: count,
      live_coordinators: count,
      shards: count,
      late: count,
      waiting: count,
      skipped: count,
      max_lag_s: maybeNumber,
    }),
    members: z.array(member),
    site_zones: z.array(siteZone).meta({ description: 'Shards by site and zone.' }),
    unreached: z.array(siteZone).meta({ description: 'Those whose jobs no live poller takes.' }),
    window_s: count.meta({ description: 'Time over which `zones` are compared, s.' }),
    zones: z.array(
      z.strictObject({
        zone: z.string(),
        imbalance: maybeNumber.meta({
          description: 'How far from an even share the poller is that is furthest from it, 0: even.',
        }),
        shares: z.array(share),
      }),
    ),
    shards: z.array(shard).meta({ description: 'Late ones first.' }),
    page: count,
    per_page: count,
    has_more: z.boolean(),
  }),
);
