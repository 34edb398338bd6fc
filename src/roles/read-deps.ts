import type { ApiDeps } from '../api/deps.js';
import { peopleDepsOf, thingsOf } from './people.js';
import type { Store } from './store.js';

/**
 * What the api needs of the store, ingest and reads; `staleAfterS` as of `staleAfterS`, `offlineAfterS` for how long a
 * sample is believed that says its miner did not answer.
 */
export function storeDeps(
  store: Store,
  staleAfterS: number,
  offlineAfterS = staleAfterS,
): Omit<
  ApiDeps,
  | 'alerts'
  | 'commands'
  | 'plans'
  | 'cluster'
  | 'oidc'
  | 'shared'
  | 'parseUpload'
  | 'lifecycle'
  | 'metrics'
  | 'log'
  | 'version'
  | 'webDir'
  | 'options'
  | 'now'
> {
  const ages = { maxAgeS: staleAfterS, offlineAgeS: offlineAfterS };
  const moment = (): { now: Date; staleAfterS: number } => ({ now: new Date(), staleAfterS });
  return {
    findKey: (sha256) => store.keys.find(sha256),
    touchKey: (keyId) => store.keys.touchLastUsed(keyId, new Date()),
    writeBatch: (batch) => store.telemetry.writeBatch(batch),
    summary: (siteId) => store.sites.summary(siteId, moment()),
    liveCount: (siteId, filter) => store.live.count(siteId, filter, moment()),
    livePage: (siteId, query) => store.live.page(siteId, query, moment()),
    liveIds: (siteId, query) => store.live.ids(siteId, query, moment()),
    liveByIds: (ids) => store.live.byIds(ids, moment()),
    liveChanges: (siteId, sinceMs, limit) => store.live.changes(siteId, sinceMs, limit),
    minerDetail: (siteId, key) => store.live.minerDetail(siteId, key, moment()),
    top: (siteId) => store.live.top(siteId, moment()),
    sites: (siteIds) => store.sites.sites(siteIds),
    quirks: (siteIds) => store.quirks.list(siteIds, new Date()),
    stats: (siteIds) => store.sites.stats(new Date(), siteIds),
    history: store.history,
    fleet: {
      totals: (siteId, atMs) => store.fleet.fleetTotalsAt(siteId, new Date(atMs), staleAfterS, offlineAfterS),
      page: (siteId, atMs, perPage, after) =>
        store.fleet.fleetAt(siteId, { ...ages, time: new Date(atMs), perPage, after }),
    },
    heatmap: {
      groups: (siteId, by) => store.heatmap.groups(siteId, by),
      cells: (siteId, by, group) => store.heatmap.cells(siteId, by, group, moment()),
    },
    people: peopleDepsOf(store),
    things: thingsOf(store),
    ping: () => store.database.ping(),
  };
}
