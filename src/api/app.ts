import { randomUUID } from 'node:crypto';
import path from 'node:path';
import express, { type Express, type NextFunction, type Request, type Response } from 'express';
import helmet from 'helmet';
import { AppError } from '../domain/errors.js';
import { createGuards } from './access.js';
import { createKeyCheck } from './collector-key.js';
import type { ApiDeps } from './deps.js';
import { createErrorAnswer } from './error-answer.js';
import { createPrincipals } from './principals.js';
import { createRoutes } from './routes.js';
import { createSiteGuard } from './site-guard.js';
import { traceRequest } from './trace-request.js';

/** Builds the api and the web page's server. Does not listen; see `startServer`. */
export function createApp(deps: ApiDeps): Express {
  const app = express();
  app.disable('x-powered-by').disable('etag').set('query parser', 'simple');
  app.set('trust proxy', deps.options.trustProxy);
  app.use(traceRequest);
  app.use(secureHeaders());
  app.use(watchRequest(deps));
  app.use(nameRequest);
  app.use('/api', (_request, response, next) => {
    response.set('Cache-Control', 'no-store');
    next(deps.lifecycle.isDraining ? new AppError('DRAINING', 'Shutting down') : undefined);
  });
  const checkKey = createKeyCheck(deps);
  const principals = createPrincipals(deps);
  const guards = createGuards(checkKey, principals, deps);
  for (const { method, path: name, doc, handle } of createRoutes(deps, checkKey, principals)) {
    app[method](name, [nameRoute(name), ...guards[doc.access], ...createSiteGuard(doc, deps)], handle);
  }
  app.use('/api', () => {
    throw new AppError('NOT_FOUND', 'No such route');
  });
  if (deps.webDir !== null) app.use(serveWeb(deps.webDir));
  app.use(() => {
    throw new AppError('NOT_FOUND', 'No such page');
  });
  app.use(createErrorAnswer(deps.log));
  return app;
}

/** The page is built into files of its own: nothing inline, nothing from elsewhere. */
function secureHeaders(): express.RequestHandler {
  return helmet({
    contentSecurityPolicy: {
      useDefaults: false,
      directives: {
        defaultSrc: ["'self'"],
        baseUri: ["'none'"],
        formAction: ["'self'"],
        frameAncestors: ["'none'"],
        objectSrc: ["'none'"],
      },
    },
    // Whoever ends TLS in front decides on this one.
    strictTransportSecurity: false,
  });
}

/** Counts each answer by route, and ends a connection that goes on sending a body long after its answer. */
function watchRequest(deps: ApiDeps): express.RequestHandler {
  return (request, response, next) => {
    response.on('finish', () => {
      if (request.complete) return;
      const timer = setTimeout(() => {
        if (!request.complete) request.socket.destroy();
      }, deps.options.discardMs);
      timer.unref();
    });
    response.on('close', () => {
      const route = (response.locals['route'] as string | undefined) ?? 'unmatched';
      const status = response.writableFinished ? String(response.statusCode) : 'aborted';
      deps.metrics.add('headframe_http_requests_total', 1, { route, status });
    });
    next();
  };
}

/** So that an answer, the audit log and the process's log can be laid side by side. */
function nameRequest(_request: Request, response: Response, next: NextFunction): void {
  const id = randomUUID();
  response.locals['requestId'] = id;
  response.set('X-Request-Id', id);
  next();
}

function nameRoute(name: string): express.RequestHandler {
  return (_request: Request, response: Response, next: NextFunction) => {
    response.locals['route'] = name;
    next();
  };
}

/** Built files carry a hash in their name and never change; the page that names them is always asked for. */
function serveWeb(webDir: string): express.RequestHandler {
  const assets = path.join(path.resolve(webDir), 'assets') + path.sep;
  return express.static(webDir, {
    index: 'index.html',
    redirect: false,
    setHeaders: (response, file) => {
      response.setHeader(
        'Cache-Control',
        file.startsWith(assets) ? 'public, max-age=31536000, immutable' : 'no-cache',
      );
    },
  });
}
