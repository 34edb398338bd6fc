import { z } from 'zod';
import type { LiveMiner, LivePage, MinerDetail, SiteSummary } from '../../domain/ingest.js';
import { count, maybeNumber, maybeText, maybeTime, number, quantity, time } from './answers.js';

const minerShape = {
  miner_id: z.string(),
  ip_address: maybeText,
  online: z.boolean(),
  state: z.string(),
  health: z.string(),
  is_stale: z.boolean().meta({ description: 'Online, but its last sample is old: the poller is late.' }),
  last_seen: time.meta({ description: 'When it last answered.' }),
  hashrate_ths: quantity('TH/s'),
  hashrate_5s_ths: quantity('TH/s'),
  hashrate_expected_ths: quantity('TH/s'),
  temperature_avg: quantity('°C'),
  temperature_max: quantity('°C'),
  fan_speeds: z.array(maybeNumber).meta({ description: 'rpm' }),
  accepted_shares: maybeNumber,
  rejected_shares: maybeNumber,
  uptime_hours: quantity('h'),
  power_w: quantity('W'),
  pool_url: maybeText,
  worker_name: maybeText,
  model: maybeText,
  firmware: maybeText,
  boards_total: maybeNumber,
  boards_healthy: maybeNumber,
  error_class: maybeText,
  error_message: maybeText,
  latency_ms: quantity('ms'),
};

export const liveMiner = z.strictObject(minerShape).meta({ id: 'LiveMiner' }) satisfies z.ZodType<LiveMiner>;

export const livePage = z
  .strictObject({
    miners: z.array(liveMiner),
    pagination: z.strictObject({
      page: count.nullable(),
      per_page: count,
      total: count,
      pages: count,
      next_cursor: maybeText,
    }),
  })
  .meta({ id: 'LivePage' }) satisfies z.ZodType<LivePage>;

const anything = z.record(z.string(), z.unknown());

export const minerDetail = z
  .strictObject({
    ...minerShape,
    site_id: count,
    mac: maybeText,
    family: maybeText,
    reported_health: maybeText,
    hardware_errors: maybeNumber,
    frequency_avg: quantity('MHz'),
    efficiency: quantity('J/TH'),
    pool_latency_ms: quantity('ms'),
    temperature_min: quantity('°C'),
    temperature_chips: z.array(number).meta({ description: '°C' }),
    boards: z.array(anything),
    details: anything.nullable(),
    raw: z
      .record(z.string(), z.string())
      .nullable()
      .meta({ description: 'The last raw reply of each command.' }),
    raw_time: maybeTime,
  })
  .meta({ id: 'MinerDetail' }) satisfies z.ZodType<MinerDetail>;

const counts = z.record(z.string(), count);

export const siteSummary = z
  .strictObject({
    site_id: count,
    site_name: z.string(),
    total_miners: count,
    online_miners: count,
    offline_miners: count,
    stale_miners: count,
    degraded_miners: count,
    by_state: counts,
    by_health: counts,
    total_hashrate_ths: number,
    nominal_hashrate_ths: number,
    total_power_w: number,
    efficiency: quantity('J/TH over the miners that report power'),
    avg_temperature: quantity('°C'),
    max_temperature: quantity('°C'),
    online_rate: number.meta({ description: 'Percent.' }),
    last_upload: maybeTime,
    lag_seconds: quantity('Age of the newest sample, s'),
  })
  .meta({ id: 'SiteSummary' }) satisfies z.ZodType<SiteSummary>;

export const topMiners = z
  .strictObject({
    hottest: z.array(liveMiner),
    worst: z.array(liveMiner).meta({ description: 'Lowest share of the nominal hashrate first.' }),
    most_rejects: z.array(liveMiner).meta({ description: 'Highest share of rejected shares first.' }),
  })
  .meta({ id: 'TopMiners' });

export const site = z.strictObject({ site_id: count, site_name: z.string() });

export const fleetStats = z
  .strictObject({
    total_sites: count,
    active_collectors: count,
    total_miners: count,
    total_online: count,
    active_alerts: count,
    sites: z.record(
      z.string(),
      z.strictObject({
        site_name: z.string(),
        total_miners: count,
        online_miners: count,
        last_upload: maybeTime,
      }),
    ),
  })
  .meta({ id: 'FleetStats' });

export const quirk = z
  .strictObject({
    site_id: count,
    site: z.string(),
    fingerprint: z.string(),
    family: maybeText,
    firmware: maybeText,
    command: z.string(),
    damage: z.string(),
    first_seen: time,
    since: time,
    last_seen: time,
    replies: count,
    miners_now: count,
    miners: count,
    sample_reply: maybeText,
  })
  .meta({ id: 'Quirk' });
