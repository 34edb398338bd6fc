import { isDeepStrictEqual } from 'node:util';
import type { Config } from '../config/schema.js';
import { AppError } from '../domain/errors.js';
import { holdsAddress, parseRanges } from '../domain/ip-ranges.js';
import type { Shard } from '../domain/shards.js';
import { formatRange, rangesOfPlan, shardsOfPlan, without, type VersionedPlan } from '../domain/site-plan.js';
import { PlanClient } from '../poller/plan/plan-client.js';
import { PlanFile } from '../poller/plan/plan-file.js';
import { PlanWatch } from '../poller/plan/plan-watch.js';
import type { Logger } from '../telemetry/logger.js';
import type { Metrics } from '../telemetry/metrics.js';
import { backoffOf, shardsOf } from './plan.js';

/** What is polled of a site now. */
export interface SiteInForce {
  readonly shards: readonly Shard[];
  readonly zone: string;
  readonly httpPort: number;
  readonly intervalS: number;
  /** Since when the interval is that one, ms since the epoch. */
  readonly intervalSinceMs: number;
}

/** What is polled of every site now. Parts read it whenever they act, and hear when it has changed. */
export interface SitePlans {
  /** Of all sites; another list whenever something has changed. */
  shards(): readonly Shard[];
  /** Null: no plan is known yet. */
  of(site: string): SiteInForce | null;
  zones(): readonly string[];
  /** The shard of a site that an address is in. */
  shardAt(site: string, address: number): Shard | undefined;
  onChange(listener: () => void): void;
  /**
   * Takes over the plans of the settings, read anew: ranges, port, interval and web port of sites that are known. All
   * else of the settings stays as it was at the start.
   *
   * @throws AppError RANGE_INVALID or CONFIG_INVALID, and nothing has changed.
   */
  reload(config: Config): void;
  stop(): Promise<void>;
}

/** A role that polls, or plans what is polled. */
export interface Planned {
  readonly failed: Promise<never>;
  readonly reload: SitePlans['reload'];
  stop(): Promise<void>;
}

export interface SitePlansOptions {
  readonly config: Config;
  /** Base URL of the api; null where every plan is in the settings. */
  readonly apiUrl: string | null;
  /** Collector key by site, of the sites whose plan is the api's. */
  readonly keys: ReadonlyMap<string, string>;
  readonly metrics: Metrics;
  readonly log: Logger;
  readonly onEscalate: (error: unknown) => void;
}

/** True when a site's plan comes from the api. */
export const hasApiPlan = (site: Config['sites'][number]): boolean => site.plan === 'api';

/**
 * The plans of all sites: those in the settings at once; those of the api as the disk has them, then as the api tells
 * them. Does not wait for the api.
 *
 * @throws AppError RANGE_INVALID or CONFIG_INVALID for what the settings say.
 */
export async function startSitePlans(options: SitePlansOptions): Promise<SitePlans> {
  const { config, metrics, log } = options;
  const inForce = new Map<string, SiteInForce>();
  const listeners: (() => void)[] = [];
  for (const [name, plan] of plansOfFile(config)) inForce.set(name, plan);
  let all: readonly Shard[] = [...inForce.values()].flatMap(({ shards }) => shards);
  const put = (site: string, next: SiteInForce, version?: number): void => {
    inForce.set(site, next);
    all = [...inForce.values()].flatMap(({ shards }) => shards);
    const { shards, zone, intervalS } = next;
    log.info({ site, version, shards: shards.length, zone, intervalS }, 'a plan is in force');
    for (const listener of listeners) listener();
  };
  const follow = (site: Config['sites'][number], plan: VersionedPlan): void =>
    put(site.name, followed(config, site, plan, inForce.get(site.name)), plan.version);
  const watches = config.sites
    .filter(hasApiPlan)
    .map((site) => watchOf(options, site.name, (plan) => follow(site, plan)));
  await Promise.all(watches.map((watch) => watch.start()));
  metrics.gauge('headframe_plan_shards', () => all.length);
  return {
    shards: () => all,
    of: (site) => inForce.get(site) ?? null,
    zones: () => [...new Set([...inForce.values()].map(({ zone }) => zone))],
    shardAt: (site, address) => inForce.get(site)?.shards.find(({ ranges }) => holdsAddress(ranges, address)),
    onChange: (listener) => void listeners.push(listener),
    reload(next) {
      expectSameSites(config, next);
      for (const [name, plan] of plansOfFile(next, inForce))
        if (!isDeepStrictEqual(plan, inForce.get(name))) put(name, plan);
    },
    async stop() {
      await Promise.all(watches.map((watch) => watch.stop()));
    },
  };
}

const intervalSinceMs = (intervalS: number, before: SiteInForce | undefined): number =>
  before?.intervalS === intervalS ? before.intervalSinceMs : Date.now();

/** What the settings say of the sites whose plan they hold. */
function plansOfFile(config: Config, before?: ReadonlyMap<string, SiteInForce>): Map<string, SiteInForce> {
  const shards = shardsOf(config);
  return new Map(
    config.sites
      .filter((site) => !hasApiPlan(site))
      .map((site) => {
        const intervalS = site.interval_s ?? config.poll.interval_s;
        const plan = {
          shards: shards.filter((shard) => shard.site === site.name),
          zone: site.zone,
          httpPort: site.http_port ?? 80,
          intervalS,
          intervalSinceMs: intervalSinceMs(intervalS, before?.get(site.name)),
        };
        return [site.name, plan];
      }),
  );
}

/** @throws AppError CONFIG_INVALID for what keys, queues and spools were opened for at the start. */
function expectSameSites(old: Config, next: Config): void {
  const outline = ({ sites }: Config): string[] =>
    sites.map(({ name, zone, plan }) => `${name} of zone ${zone}, plan by ${plan}`).sort();
  if (isDeepStrictEqual(outline(old), outline(next))) return;
  throw new AppError(
    'CONFIG_INVALID',
    'sites: names, zones and where plans come from change with a restart only; ranges, port, interval_s and http_port at once',
  );
}

function watchOf(options: SitePlansOptions, site: string, follow: (plan: VersionedPlan) => void): PlanWatch {
  const { config, apiUrl, keys, metrics, onEscalate } = options;
  if (apiUrl === null) throw new AppError('CONFIG_INVALID', 'upload.url: set it to the base URL of the api');
  return new PlanWatch({
    site,
    file: new PlanFile(config.data_dir, site),
    client: new PlanClient({
      apiUrl,
      key: () => keys.get(site) ?? '',
      waitS: config.plan.wait_s,
      deadlineMs: config.plan.answer_ms,
    }),
    follow,
    backoff: backoffOf(config),
    random: Math.random,
    metrics,
    log: options.log.child({ site }),
    onEscalate,
  });
}

/** @throws AppError RANGE_INVALID for a plan that may not be followed. */
function followed(
  config: Config,
  site: Config['sites'][number],
  plan: VersionedPlan,
  before: SiteInForce | undefined,
): SiteInForce {
  const allowLoopback = config.allow_loopback;
  const intervalS = plan.interval_s ?? config.poll.interval_s;
  if (site.within !== undefined) {
    const [beyond] = without(
      rangesOfPlan(plan, { allowLoopback }),
      parseRanges(site.within, { allowLoopback }),
    );
    if (beyond !== undefined)
      throw new AppError('RANGE_INVALID', `${formatRange(beyond)} is outside of sites[].within`);
  }
  return {
    shards: shardsOfPlan(site.name, plan, { allowLoopback, intervalS }),
    zone: plan.zone,
    httpPort: plan.http_port ?? 80,
    intervalS,
    intervalSinceMs: intervalSinceMs(intervalS, before),
  };
}
