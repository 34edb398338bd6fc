import type { Request, Response } from 'express';
import {
  compareShares,
  memberStates,
  mergeMembers,
  type ClusterMember,
  type MemberState,
  type SiteMember,
  type SiteZone,
  type ZoneShare,
} from '../domain/cluster.js';
import type { Heartbeat } from '../domain/heartbeat.js';
import type { ClusterShard, ShardQuery } from '../storage/cluster.repo.js';
import { askedSites, collectorOf } from './access.js';
import { clusterQuery, heartbeatBody, maxHeartbeatBytes } from './contract/cluster-schemas.js';
import type { ApiDeps } from './deps.js';
import { readJsonBody } from './json-body.js';
import { readParameters } from './queries.js';
import { send, type Load } from './reads.js';

/** Heartbeats in, the state of the cluster out. `null` for sites means all. */
export interface ClusterDeps {
  readonly store: {
    store(siteId: number, beat: Heartbeat): Promise<void>;
    members(siteIds: readonly number[] | null, lostAfter: number): Promise<readonly SiteMember[]>;
    zones(siteIds: readonly number[] | null, lostAfter: number): Promise<readonly SiteZone[]>;
    shares(
      siteIds: readonly number[] | null,
      windowS: number,
      lostAfter: number,
    ): Promise<readonly ZoneShare[]>;
    shards(query: ShardQuery): Promise<readonly ClusterShard[]>;
  };
  /** Heartbeats of silence that mean lost. */
  readonly lostAfter: number;
  /** Time over which shares of slots are compared, s. */
  readonly windowS: number;
}

type Handle = (request: Request, response: Response) => Promise<void>;

/** The handlers of the cluster. */
export function createClusterHandlers(
  deps: Pick<ApiDeps, 'cluster' | 'now' | 'options'>,
  load: Load,
): Record<'post /api/collector/heartbeat' | 'get /api/collector/cluster', Handle> {
  const { store, lostAfter, windowS } = deps.cluster;
  return {
    'post /api/collector/heartbeat': async (request, response) => {
      const beat = await readJsonBody(request, heartbeatBody, maxHeartbeatBytes);
      await store.store(collectorOf(response).siteId, beat);
      response.json({ success: true });
    },
    'get /api/collector/cluster': async (request, response) => {
      const asked = readParameters(clusterQuery, request.query);
      const { shards: which, zone, page, per_page: perPage } = asked;
      const siteIds = askedSites(response, asked.site_id);
      const plan = {
        key: `cluster ${JSON.stringify([siteIds, which, zone, page, perPage])}`,
        freshMs: deps.options.liveTtlMs,
        keepMs: deps.options.summaryKeepMs,
        weight: Math.ceil(perPage / 50),
      };
      const cached = await load(plan, async () => {
        const [members, zones, shares, shards] = await Promise.all([
          store.members(siteIds, lostAfter),
          store.zones(siteIds, lostAfter),
          store.shares(siteIds, windowS, lostAfter),
          which === 'none'
            ? []
            : store.shards({
                siteIds,
                state: which === 'all' ? null : which,
                zone: zone ?? null,
                limit: perPage + 1,
                offset: (page - 1) * perPage,
              }),
        ]);
        return {
          at: new Date(deps.now()).toISOString(),
          ...overview(mergeMembers(members), zones),
          window_s: windowS,
          zones: compareShares(shares),
          shards: shards.slice(0, perPage),
          page,
          per_page: perPage,
          has_more: shards.length > perPage,
        };
      });
      send(response, cached);
    },
  };
}

/** What is to be known at once, and what is wrong in words. */
function overview(members: readonly ClusterMember[], zones: readonly SiteZone[]) {
  const states = Object.fromEntries(memberStates.map((state) => [state, 0])) as Record<MemberState, number>;
  for (const { state } of members) states[state]++;
  const live = members.filter(({ state }) => state === 'up');
  const sum = (read: (zone: SiteZone) => number): number =>
    zones.reduce((total, zone) => total + read(zone), 0);
  const lags = zones.flatMap(({ max_lag_s }) => (max_lag_s === null ? [] : [max_lag_s]));
  const totals = {
    members: states,
    live_pollers: live.filter(({ role }) => role !== 'coordinator').length,
    live_coordinators: live.filter(({ planned_shards }) => planned_shards !== null).length,
    shards: sum(({ shards }) => shards),
    late: sum(({ late }) => late),
    waiting: sum(({ waiting }) => waiting),
    skipped: sum(({ skipped }) => skipped),
    max_lag_s: lags.length === 0 ? null : Math.max(...lags),
  };
  const unreached = zones.filter(({ live_pollers }) => live_pollers === 0);
  const problems = [
    ...(totals.live_pollers === 0 ? ['no poller or edge is live: nothing is polled'] : []),
    ...(totals.live_coordinators === 0 ? ['no coordinator or edge is live: no slots begin'] : []),
    ...unreached.map(
      ({ zone, site, shards }) =>
        `no live poller takes zone ${zone}, which ${shards} shards of site ${site} are in`,
    ),
    ...members
      .filter(({ state }) => state === 'lost')
      .slice(0, maxNamed)
      .map(
        ({ role, host, pid, silent_s }) =>
          `${role} ${host}:${pid} is lost, silent for ${Math.round(silent_s)} s`,
      ),
    ...(states.lost > maxNamed ? [`${states.lost - maxNamed} more members are lost`] : []),
    ...(totals.late > 0 ? [`${totals.late} of ${totals.shards} shards are late`] : []),
  ];
  return { is_well: problems.length === 0, problems, totals, members, site_zones: zones, unreached };
}

/** Lost members named one by one. */
const maxNamed = 20;
