import type { LiveFilter } from './ingest.js';

/** Whether a filter looks at what a miner is, and not at its newest sample alone. */
export function isOfMiners(filter: LiveFilter): boolean {
  const { model, firmware, subnet } = filter;
  return model !== null || firmware !== null || subnet !== null;
}

/**
 * Whether finding the miners that match costs more than keeping them aside: then one look serves a page and its total.
 * Other filters leave most miners, and their total is a plain count that many pages share.
 */
export function isCountedByPage(filter: LiveFilter): boolean {
  return isOfMiners(filter) || filter.pool !== null || filter.search !== null;
}
