import { createServer, type Server, type Socket } from 'node:net';
import { controlV3 } from './control-whatsminer-v3.js';
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
  password: string,
): FramedServer {
  const open = new Set<Socket>();
  const server = createServer((socket) => {
    open.add(socket);
    socket.on('close', () => open.delete(socket));
    const miner = find((socket.localAddress ?? '').replace(/^::ffff:/, ''));
    socket.on('error', () => socket.destroy());
    const isThere = miner?.model.dialect === 'whatsminer' && miner.fault?.kind !== 'refused';
    if (miner === undefined || !isThere) return void socket.resetAndDestroy();
    serve(socket, miner, nowMs, password);
  });
  const stop = (): void => {
    server.close();
    for (const socket of open) socket.destroy();
  };
  return { server, stop };
}

function serve(socket: Socket, miner: SimulatedMiner, nowMs: () => number, password: string): void {
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
    const before = miner.writesDone;
    const said = answer(miner, body, nowMs(), password);
    const fault = miner.writesDone === before ? null : miner.fault;
    if (fault?.kind === 'write_lost') return;
    if (said === null || fault?.kind === 'write_closed') return void socket.end();
    const bytes = frame(JSON.stringify(said));
    if (fault?.kind === 'write_slow') setTimeout(() => socket.end(bytes), fault.delayMs);
    else socket.end(bytes);
  });
}

/** Null closes without a byte. */
function answer(miner: SimulatedMiner, body: string, nowMs: number, password: string): object | null {
  try {
    const request = JSON.parse(body) as Record<string, unknown>;
    const { cmd, param } = request;
    if (typeof cmd === 'string' && cmd.startsWith('set.')) {
      const said = controlV3(miner, request, nowMs, password);
      return said === 'silent' ? null : { ...said, when: Math.floor(nowMs / 1000), desc: cmd };
    }
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
