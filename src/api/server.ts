import { once } from 'node:events';
import { createServer as createHttpServer, type RequestListener, type Server } from 'node:http';
import { createServer as createHttpsServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';
import type { Lifecycle } from './lifecycle.js';

export interface ServerOptions {
  readonly app: RequestListener;
  readonly host: string;
  /** 0 takes a free one. */
  readonly port: number;
  readonly lifecycle: Lifecycle;
  /** PEM; without it plain HTTP. */
  readonly tls?: { readonly key: string; readonly cert: string };
  readonly timeouts?: Partial<ServerTimeouts>;
}

export interface ServerTimeouts {
  /** For the head of a request, ms. */
  readonly headersMs: number;
  /** For a whole request, body included, ms; longer than the body's own limit. */
  readonly requestMs: number;
  /** How long an idle connection is kept, ms. */
  readonly keepAliveMs: number;
  /** How long a connection may stand still in the middle of a request or answer, ms. */
  readonly idleMs: number;
  /** How often the first two are looked at, ms. */
  readonly checkMs: number;
  /** Connections at once. */
  readonly maxConnections: number;
}

const defaultServerTimeouts: ServerTimeouts = {
  headersMs: 10_000,
  requestMs: 60_000,
  keepAliveMs: 65_000,
  idleMs: 120_000,
  checkMs: 2_000,
  maxConnections: 5_000,
};

export interface RunningServer {
  readonly host: string;
  readonly port: number;
  /** `http://host:port`. */
  readonly url: string;
  /**
   * Idempotent. `/readyz` answers 503 from now on; after `noticeMs` nothing new is accepted; requests
   * under way have until `deadlineMs`, then their connections are closed.
   */
  stop(options?: { readonly deadlineMs?: number; readonly noticeMs?: number }): Promise<void>;
}

/** Listens. Rejects when the address is taken or refused. */
export async function startServer(options: ServerOptions): Promise<RunningServer> {
  const limits = { ...defaultServerTimeouts, ...options.timeouts };
  const checks = { connectionsCheckingInterval: limits.checkMs };
  const server =
    options.tls === undefined ? createHttpServer(checks) : createHttpsServer({ ...checks, ...options.tls });
  server.headersTimeout = limits.headersMs;
  server.requestTimeout = limits.requestMs;
  server.keepAliveTimeout = limits.keepAliveMs;
  server.timeout = limits.idleMs;
  server.maxConnections = limits.maxConnections;
  server.on('request', options.app);
  // The upload says "continue" itself, once it wants the body.
  server.on('checkContinue', options.app);
  server.listen(options.port, options.host);
  await once(server, 'listening');
  const { address, port, family } = server.address() as AddressInfo;
  const host = family === 'IPv6' ? `[${address}]` : address;
  let stopping: Promise<void> | null = null;
  return {
    host: address,
    port,
    url: `${options.tls === undefined ? 'http' : 'https'}://${host}:${port}`,
    stop: ({ deadlineMs = 8_000, noticeMs = 0 } = {}) => {
      stopping ??= drain(server, options.lifecycle, deadlineMs, noticeMs);
      return stopping;
    },
  };
}

async function drain(
  server: Server,
  lifecycle: Lifecycle,
  deadlineMs: number,
  noticeMs: number,
): Promise<void> {
  lifecycle.drain();
  if (noticeMs > 0) await delay(noticeMs);
  const closed = new Promise<void>((resolve) => server.close(() => resolve()));
  // A kept-alive connection becomes idle only after its answer: look again until all are gone.
  const sweep = setInterval(() => server.closeIdleConnections(), 50);
  const deadline = setTimeout(() => server.closeAllConnections(), deadlineMs);
  server.closeIdleConnections();
  await closed;
  clearInterval(sweep);
  clearTimeout(deadline);
}
