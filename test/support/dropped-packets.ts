import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { connect, type Socket } from 'node:net';
import { promisify } from 'node:util';

const run = promisify(execFile);
const prefix = 'headframe_test_';

/** Undoes what was done; idempotent. */
export type Undo = () => Promise<void>;

/**
 * Drops every packet to one TCP port of a range of loopback addresses, so that connecting there stays
 * without an answer. Needs root and nftables; the rule is this process's own and touches nothing else.
 */
export async function dropPackets(cidr: string, port: number): Promise<Undo> {
  await removeAbandoned();
  const table = `${prefix}${process.pid}_${port}`;
  const rules = [
    `table inet ${table} {`,
    'chain input {',
    'type filter hook input priority 0',
    `ip daddr ${cidr} tcp dport ${port} drop`,
    '}',
    '}',
  ].join('\n');
  await nft(rules);
  return async () => {
    await run('nft', ['delete', 'table', 'inet', table]).catch(() => undefined);
  };
}

/** Why packets cannot be dropped here; null when they can. */
export async function whyNoPacketFilter(): Promise<string | null> {
  if (process.getuid?.() !== 0) return 'dropping packets needs root';
  return run('nft', ['list', 'tables']).then(
    () => null,
    (error: unknown) => `dropping packets needs nftables: ${String(error)}`,
  );
}

/** Tables of processes that were killed before they could remove theirs. */
async function removeAbandoned(): Promise<void> {
  const { stdout } = await run('nft', ['list', 'tables']);
  for (const [, name = '', pid = ''] of stdout.matchAll(/table inet (headframe_test_(\d+)_\d+)/g)) {
    if (!existsSync(`/proc/${pid}`))
      await run('nft', ['delete', 'table', 'inet', name]).catch(() => undefined);
  }
}

async function nft(rules: string): Promise<void> {
  const child = spawn('nft', ['-f', '-'], { stdio: ['pipe', 'ignore', 'pipe'] });
  const complaint: Buffer[] = [];
  child.stderr.on('data', (chunk: Buffer) => complaint.push(chunk));
  child.stdin.end(`${rules}\n`);
  const [code] = (await once(child, 'close')) as [number | null];
  if (code !== 0) throw new Error(`nft: ${Buffer.concat(complaint).toString('utf8')}`);
}

/** A listener that has stopped taking connections: its queue is full, and what else comes is dropped. */
export interface FullListener {
  /** On every loopback address. */
  readonly port: number;
  close: Undo;
}

/** Needs no rights: a process that listens, is stopped, and has its queue filled. */
export async function startFullListener(): Promise<FullListener> {
  const script = `const s = require('node:net').createServer();
    s.listen({ host: '0.0.0.0', port: 0, backlog: 1 }, () => console.log(s.address().port));`;
  const child = spawn(process.execPath, ['-e', script], { stdio: ['ignore', 'pipe', 'inherit'] });
  const [text] = (await once(child.stdout, 'data')) as [Buffer];
  const port = Number(text.toString('utf8'));
  child.kill('SIGSTOP');
  const held: Socket[] = [];
  const close: Undo = async () => {
    for (const socket of held) socket.destroy();
    if (child.exitCode !== null || child.signalCode !== null) return;
    child.kill('SIGKILL');
    await once(child, 'close');
  };
  for (let tries = 0; tries < 16; tries += 1) {
    const socket = connect({ host: '127.0.0.1', port });
    socket.on('error', () => undefined);
    held.push(socket);
    const isTaken = await Promise.race([
      once(socket, 'connect').then(() => true),
      new Promise<boolean>((resolve) => setTimeout(resolve, 250, false)),
    ]);
    if (!isTaken) return { port, close };
  }
  await close();
  throw new Error('the queue of a stopped listener does not fill');
}
