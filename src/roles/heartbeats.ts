import { monitorEventLoopDelay } from 'node:perf_hooks';
import { hostname } from 'node:os';
import { collectorKeyOf } from '../config/collector-keys.js';
import { version } from '../config/paths.js';
import type { Config } from '../config/schema.js';
import type { Heartbeat, MemberRole } from '../domain/heartbeat.js';
import type { Shard } from '../domain/shards.js';
import { HeartbeatClient } from '../poller/heartbeat/client.js';
import { Heart, type HeartSite } from '../poller/heartbeat/heart.js';
import { readMemberId } from '../poller/heartbeat/member-id.js';
import { SlotTally, type SlotEnd } from '../poller/heartbeat/slot-tally.js';
import type { Logger } from '../telemetry/logger.js';
import type { Metrics } from '../telemetry/metrics.js';
import type { SitePlans } from './site-plans.js';

/** What became of slots, by site. */
export class SlotTallies {
  readonly #sites: ReadonlyMap<string, SlotTally>;

  constructor(config: Config) {
    const maxShards = config.poll.max_shards;
    this.#sites = new Map(config.sites.map(({ name }) => [name, new SlotTally({ maxShards })]));
  }

  of(site: string): SlotTally | undefined {
    return this.#sites.get(site);
  }

  /** Notes how a slot of a site's shard ended. */
  readonly note = (shard: Shard, end: SlotEnd): void => this.#sites.get(shard.site)?.note(shard, end);
}

/** What a process says of itself beside its slots. */
export type OwnReport = Pick<
  Heartbeat,
  | 'threads'
  | 'sockets'
  | 'shards_at_once'
  | 'threads_busy'
  | 'shards_running'
  | 'shards_waiting'
  | 'conservation_error'
>;
/** What waits to be uploaded of a site. */
export type UploadReport = Pick<Heartbeat, 'upload_lag_s' | 'spool_bytes' | 'spool_files'>;

export interface HeartbeatOptions {
  readonly config: Config;
  readonly role: MemberRole;
  /** Base URL of the api; undefined: nobody is told. */
  readonly apiUrl: string | undefined;
  /** Collector key by site; where it is absent the settings are asked. */
  readonly keys?: ReadonlyMap<string, string>;
  readonly tallies: SlotTallies;
  /** Zones of a site that this process takes jobs of, or adds them to; without any nothing is told of the site now. */
  readonly zonesOf: (site: string) => readonly string[];
  /** Shards of a site that this process coordinates, the same list as long as nothing changes; null: none. */
  readonly planOf: ((site: string) => readonly Shard[]) | null;
  readonly own: () => OwnReport;
  readonly uploads: (site: string) => UploadReport;
  readonly metrics: Metrics;
  readonly log: Logger;
}

/** The heartbeats of a process. */
export interface Heartbeats {
  /** Tells at once that it takes no more work. */
  drain(): void;
  /** Tells that it ends. */
  stop(options: { deadlineMs: number }): Promise<void>;
}

/** Of whatever does not poll. */
export const noOwnReport: OwnReport = {
  threads: 0,
  sockets: 0,
  shards_at_once: 0,
  threads_busy: 0,
  shards_running: 0,
  shards_waiting: 0,
  conservation_error: 0,
};
export const noUploads: UploadReport = { upload_lag_s: null, spool_bytes: 0, spool_files: 0 };

const loopResolutionMs = 20;
/** Bound of the last heartbeat, ms. */
export const goodByeMs = 1_000;

/** Tells the api of each site, with that site's key, how this process does. */
export async function startHeartbeats(options: HeartbeatOptions): Promise<Heartbeats> {
  const { config, apiUrl, log, metrics } = options;
  const sites = apiUrl === undefined ? [] : sitesOf(options);
  if (apiUrl === undefined || sites.length === 0) {
    log.info('no heartbeats: upload.url and the key of a site are needed for them');
    return { drain: () => undefined, stop: async () => undefined };
  }
  const { cluster } = config;
  const lag = monitorEventLoopDelay({ resolution: loopResolutionMs });
  lag.enable();
  const whole = {
    member_id: await readMemberId(config.data_dir, options.role, log),
    role: options.role,
    host: hostname().slice(0, 128),
    pid: process.pid,
    version,
    started_at: new Date(Date.now() - process.uptime() * 1_000).toISOString(),
    interval_s: cluster.heartbeat_s,
  };
  const client = new HeartbeatClient({ apiUrl, deadlineMs: cluster.heartbeat_timeout_ms });
  const heart = new Heart({
    sites: sites.map(({ site, key }): HeartSite => ({
      site,
      key,
      make: createMake(site, whole, lag, options),
    })),
    send: (key, beat, deadlineMs) => client.send(key, beat, deadlineMs),
    everyMs: cluster.heartbeat_s * 1_000,
    deadlineMs: cluster.heartbeat_timeout_ms,
    maxShards: cluster.heartbeat_shards,
    random: Math.random,
    metrics,
    log,
  });
  heart.start();
  return {
    drain: () => heart.drain(),
    async stop({ deadlineMs }) {
      await heart.stop({ deadlineMs });
      lag.disable();
      await client.close();
    },
  };
}

function sitesOf({ config, keys }: HeartbeatOptions): { site: string; key: string }[] {
  return config.sites.flatMap((entry) => {
    const key = keys === undefined ? collectorKeyOf(config, entry) : keys.get(entry.name);
    return key == null ? [] : [{ site: entry.name, key }];
  });
}

function createMake(
  site: string,
  whole: Pick<Heartbeat, 'member_id' | 'role' | 'host' | 'pid' | 'version' | 'started_at' | 'interval_s'>,
  lag: ReturnType<typeof monitorEventLoopDelay>,
  { tallies, zonesOf, planOf, own, uploads }: HeartbeatOptions,
): HeartSite['make'] {
  /** Those told last; none when it was told that this process has left them. */
  let told: readonly string[] = [];
  return (state, maxShards) => {
    const reached = zonesOf(site);
    const isGone = reached.length === 0;
    // A plan may move a site to zones that are not reached: that is said once, lest this process be missed.
    const zones = isGone ? told : reached;
    if (zones.length === 0) return null;
    told = zones;
    const tally = tallies.of(site) ?? new SlotTally({ maxShards: 0 });
    const { commit, ...report } = tally.report(maxShards, planOf?.(site) ?? null);
    const lagMs = lag.percentile(99) / 1e6 - loopResolutionMs;
    lag.reset();
    const beat: Heartbeat = {
      ...whole,
      state: isGone ? 'left' : state,
      zones,
      ...own(),
      event_loop_lag_ms: Number.isFinite(lagMs) ? Math.max(0, Math.round(lagMs * 10) / 10) : 0,
      ...uploads(site),
      slots: report.slots,
      zone_slots: report.zoneSlots,
      planned_shards: report.plannedShards,
      plan_round_s: report.planRoundS,
      shards: report.shards,
      shards_left_out: report.leftOut,
    };
    return {
      beat,
      commit: () => {
        if (isGone) told = [];
        commit();
      },
    };
  };
}

/** What a process that coordinates tells of each site's plan. */
export function coordinated(plans: SitePlans): Required<Pick<HeartbeatOptions, 'planOf' | 'zonesOf'>> {
  return { planOf: (site) => plans.of(site)?.shards ?? noShards, zonesOf: zonesReached(plans, () => true) };
}

/** The zone of a site's plan, when it is reached. */
export function zonesReached(
  plans: SitePlans,
  reaches: (zone: string) => boolean,
): (site: string) => readonly string[] {
  return (site) => {
    const plan = plans.of(site);
    return plan !== null && reaches(plan.zone) ? [plan.zone] : [];
  };
}

const noShards: readonly Shard[] = [];
