import { once } from 'node:events';
import type { Response } from 'express';
import { csvLine, type CsvCell } from '../domain/csv.js';
import { AppError } from '../domain/errors.js';
import type { LiveMiner, LiveQuery } from '../domain/ingest.js';
import { liveMiner } from './contract/live-answers.js';
import { withDatabaseDeadline } from './deadline.js';
import type { ApiDeps } from './deps.js';

const columns = Object.keys(liveMiner.shape) as (keyof LiveMiner)[];
const rowsPerBatch = 1_000;

/**
 * Streams every miner that matches as CSV. Which miners, and in what order, is asked once (four bytes
 * each); their rows are read as the client takes them, a batch at a time, so that a slow client holds
 * neither memory nor a connection of the database. A failure on the way cuts the answer short of its
 * end, which the client sees as a broken transfer, never as a complete file.
 */
export function createLiveCsv(
  deps: ApiDeps,
): (response: Response, siteId: number, query: LiveQuery) => Promise<void> {
  let running = 0;
  deps.metrics.gauge('headframe_csv_exports', () => running);
  const bounded = <T>(promise: Promise<T>): Promise<T> =>
    withDatabaseDeadline(promise, deps.options.readDeadlineMs);

  return async function sendCsv(response, siteId, query) {
    if (running >= deps.options.maxCsvExports) {
      throw new AppError('OVERLOADED', 'Too many exports at once', { retryAfterS: 10 });
    }
    running++;
    try {
      const ids = await bounded(deps.liveIds(siteId, query));
      if (ids.length === 0 && (await bounded(deps.liveCount(siteId, query))) === null) {
        throw new AppError('NOT_FOUND', 'No such site');
      }
      response.set({
        'Content-Type': 'text/csv; charset=utf-8',
        'Content-Disposition': `attachment; filename="miners-site-${siteId}.csv"`,
      });
      response.write(csvLine(columns));
      for (let from = 0; from < ids.length && !response.destroyed; from += rowsPerBatch) {
        const miners = await bounded(deps.liveByIds(ids.subarray(from, from + rowsPerBatch)));
        const hasRoom = response.write(miners.map((miner) => csvLine(toCells(miner))).join(''));
        // A client that takes nothing is ended by the server's limit for idle connections.
        if (!hasRoom) await drained(response);
      }
      response.end();
    } catch (error) {
      if (!response.headersSent) throw error;
      deps.log.warn({ err: error, siteId }, 'csv cut short');
      response.destroy();
    } finally {
      running--;
    }
  };
}

/** Until the response takes more, or is closed; leaves no listener behind. */
async function drained(response: Response): Promise<void> {
  if (response.destroyed) return;
  const one = new AbortController();
  const wait = (event: string): Promise<unknown> => once(response, event, { signal: one.signal });
  try {
    await Promise.race([wait('drain'), wait('close')].map((waiting) => waiting.catch(() => undefined)));
  } finally {
    one.abort();
  }
}

function toCells(miner: LiveMiner): CsvCell[] {
  return columns.map((column) => {
    const value = miner[column];
    return Array.isArray(value) ? value.join(' ') : (value as CsvCell);
  });
}
