import type { Request, Response } from 'express';
import { optionalCollector } from './access.js';
import { createAudit } from './audit.js';
import { createAuthHandlers, createBeginSession } from './auth.js';
import type { KeyCheck } from './collector-key.js';
import { buildOpenApi } from './contract/openapi.js';
import type { RouteDoc } from './contract/route-doc.js';
import { routeTable, type RouteKey } from './contract/route-table.js';
import { createAlertHandlers } from './alerts.js';
import { createClusterHandlers } from './cluster.js';
import { createCommandHandlers } from './commands.js';
import type { ApiDeps } from './deps.js';
import { createLoginLimit } from './login-limit.js';
import { createOidcHandlers } from './oidc.js';
import { docsPageStyle, renderDocsPage } from './docs-page.js';
import { createHealth, createMetricsPage, createReadiness } from './health.js';
import { createHistoryReads } from './history-reads.js';
import { createPlanHandlers } from './plans.js';
import { createPeopleHandlers } from './people.js';
import type { Principals } from './principals.js';
import { createLoad, createReads } from './reads.js';
import { createStreamHandler } from './stream.js';
import { createUploadHandler } from './upload.js';

type Handle = (request: Request, response: Response) => Promise<void> | void;

/** One line of the api: what is answered, to whom. */
export interface Route {
  readonly method: 'get' | 'post' | 'put' | 'delete';
  readonly path: string;
  readonly doc: RouteDoc;
  readonly handle: Handle;
}

/** Every route of `routeTable`. What is not here is 404, before anyone is asked for a key. */
export function createRoutes(deps: ApiDeps, checkKey: KeyCheck, principals: Principals): readonly Route[] {
  const audit = createAudit(deps);
  const beginSession = createBeginSession(deps);
  const logins = createLoginLimit(deps.options.logins);
  const load = createLoad(deps);
  const reads = createReads(deps, load);
  const past = createHistoryReads(deps, load);
  const document = buildOpenApi(routeTable, deps.version);
  const page = renderDocsPage(document);
  const handlers: Record<RouteKey, Handle> = {
    'post /api/collector/upload': createUploadHandler(deps),
    'get /api/collector/status': createStatus(deps, checkKey),
    'get /api/collector/sites': reads.sites,
    'get /api/collector/sites/:site/miners/:minerId': reads.miner,
    'get /api/collector/summary/:site': reads.summary,
    'get /api/collector/live/:site': reads.live,
    'get /api/collector/top/:site': reads.top,
    'get /api/collector/stats': reads.stats,
    'get /api/collector/quirks': reads.quirks,
    'get /api/collector/stream': createStreamHandler(deps, (siteId) => reads.loadSummary(siteId)),
    'get /api/collector/sites/:site/miners/:minerId/history': past.minerHistory,
    'get /api/collector/sites/:site/history': past.siteHistory,
    'get /api/collector/sites/:site/events': past.events,
    'get /api/collector/sites/:site/availability': past.availability,
    'get /api/collector/sites/:site/fleet': past.fleet,
    'get /api/collector/sites/:site/heatmap': past.heatmap,
    ...createAlertHandlers(deps, audit),
    ...createAuthHandlers(deps, { principals, audit, beginSession, logins }),
    ...createOidcHandlers(deps, { principals, audit, beginSession, logins }),
    ...createPeopleHandlers(deps, { principals, audit, beginSession, logins }),
    ...createCommandHandlers(deps),
    ...createPlanHandlers(deps),
    ...createClusterHandlers(deps, load),
    'get /api/openapi.json': (_request, response) => void response.json(document),
    'get /api/docs': (_request, response) => void response.type('html').send(page),
    'get /api/docs.css': (_request, response) => void response.type('css').send(docsPageStyle),
    'get /healthz': createHealth(deps),
    'get /readyz': createReadiness(deps),
    'get /metrics': createMetricsPage(deps),
  };
  return (Object.keys(routeTable) as RouteKey[]).map((key) => {
    const [method, path] = key.split(' ') as [Route['method'], string];
    return { method, path, doc: routeTable[key], handle: handlers[key] };
  });
}

/** `GET /api/collector/status`: collectors try their connection, and their key when they send one, with it. */
function createStatus(deps: ApiDeps, checkKey: KeyCheck): Handle {
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
