import { liveSorts } from '../../../src/domain/ingest.js';
import { below, hasAtLeast, oneOf, type Answer, type Ask, type Random, type Request } from './ask.js';
import { firmwares, models, pools, states, type Fleet } from './fleet.js';

const summaryMs = 50;
const pageMs = 100;
const healths = ['healthy', 'warning', 'critical', 'offline'] as const;

/** A page far down in an order, which the benchmark has looked up. */
export interface DeepPage {
  readonly sort: string;
  readonly cursor: string;
}

/** What is asked of the site with live rows. */
export function liveAsks(fleet: Fleet, random: Random, deepPages: readonly DeepPage[]): Ask[] {
  const site = fleet.siteId;
  const miner = (): number => below(random, fleet.count);
  const live = (filter: Record<string, string>, rest: Record<string, string> = {}): Request => ({
    path: `/api/collector/live/${site}?${new URLSearchParams({ ...filter, ...rest }).toString()}`,
    // The total of a filter is kept apart from its pages.
    cached: [`count ${JSON.stringify(filter)}`],
  });
  const size = (): Record<string, string> => ({ per_page: oneOf(random, ['50', '100']) });
  const sorted = (): Record<string, string> => ({
    ...size(),
    sort: oneOf(random, liveSorts),
    order: oneOf(random, ['asc', 'desc']),
  });
  const page = (name: string, filter: () => Record<string, string>): Ask => ({
    name: `live page, ${name}`,
    targetMs: pageMs,
    next: () => live(filter(), sorted()),
    isMeant: (data) => hasAtLeast(data, 'miners', 1),
  });
  const model = (): Record<string, string> => ({ model: oneOf(random, models).name });
  const firmware = (): Record<string, string> => ({ firmware: oneOf(random, firmwares) });
  const pool = (): Record<string, string> => ({ pool: oneOf(random, pools).slice(14) });
  const state = (): Record<string, string> => ({ state: oneOf(random, states) });

  return [
    {
      name: 'summary',
      targetMs: summaryMs,
      next: () => ({ path: `/api/collector/summary/${site}`, cached: ['summary'] }),
      isMeant: (data) => data['total_miners'] === fleet.count,
    },
    {
      name: 'live page, as first seen',
      targetMs: pageMs,
      next: () => live({}, {}),
      isMeant: (data) => hasAtLeast(data, 'miners', 50),
    },
    page('any sort', () => ({})),
    {
      name: 'live page, deep by cursor, any sort',
      targetMs: pageMs,
      next: () => {
        const { sort, cursor } = oneOf(random, deepPages);
        return live({}, { ...size(), sort, order: 'desc', cursor });
      },
      isMeant: (data) => hasAtLeast(data, 'miners', 50),
    },
    page('by state', state),
    page('by health', () => ({ health: oneOf(random, healths) })),
    page('by model', model),
    page('by firmware', firmware),
    page('by pool', pool),
    page('by subnet', () => ({ subnet: fleet.subnet(miner()) })),
    page('by text of a worker', () => ({ search: `x${below(random, 40)}` })),
    page('by text of an address', () => ({ search: fleet.key(miner()).slice(0, -1) })),
    page('online only', () => ({ online_only: 'true' })),
    page('by model, state and pool', () => ({ ...model(), ...pool(), state: 'mining' })),
    {
      name: 'live page, far down by number',
      // Whoever goes there has just been told the total.
      next: () => {
        const page = String(1 + below(random, Math.ceil(fleet.count / 100)));
        const { path } = live({}, { ...sorted(), page });
        return { path, cached: [path] };
      },
      isMeant: (data) => hasAtLeast(data, 'miners', 1),
    },
    {
      name: 'one miner',
      next: () => {
        const path = `/api/collector/sites/${site}/miners/${fleet.key(miner())}`;
        return { path, cached: [path] };
      },
      isMeant: (data) => Array.isArray(data['boards']),
    },
    {
      name: 'top',
      next: () => ({ path: `/api/collector/top/${site}`, cached: ['top'] }),
      isMeant: (data) => hasAtLeast(data, 'hottest', 10) && hasAtLeast(data, 'most_rejects', 10),
    },
    {
      name: 'heatmap, all subnets',
      next: () => ({ path: `/api/collector/sites/${site}/heatmap`, cached: ['heatmap'] }),
      isMeant: (data) => hasAtLeast(data, 'groups', fleet.count / 256),
    },
    {
      name: 'heatmap, one subnet',
      next: () => {
        const group = fleet.subnet(miner());
        const path = `/api/collector/sites/${site}/heatmap?group=${encodeURIComponent(group)}`;
        return { path, cached: [path] };
      },
      isMeant: (data) => hasAtLeast(data, 'cells', 1),
    },
    {
      name: 'stats',
      next: () => ({ path: '/api/collector/stats', cached: ['stats'] }),
      isMeant: (data) => Number(data['total_miners']) >= fleet.count,
    },
    {
      name: 'sites',
      next: () => ({ path: '/api/collector/sites', cached: ['sites'] }),
      isMeant: () => true,
    },
  ];
}

/** Looks up cursors in the middle of every order: it goes to the page by its number, and takes where that ends. */
export async function findDeepPages(
  fleet: Fleet,
  get: (path: string) => Promise<Answer>,
): Promise<DeepPage[]> {
  const pages: DeepPage[] = [];
  const perPage = 50;
  for (const sort of liveSorts) {
    for (const share of [0.1, 0.5, 0.9]) {
      const page = Math.max(1, Math.floor((fleet.count * share) / perPage) - 1);
      const query = new URLSearchParams({
        sort,
        order: 'desc',
        per_page: String(perPage),
        page: String(page),
      });
      const data = await get(`/api/collector/live/${fleet.siteId}?${query.toString()}`);
      const { next_cursor: cursor } = data['pagination'] as { next_cursor: string | null };
      if (cursor !== null) pages.push({ sort, cursor });
    }
  }
  return pages;
}
