import { createServer, type Server, type Socket } from 'node:net';
import type { SimulatedMiner } from './miner.js';
import { answerV3 } from './replies/whatsminer-v3.js';
import { sceneOf } from './respond.js';

/** The server, and how it ends with all its connections. */
interface FramedServer {
  readonly server: Server;
  stop(): void;
}

/** Longest request read, bytes. */
const maxRequestBytes = 4096;

/**
 * A server for Whatsminer's API v3: each message has its length in front, 32 bits, little end first. Whoever
 * is no Whatsminer, or has a fault that hides it, resets or keeps silent as on the other port.
 */
export function createFramedServer(
  find: (address: string) => SimulatedMiner | undefined,
  nowMs: () => number,
): FramedServer {
  const open = new Set<Socket>();
  const server = createServer((socket) => {
    open.add(socket);
    socket.on('close', () => open.delete(socket));
    const miner = find((socket.localAddress ?? '').replace(/^::ffff:/, ''));
    socket.on('error', () => socket.destroy());
    const isThere = miner?.model.dialect === 'whatsminer' && miner.fault?.kind !== 'refused';
    if (miner === undefined || !isThere) return void socket.resetAndDestroy();
    serve(socket, miner, nowMs);
  });
  const stop = (): void => {
    server.close();
    for (const socket of open) socket.destroy();
  };
  return { server, stop };
}

function serve(socket: Socket, miner: SimulatedMiner, nowMs: () => number): void {
  let received = Buffer.alloc(0);
  socket.setTimeout(30_000, () => socket.destroy());
  socket.on('data', (chunk) => {
    received = Buffer.concat([received, chunk]);
    const length = received.length < 4 ? 0 : received.readUInt32LE(0);
    if (length > maxRequestBytes) return void socket.destroy();
    if (received.length < 4 + length || length === 0) return;
    const body = received.toString('utf8', 4, 4 + length);
    received = Buffer.alloc(0);
    if (miner.fault?.kind === 'silent' || miner.isDown(nowMs())) return;
    socket.end(frame(JSON.stringify(answer(miner, body, nowMs()))));
  });
}

function answer(miner: SimulatedMiner, body: string, nowMs: number): object {
  try {
    const { cmd, param } = JSON.parse(body) as { cmd?: unknown; param?: unknown };
    const texts = [cmd, param].map((it) => (typeof it === 'string' ? it : ''));
    return answerV3(sceneOf(miner, nowMs), texts[0] ?? '', texts[1] ?? '');
  } catch {
    return { code: -1, when: Math.floor(nowMs / 1000), msg: 'invalid json', desc: '' };
  }
}

function frame(text: string): Buffer {
  const body = Buffer.from(text, 'utf8');
  const length = Buffer.alloc(4);
  length.writeUInt32LE(body.length, 0);
  return Buffer.concat([length, body]);
}
