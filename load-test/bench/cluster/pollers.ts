import { createServer, type Server } from 'node:http';
import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { gunzipSync } from 'node:zlib';
import { startRole, startSimulatorProcess, type Child } from '../children.js';
import { progress, quantile, type Figure } from '../report.js';
import { startRedisServer } from '../redis-server.js';

export interface PollersOptions {
  readonly redisProgram: string;
  readonly pollers: readonly number[];
  readonly shards: number;
  readonly minersPerShard: number;
  readonly intervalS: number;
  /** Sockets of one poller. */
  readonly sockets: number;
  /** Measured over so many intervals, after some to learn the miners. */
  readonly intervals: number;
  readonly learnIntervals: number;
}

/** How long a miner takes to answer, ms. */
const answerMs = 100;
const network = '127.52';

/** Takes every batch at once, and how long after its slot each sample came. */
interface Sink {
  readonly url: string;
  readonly lagsMs: number[];
  readonly server: Server;
}

async function startSink(): Promise<Sink> {
  const lagsMs: number[] = [];
  const server = createServer((request, response) => {
    if (request.method !== 'POST') {
      // Asked for commands: there are none, and the next question comes after a while.
      setTimeout(() => response.end('{"success":true,"commands":[],"count":0}'), 1_000);
      return;
    }
    if (request.url !== '/api/collector/upload') {
      // How the poller does is nothing that is measured here.
      request.resume().on('end', () => response.end('{"success":true}'));
      return;
    }
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', () => {
      const text = gunzipSync(Buffer.concat(chunks)).toString('utf8');
      const now = Date.now();
      const times = [...text.matchAll(/"timestamp":"([^"]+)"/g)].map(
        ([, time = '']) => now - Date.parse(time),
      );
      lagsMs.push(...times);
      const data = { processed: times.length, stored: times.length, duplicate: 0, rejected: [] };
      response.setHeader('content-type', 'application/json');
      response.end(JSON.stringify({ success: true, inserted: times.length, updated: times.length, data }));
    });
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, lagsMs, server };
}

async function scrape(url: string): Promise<{ samples: number; late: number; slots: number }> {
  const text = await (await fetch(new URL('/metrics', url))).text();
  const sum = (pattern: RegExp): number =>
    [...text.matchAll(pattern)].reduce((total, match) => total + Number(match[1]), 0);
  const slots = sum(/^headframe_slots_total\{[^}]*\} (\d+)/gm);
  const polled = sum(/^headframe_slots_total\{[^}]*outcome="polled"[^}]*\} (\d+)/gm);
  return { samples: sum(/^headframe_samples_total\{[^}]*\} (\d+)/gm), late: slots - polled, slots };
}

/**
 * One, two and three pollers on one queue, with as many miners as three of them manage: each does what its
 * sockets allow, so that neither the cores nor the simulator are the limit.
 */
export async function benchPollers(options: PollersOptions): Promise<Figure[]> {
  const { shards, minersPerShard, intervalS } = options;
  const simulator = await startSimulatorProcess([
    ...['--base', `${network}.0.1`, '--count', String(shards * 254), '--mix', 'clean', '--seed', '7'],
    ...['--models', 'antminer-s19', '--fault', `slow:${answerMs}=1`],
  ]);
  const figures: Figure[] = [];
  let one = NaN;
  try {
    for (const count of options.pollers) {
      progress(`cluster: ${count} pollers, ${shards} shards of ${minersPerShard} miners`);
      const seen = await run(options, simulator.port, count);
      if (count === 1) one = seen.samplesPerS;
      const name = (text: string): string => `${count} poller${count > 1 ? 's' : ''}: ${text}`;
      const due = (shards * minersPerShard) / intervalS;
      figures.push(
        {
          name: name('throughput'),
          value: seen.samplesPerS,
          unit: 'samples/s',
          note: `of ${Math.round(due)} due; ${(seen.samplesPerS / one).toFixed(2)} times one poller; ${seen.late} of ${seen.slots} slots skipped`,
        },
        {
          name: name('lag from slot to upload, p50'),
          value: quantile(seen.lagsMs, 0.5) / 1_000,
          unit: 's',
          note: `p95 ${(quantile(seen.lagsMs, 0.95) / 1_000).toFixed(1)} s`,
        },
      );
      if (count > 1)
        figures.push({
          name: name('imbalance'),
          value: 100 * seen.imbalance,
          unit: '%',
          note: 'what the busiest did over its even share',
        });
      if (count === options.pollers.at(-1))
        figures.push({
          name: 'learned profiles of a shard in Redis',
          value: seen.profileBytes / 1e3,
          unit: 'kB',
          note: `of ${minersPerShard} miners`,
        });
    }
  } finally {
    await simulator.stop();
  }
  return figures;
}

async function run(
  options: PollersOptions,
  port: number,
  count: number,
): Promise<{
  samplesPerS: number;
  imbalance: number;
  lagsMs: readonly number[];
  late: number;
  slots: number;
  profileBytes: number;
}> {
  const { intervalS } = options;
  const dir = await mkdtemp(join(tmpdir(), 'headframe-bench-cluster-'));
  const redis = await startRedisServer(options.redisProgram);
  const sink = await startSink();
  const children: Child[] = [];
  try {
    const ranges = Array.from(
      { length: options.shards },
      (_, i) => `${network}.${i}.1-${options.minersPerShard}`,
    );
    const settings = {
      sites: [{ name: 'bench', ranges, port, key: `hsc_${'a'.repeat(43)}` }],
      allow_loopback: true,
      log_level: 'info',
      redis: { url: redis.url },
      metrics: { port: 0 },
      upload: { url: sink.url },
      poll: { interval_s: intervalS, threads: 1, sockets_per_thread: options.sockets, scan_slots: 1 },
    };
    const file = join(dir, 'headframe.yaml');
    await writeFile(file, JSON.stringify(settings));
    const start = (role: string, name: string, ready: string): ReturnType<typeof startRole> =>
      startRole([role, '--config', file, '--set', `data_dir=${join(dir, name)}`], ready);
    children.push(await start('coordinator', 'coordinator', 'coordinating'));
    const urls: string[] = [];
    for (let n = 0; n < count; n++) {
      const child = await start('poller', `poller-${n}`, 'polling');
      children.push(child);
      urls.push(String(child.ready['metrics']));
    }
    await delay(options.learnIntervals * intervalS * 1_000);
    const before = await Promise.all(urls.map(scrape));
    sink.lagsMs.length = 0;
    await delay(options.intervals * intervalS * 1_000);
    const after = await Promise.all(urls.map(scrape));
    const taken = after.map(({ samples }, i) => samples - (before[i]?.samples ?? 0));
    const total = taken.reduce((sum, n) => sum + n, 0);
    const sumOf = (pick: 'late' | 'slots'): number =>
      after.reduce((sum, one, i) => sum + one[pick] - (before[i]?.[pick] ?? 0), 0);
    const profileBytes = await redis.ask(async (client) => {
      const [key] = await client.keys('headframe:profiles:*');
      return key === undefined ? NaN : Number(await client.call('MEMORY', 'USAGE', key));
    });
    return {
      samplesPerS: total / (options.intervals * intervalS),
      imbalance: (Math.max(...taken) * count) / total - 1,
      lagsMs: [...sink.lagsMs],
      late: sumOf('late'),
      slots: sumOf('slots'),
      profileBytes,
    };
  } finally {
    for (const child of children) await child.stop();
    await redis.kill();
    sink.server.closeAllConnections();
    sink.server.close();
    await rm(dir, { recursive: true, force: true });
  }
}
