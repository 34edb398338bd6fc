import { createServer, connect, type AddressInfo, type Server, type Socket } from 'node:net';
import { once } from 'node:events';

/**
 * What the proxy does with connections, present and future.
 *
 * - `pass`: forwards both ways.
 * - `blackhole`: accepts, swallows every byte of both sides, closes nothing (a half-open path).
 * - `stall`: reads nothing from either side, so both meet back-pressure; `pass` lets it flow again.
 * - `truncate`: forwards `bytes` bytes of one direction per connection, then ends both sides.
 * - `reset`: answers with RST.
 * - `refuse`: the port is closed, open connections are reset; `pass` opens the same port again.
 */
export type ProxyMode =
  | { readonly kind: 'pass' | 'blackhole' | 'stall' | 'reset' | 'refuse' }
  | { readonly kind: 'truncate'; readonly bytes: number; readonly direction?: 'request' | 'answer' };

export interface TcpProxy {
  readonly host: string;
  readonly port: number;
  /** `http://host:port`. */
  readonly url: string;
  /** Connections accepted so far. */
  readonly accepted: number;
  /** Client connections open now. */
  readonly open: number;
  /** Holds for new connections and, as far as it can, for open ones. */
  setMode(mode: ProxyMode): Promise<void>;
  close(): Promise<void>;
}

interface Link {
  readonly client: Socket;
  readonly target: Socket;
}

/** Starts a proxy on a free loopback port in front of `targetPort`; a function is asked at each connection. */
export async function startTcpProxy(options: {
  targetPort: number | (() => number);
  targetHost?: string;
  mode?: ProxyMode;
}): Promise<TcpProxy> {
  const host = '127.0.0.1';
  const links = new Set<Link>();
  let mode: ProxyMode = options.mode ?? { kind: 'pass' };
  let accepted = 0;
  let server: Server | null = null;

  const forward = (from: Socket, to: Socket, direction: 'request' | 'answer'): void => {
    let sent = 0;
    from.on('data', (chunk: Buffer) => {
      if (mode.kind === 'blackhole') return;
      if (mode.kind === 'truncate' && (mode.direction ?? 'answer') === direction) {
        const rest = chunk.subarray(0, Math.max(0, mode.bytes - sent));
        sent += rest.length;
        to.write(rest);
        if (sent >= mode.bytes) {
          to.end();
          from.destroySoon();
        }
        return;
      }
      sent += chunk.length;
      if (!to.write(chunk)) from.pause();
    });
    to.on('drain', () => {
      if (mode.kind !== 'stall') from.resume();
    });
    from.on('end', () => {
      if (mode.kind !== 'blackhole') to.end();
    });
    from.on('error', () => to.destroy());
  };

  const settle = ({ client, target }: Link): void => {
    if (mode.kind === 'reset' || mode.kind === 'refuse') {
      client.resetAndDestroy();
      target.resetAndDestroy();
    } else if (mode.kind === 'stall') {
      client.pause();
      target.pause();
    } else {
      client.resume();
      target.resume();
    }
  };

  const accept = (client: Socket): void => {
    accepted++;
    if (mode.kind === 'reset') {
      client.on('error', () => undefined);
      client.resetAndDestroy();
      return;
    }
    const target = connect({
      host: options.targetHost ?? host,
      port: typeof options.targetPort === 'function' ? options.targetPort() : options.targetPort,
      allowHalfOpen: true,
    });
    const link = { client, target };
    links.add(link);
    client.on('close', () => {
      links.delete(link);
      target.destroy();
    });
    target.on('close', () => {
      if (mode.kind !== 'blackhole' && mode.kind !== 'stall') client.destroySoon();
    });
    forward(client, target, 'request');
    forward(target, client, 'answer');
    settle(link);
  };

  const listen = async (port: number): Promise<Server> => {
    const next = createServer({ allowHalfOpen: true }, accept).listen(port, host);
    await once(next, 'listening');
    return next;
  };
  const closeServer = async (): Promise<void> => {
    const old = server;
    server = null;
    if (old === null) return;
    await new Promise<void>((resolve) => {
      old.close(() => resolve());
      for (const { client, target } of links) {
        client.resetAndDestroy();
        target.resetAndDestroy();
      }
    });
  };

  server = await listen(0);
  const { port } = server.address() as AddressInfo;
  if (mode.kind === 'refuse') await closeServer();
  return {
    host,
    port,
    url: `http://${host}:${port}`,
    get accepted() {
      return accepted;
    },
    get open() {
      return links.size;
    },
    async setMode(next) {
      mode = next;
      if (next.kind === 'refuse') await closeServer();
      else server ??= await listen(port);
      for (const link of links) settle(link);
    },
    close: closeServer,
  };
}
