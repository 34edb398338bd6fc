import { once } from 'node:events';
import { connect, createServer, type AddressInfo, type Socket } from 'node:net';

/** A TCP balancer that gives each connection to the next target, whoever asks. */
export interface RoundRobin {
  readonly url: string;
  /** Connections that each target took, in their order. */
  readonly taken: readonly number[];
  /** Ends all connections: those that come instead are given out anew. */
  cut(): void;
  close(): Promise<void>;
}

/** Listens on a free port of loopback. A target that refuses is passed over for the next one. */
export async function startRoundRobin(ports: () => readonly number[]): Promise<RoundRobin> {
  const sockets = new Set<Socket>();
  const taken: number[] = [];
  let next = 0;
  const serve = (client: Socket, triesLeft: number): void => {
    const targets = ports();
    const index = next++ % targets.length;
    const target = connect(targets[index] ?? 0, '127.0.0.1');
    const onRefused = (): void => {
      target.destroy();
      if (triesLeft > 0) serve(client, triesLeft - 1);
      else client.destroy();
    };
    target.once('error', onRefused);
    target.once('connect', () => {
      taken[index] = (taken[index] ?? 0) + 1;
      target.off('error', onRefused);
      for (const [from, to] of [
        [client, target],
        [target, client],
      ] as const) {
        sockets.add(from);
        from.on('error', () => to.destroy());
        from.on('close', () => {
          sockets.delete(from);
          to.destroy();
        });
        from.pipe(to);
      }
    });
  };
  const server = createServer((client) => {
    client.on('error', () => client.destroy());
    serve(client, ports().length - 1);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const cut = (): void => {
    for (const socket of sockets) socket.destroy();
  };
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    taken,
    cut,
    async close() {
      server.close();
      cut();
      await once(server, 'close');
    },
  };
}
