import type { Request, Response } from 'express';
import { AppError } from '../domain/errors.js';
import { withDatabaseDeadline } from './deadline.js';
import type { ApiDeps } from './deps.js';

/** `GET /healthz`: the process is alive. Asks nothing of others. */
export function createHealth(deps: ApiDeps): (request: Request, response: Response) => void {
  return (_request, response) => {
    response.json({ success: true, status: 'ok', version: deps.version });
  };
}

/** `GET /readyz`: takes work. 503 while draining or without a database. */
export function createReadiness(deps: ApiDeps): (request: Request, response: Response) => Promise<void> {
  return async (_request, response) => {
    if (deps.lifecycle.isDraining) throw new AppError('DRAINING', 'Shutting down');
    try {
      await withDatabaseDeadline(deps.ping(), deps.options.pingDeadlineMs);
    } catch (error) {
      throw new AppError('DATABASE_UNAVAILABLE', 'The database does not answer', { cause: error });
    }
    response.json({ success: true, status: 'ready', checks: { database: 'ok' } });
  };
}

/** `GET /metrics`: Prometheus text. */
export function createMetricsPage(deps: ApiDeps): (request: Request, response: Response) => Promise<void> {
  return async (_request, response) => {
    response.type(deps.metrics.contentType).send(await deps.metrics.text());
  };
}
