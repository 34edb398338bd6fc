import type { LivePosition, LiveQuery, LiveMiner } from '../../src/domain/ingest.js';
import type { LiveRepo, ReadMoment } from '../../src/storage/live.repo.js';

/** Everything, fifty a page, by address. */
export const everything: LiveQuery = {
  page: 1,
  perPage: 50,
  after: null,
  onlineOnly: false,
  state: null,
  health: null,
  model: null,
  firmware: null,
  pool: null,
  subnet: null,
  search: null,
  sort: 'miner_id',
  descending: false,
};

/** Every miner that matches, read page after page by position. */
export async function readByCursor(
  live: LiveRepo,
  siteId: number,
  query: LiveQuery,
  moment: ReadMoment,
): Promise<LiveMiner[]> {
  const miners: LiveMiner[] = [];
  let after: LivePosition | null = null;
  for (;;) {
    const page = await live.page(siteId, { ...query, after }, moment);
    miners.push(...page.miners);
    if (page.next === null) return miners;
    after = page.next;
  }
}
