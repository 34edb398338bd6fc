import { connect } from 'node:net';
import { parentPort } from 'node:worker_threads';

/** One miner and what to send it, each on a connection of its own. */
export interface BareMiner {
  readonly host: string;
  readonly requests: readonly string[];
}

/** What the thread is told: the miners once, then how to go through them. */
export type BareMessage =
  | { readonly kind: 'miners'; readonly miners: readonly BareMiner[] }
  | { readonly kind: 'run'; readonly port: number; readonly sockets: number };

/** What it answers to `run`. */
export interface BarePass {
  readonly replies: number;
  readonly bytes: number;
  readonly failures: number;
}

/** Connect, send, read until NUL or the end, close: nothing is looked at, nothing kept. Answers bytes read. */
function ask(host: string, port: number, request: string): Promise<number> {
  return new Promise((resolve, reject) => {
    const socket = connect({ host, port, noDelay: true });
    let bytes = 0;
    socket.on('connect', () => socket.write(request));
    socket.on('data', (chunk) => {
      bytes += chunk.length;
      if (chunk[chunk.length - 1] === 0) socket.destroy();
    });
    socket.on('error', reject);
    socket.on('close', () => resolve(bytes));
  });
}

async function run(miners: readonly BareMiner[], port: number, sockets: number): Promise<BarePass> {
  const queue = miners[Symbol.iterator]();
  let replies = 0;
  let bytes = 0;
  let failures = 0;
  const loop = async (): Promise<void> => {
    for (const { host, requests } of queue) {
      for (const request of requests) {
        const read = await ask(host, port, request).catch(() => 0);
        if (read === 0) failures++;
        else replies++;
        bytes += read;
      }
    }
  };
  await Promise.all(Array.from({ length: sockets }, loop));
  return { replies, bytes, failures };
}

let miners: readonly BareMiner[] = [];
parentPort?.on('message', (message: BareMessage) => {
  if (message.kind === 'miners') miners = message.miners;
  else void run(miners, message.port, message.sockets).then((pass) => parentPort?.postMessage(pass));
});
