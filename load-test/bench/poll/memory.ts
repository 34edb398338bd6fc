import { createServer, type Server } from 'node:http';
import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { promisify } from 'node:util';
import { gunzip } from 'node:zlib';
import { stringify } from 'yaml';
import { startRole, startSimulatorProcess } from '../children.js';
import { memoryOf } from '../process-stats.js';
import { median, progress, type Figure } from '../report.js';
import { rangesOf } from './farm.js';

const inflate = promisify(gunzip);
const base = '127.40.0.1';
const key = `hsc_${'0'.repeat(43)}`;

/** Stands in for the api: acknowledges every batch and counts its rows. */
interface Sink {
  readonly url: string;
  readonly rows: () => number;
  close(): Promise<void>;
}

/**
 * Memory of `headframe edge`, a process of its own, polling `miners` for `slots` slots and uploading
 * all of it: the first slot, which learns every miner and sends its raw replies along, included.
 */
export async function benchMemory(miners: number, slots: number, intervalS: number): Promise<Figure[]> {
  const folder = await mkdtemp(join(tmpdir(), 'headframe-bench-'));
  const sink = await startSink();
  const simulator = await startSimulatorProcess([
    '--base',
    base,
    '--count',
    String(miners),
    '--mix',
    'clean',
  ]);
  try {
    const file = join(folder, 'headframe.yaml');
    await writeFile(file, stringify(settings(folder, sink.url, simulator.port, miners, intervalS)));
    const edge = await startRole(['edge', '--config', file], 'edge is polling');
    try {
      const seen: number[] = [];
      const endsAt = performance.now() + slots * intervalS * 1000;
      progress(`memory: edge polls ${miners} miners for ${slots * intervalS} s`);
      while (performance.now() < endsAt) {
        await delay(500);
        const memory = memoryOf(edge.pid);
        if (memory !== null) seen.push(memory.nowMb);
      }
      const peak = memoryOf(edge.pid)?.peakMb ?? null;
      return figuresOf(miners, intervalS, seen, peak, sink.rows());
    } finally {
      await edge.stop();
    }
  } finally {
    await simulator.stop();
    await sink.close();
    await rm(folder, { recursive: true, force: true });
  }
}

function figuresOf(
  miners: number,
  intervalS: number,
  seen: readonly number[],
  peak: number | null,
  rows: number,
): Figure[] {
  const note = `${rows.toLocaleString('en-US')} rows delivered at ${intervalS} s a slot`;
  return [
    {
      name: `edge with ${miners.toLocaleString('en-US')} miners, greatest memory`,
      value: peak,
      unit: 'MB',
      target: { atMost: 300 },
      note,
    },
    {
      name: 'edge, memory in the second half',
      value: seen.length === 0 ? null : median(seen.slice(seen.length >> 1)),
      unit: 'MB',
    },
  ];
}

function settings(folder: string, url: string, port: number, miners: number, intervalS: number): object {
  return {
    data_dir: join(folder, 'data'),
    allow_loopback: true,
    log_level: 'info',
    poll: { interval_s: intervalS },
    upload: { url },
    metrics: { port: 0 },
    sites: [{ name: 'bench', ranges: rangesOf(base, miners), port, key }],
  };
}

async function startSink(): Promise<Sink> {
  let total = 0;
  const server: Server = createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', () => {
      // An edge asks for commands too, and tells how it does; here nobody gives any, and nobody listens.
      if (request.url !== '/api/collector/upload') {
        response.writeHead(404).end();
        return;
      }
      void inflate(Buffer.concat(chunks)).then((body) => {
        const rows = (JSON.parse(body.toString()) as unknown[]).length;
        total += rows;
        const data = { processed: rows, online: rows, offline: 0, stored: rows, duplicate: 0, rejected: [] };
        response.setHeader('Content-Type', 'application/json');
        response.end(JSON.stringify({ success: true, inserted: rows, updated: rows, data }));
      });
    });
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    rows: () => total,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}
