import type { RequestHandler } from 'express';
import { failSpan, serveInSpan } from '../telemetry/tracing.js';

const untraced: ReadonlySet<string> = new Set(['/healthz', '/readyz', '/metrics']);

/** A span for each request but those that watch the process; it carries on from the sender's, and ends with the answer. */
export const traceRequest: RequestHandler = (request, response, next) => {
  const { method, path } = request;
  if (untraced.has(path)) return next();
  serveInSpan(method, request.headers, (span) => {
    response.on('close', () => {
      const route = (response.locals['route'] as string | undefined) ?? 'unmatched';
      span.updateName(`${method} ${route}`);
      span.setAttributes({
        'http.request.method': method,
        'http.route': route,
        'http.response.status_code': response.statusCode,
      });
      if (response.statusCode >= 500) failSpan(span, response.statusCode);
      span.end();
    });
    next();
  });
};
