import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { AppError } from '../domain/errors.js';
import type { Metrics } from './metrics.js';

export interface HealthServerOptions {
  readonly host: string;
  readonly port: number;
  readonly metrics: Metrics;
  /** Resolves when the process can do its work; what it throws is the reason. */
  readonly ready: () => Promise<void>;
}

export interface HealthServer {
  readonly url: string;
  close(): Promise<void>;
}

/**
 * `/healthz`, `/readyz` and `/metrics` for a process without the api.
 *
 * @throws AppError CONFIG_INVALID naming the setting when its address is taken or not of this machine.
 */
export async function startHealthServer(options: HealthServerOptions): Promise<HealthServer> {
  const answer = async (path: string): Promise<{ status: number; type: string; body: string }> => {
    if (path === '/metrics')
      return { status: 200, type: options.metrics.contentType, body: await options.metrics.text() };
    if (path === '/healthz') return json(200, { status: 'ok' });
    if (path !== '/readyz') return json(404, { success: false, error: 'Not found', code: 'NOT_FOUND' });
    try {
      await options.ready();
      return json(200, { status: 'ready' });
    } catch (error) {
      return json(503, {
        status: 'not ready',
        reason: error instanceof Error ? error.message : String(error),
      });
    }
  };
  const server = createServer({ requestTimeout: 10_000, headersTimeout: 5_000 }, (request, response) => {
    request.resume();
    void answer((request.url ?? '').split('?')[0] ?? '').then(({ status, type, body }) => {
      response.writeHead(status, { 'Content-Type': type, 'Cache-Control': 'no-store' }).end(body);
    });
  });
  await new Promise<void>((resolve, reject) => {
    server.once('error', (cause) => {
      const address = `${options.host}:${options.port}`;
      const message = `metrics.host, metrics.port: cannot listen on ${address}; set another, one for each process`;
      reject(new AppError('CONFIG_INVALID', message, { cause }));
    });
    server.listen(options.port, options.host, resolve);
  });
  const { port } = server.address() as AddressInfo;
  return {
    url: `http://${options.host}:${port}`,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

function json(status: number, body: object): { status: number; type: string; body: string } {
  return { status, type: 'application/json', body: JSON.stringify(body) };
}
