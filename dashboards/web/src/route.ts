import { useCallback, useEffect, useState } from 'preact/hooks';
import type { LiveSort } from '../../../src/domain/ingest.js';
import { minerStates, type MinerState } from '../../../src/domain/telemetry.js';

/** What the page can show. */
export const views = ['farm', 'commands', 'cluster'] as const;

/** What the reader looks at; all of it stands in the address after `#`. */
export interface Route {
  readonly view: (typeof views)[number];
  readonly site: number | null;
  readonly search: string;
  readonly state: MinerState | '';
  readonly onlineOnly: boolean;
  readonly sort: LiveSort;
  readonly descending: boolean;
  readonly page: number;
  readonly perPage: number;
  /** The miner whose detail is open. */
  readonly miner: string;
  /** The batch whose commands are shown. */
  readonly batch: number | null;
}

/** Longest search text, characters; the api takes a little more. */
export const SEARCH_MAX = 100;

/** Page sizes offered. */
export const pageSizes = [25, 50, 100, 200];

const defaults: Route = {
  view: 'farm',
  site: null,
  search: '',
  state: '',
  onlineOnly: false,
  sort: 'miner_id',
  descending: false,
  page: 1,
  perPage: 50,
  miner: '',
  batch: null,
};

const sorts: Readonly<Record<LiveSort, true>> = {
  miner_id: true,
  hashrate: true,
  temperature: true,
  rejected: true,
  last_seen: true,
  ratio: true,
  state: true,
};

const isSort = (name: string | null): name is LiveSort => name !== null && Object.hasOwn(sorts, name);

function positive(text: string | null): number | null {
  const value = Number(text);
  return Number.isSafeInteger(value) && value > 0 ? value : null;
}

/** Reads a hash; anything unreadable falls back to its default. */
export function parseRoute(hash: string): Route {
  const at = new URLSearchParams(hash.replace(/^#/, ''));
  const sort = at.get('sort');
  const perPage = positive(at.get('per_page'));
  return {
    view: views.find((view) => view === at.get('view')) ?? defaults.view,
    site: positive(at.get('site')),
    search: (at.get('search') ?? '').slice(0, SEARCH_MAX),
    state: minerStates.find((state) => state === at.get('state')) ?? '',
    onlineOnly: at.get('online') === '1',
    sort: isSort(sort) ? sort : defaults.sort,
    descending: at.get('order') === 'desc',
    page: positive(at.get('page')) ?? 1,
    perPage: perPage !== null && pageSizes.includes(perPage) ? perPage : defaults.perPage,
    miner: at.get('miner') ?? '',
    batch: positive(at.get('batch')),
  };
}

/** Writes a hash that holds only what differs from the defaults. */
export function formatRoute(route: Route): string {
  const at = new URLSearchParams();
  if (route.view !== defaults.view) at.set('view', route.view);
  if (route.site !== null) at.set('site', String(route.site));
  if (route.search !== '') at.set('search', route.search);
  if (route.state !== '') at.set('state', route.state);
  if (route.onlineOnly) at.set('online', '1');
  if (route.sort !== defaults.sort) at.set('sort', route.sort);
  if (route.descending) at.set('order', 'desc');
  if (route.page !== 1) at.set('page', String(route.page));
  if (route.perPage !== defaults.perPage) at.set('per_page', String(route.perPage));
  if (route.miner !== '') at.set('miner', route.miner);
  if (route.batch !== null) at.set('batch', String(route.batch));
  return `#${at.toString()}`;
}

/** The route with some of it changed; another filter or order starts at its first page. */
export function change(route: Route, patch: Partial<Route>): Route {
  const isSameList = Object.keys(patch).every((key) => ['miner', 'page', 'view', 'batch'].includes(key));
  return { ...route, page: isSameList ? route.page : 1, ...patch };
}

/** Changes the route; `replace` leaves no step to go back to. */
export type Go = (patch: Partial<Route>, replace?: boolean) => void;

/** The current route and the way to change it. */
export function useRoute(): readonly [Route, Go] {
  const [route, setRoute] = useState(() => parseRoute(location.hash));
  useEffect(() => {
    const read = (): void => setRoute(parseRoute(location.hash));
    addEventListener('popstate', read);
    return () => removeEventListener('popstate', read);
  }, []);
  const go = useCallback<Go>((patch, replace = false) => {
    const next = change(parseRoute(location.hash), patch);
    const url = formatRoute(next);
    if (replace) history.replaceState(null, '', url);
    else history.pushState(null, '', url);
    setRoute(next);
  }, []);
  return [route, go];
}
