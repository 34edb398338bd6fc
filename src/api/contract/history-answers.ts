import { z } from 'zod';
import {
  historyMetrics,
  resolutions,
  type Availability,
  type HistoryMetricName,
  type HistoryPoint,
  type MinerEvent,
  type Resolution,
  type SitePoint,
} from '../../domain/history.js';
import { count, maybeNumber, maybeText, maybeTime, number, quantity, time } from './answers.js';

const resolution = {
  from: time.meta({ description: 'Rounded down to the resolution.' }),
  to: time,
  resolution: z.enum(Object.keys(resolutions) as [Resolution, ...Resolution[]]),
  resolution_seconds: count.meta({ description: '0: every sample.' }),
};

const historyPoint = z.strictObject({
  timestamp: time,
  value: maybeNumber,
}) satisfies z.ZodType<HistoryPoint>;

export const minerHistory = z
  .strictObject({
    site_id: count,
    miner_id: z.string(),
    metric: z.enum(Object.keys(historyMetrics) as [HistoryMetricName, ...HistoryMetricName[]]),
    unit: z.string(),
    ...resolution,
    points: z.array(historyPoint),
    count,
  })
  .meta({ id: 'MinerHistory' });

const sitePoint = z.strictObject({
  timestamp: time,
  miners: count,
  online: number,
  hashing: number,
  hashrate_ths: quantity('TH/s'),
  nominal_ths: quantity('TH/s'),
  power_w: quantity('W'),
  energy_kwh: quantity('kWh'),
  temperature_avg: quantity('°C'),
  temperature_max: quantity('°C'),
  accepted_delta: quantity('Shares'),
  rejected_delta: quantity('Shares'),
}) satisfies z.ZodType<SitePoint>;

export const siteHistory = z
  .strictObject({ site_id: count, ...resolution, points: z.array(sitePoint), count })
  .meta({ id: 'SiteHistory' });

const event = z
  .strictObject({
    miner_id: z.string(),
    kind: z.string(),
    from_value: maybeText,
    to_value: maybeText,
    valid_from: time,
    valid_to: maybeTime,
  })
  .meta({ id: 'MinerEvent' }) satisfies z.ZodType<MinerEvent>;

export const eventPage = z
  .strictObject({
    site_id: count,
    from: time,
    to: time,
    events: z.array(event),
    count,
    next_cursor: maybeText,
  })
  .meta({ id: 'EventPage' });

const percent = (what: string) =>
  z
    .number()
    .nullable()
    .meta({ description: `Percent. ${what}` });

const shares = z.strictObject({
  from: time,
  to: time,
  samples: count,
  coverage_percent: percent('Samples that are there, of those that were due.'),
  reachable_percent: percent('Samples in which the miner answered, of those that are there.'),
  hashing_percent: percent('Samples in which it was mining, of those that are there.'),
}) satisfies z.ZodType<Availability>;

export const availability = z
  .strictObject({ site_id: count, miner_id: maybeText, ...shares.shape })
  .meta({ id: 'Availability' });

const fleetMiner = z
  .strictObject({
    miner_id: z.string().meta({ description: 'As it is named now.' }),
    mac: maybeText,
    ip_address: maybeText,
    model: maybeText,
    firmware: maybeText,
    pool_url: maybeText,
    worker_name: maybeText,
    time: maybeTime.meta({ description: 'Of the sample.' }),
    state: z.string(),
    health: maybeText,
    hashrate_ths: quantity('TH/s'),
    hashrate_expected_ths: quantity('TH/s'),
    temperature_max: quantity('°C'),
    power_w: quantity('W'),
    uptime_hours: quantity('h'),
    boards_total: maybeNumber,
    boards_healthy: maybeNumber,
  })
  .meta({ id: 'FleetMiner' });

export const fleet = z
  .strictObject({
    site_id: count,
    at: time,
    totals: z.strictObject({
      total_miners: count,
      online_miners: count,
      offline_miners: count,
      unknown_miners: count,
      by_state: z.record(z.string(), count),
      total_hashrate_ths: number,
      nominal_hashrate_ths: number,
      total_power_w: number,
      max_temperature: quantity('°C'),
    }),
    miners: z.array(fleetMiner),
    next_cursor: maybeText,
  })
  .meta({ id: 'Fleet' });

const heatGroup = z.strictObject({
  name: z.string(),
  miners: count,
  online: count,
  hashing: count,
  critical: count,
  hashrate_ths: number,
  temperature_avg: quantity('°C'),
  temperature_max: quantity('°C'),
  ratio: quantity('Hashrate by nominal hashrate.'),
});

const heatCell = z.strictObject({
  miner_id: z.string(),
  ip_address: maybeText,
  row: maybeNumber,
  column: maybeNumber,
  state: z.string(),
  health: z.string(),
  is_stale: z.boolean(),
  temperature_max: quantity('°C'),
  hashrate_ths: quantity('TH/s'),
  ratio: quantity('Hashrate by nominal hashrate.'),
});

export const heatmap = z
  .strictObject({
    site_id: count,
    by: z.enum(['subnet', 'rack']),
    groups: z.array(heatGroup),
    cells: z.array(heatCell),
  })
  .meta({ id: 'Heatmap' });
