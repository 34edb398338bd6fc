import type { Request, Response } from 'express';
import { optionalCollector, type Access } from './access.js';
import type { KeyCheck } from './collector-key.js';
import type { ApiDeps } from './deps.js';
import { createHealth, createMetricsPage, createReadiness } from './health.js';
import { createReads } from './reads.js';
import { createStreamHandler } from './stream.js';
import { createUploadHandler } from './upload.js';

/** One line of the api: what is answered, to whom. */
export interface Route {
  readonly method: 'get' | 'post' | 'delete';
  readonly path: string;
  readonly access: Access;
  readonly handle: (request: Request, response: Response) => Promise<void> | void;
}

/** Every route. What is not here is 404, before anyone is asked for a key. */
export function createRoutes(deps: ApiDeps, checkKey: KeyCheck): readonly Route[] {
  const reads = createReads(deps);
  return [
    { method: 'post', path: '/api/collector/upload', access: 'collector', handle: createUploadHandler(deps) },
    { method: 'get', path: '/api/collector/status', access: 'open', handle: createStatus(deps, checkKey) },
    { method: 'get', path: '/api/collector/sites', access: 'viewer', handle: reads.sites },
    {
      method: 'get',
      path: '/api/collector/sites/:site/miners/:minerId',
      access: 'viewer',
      handle: reads.miner,
    },
    { method: 'get', path: '/api/collector/summary/:site', access: 'viewer', handle: reads.summary },
    { method: 'get', path: '/api/collector/live/:site', access: 'viewer', handle: reads.live },
    { method: 'get', path: '/api/collector/top/:site', access: 'viewer', handle: reads.top },
    { method: 'get', path: '/api/collector/stats', access: 'viewer', handle: reads.stats },
    { method: 'get', path: '/api/collector/quirks', access: 'viewer', handle: reads.quirks },
    {
      method: 'get',
      path: '/api/collector/stream',
      access: 'viewer',
      handle: createStreamHandler(deps, (siteId) => reads.loadSummary(siteId)),
    },
    { method: 'get', path: '/healthz', access: 'open', handle: createHealth(deps) },
    { method: 'get', path: '/readyz', access: 'open', handle: createReadiness(deps) },
    { method: 'get', path: '/metrics', access: 'open', handle: createMetricsPage(deps) },
  ];
}

/** `GET /api/collector/status`: collectors try their connection, and their key when they send one, with it. */
function createStatus(deps: ApiDeps, checkKey: KeyCheck): Route['handle'] {
  return async (request, response) => {
    const key = await optionalCollector(request, checkKey);
    response.json({
      success: true,
      status: 'ok',
      version: deps.version,
      time: new Date(deps.now()).toISOString(),
      ...(key === null ? {} : { site_id: key.siteId }),
    });
  };
}
