/**
 * What an honest collector notices while others abuse the api: gzip bombs with and without a key,
 * oversized, cut and trickled bodies. The api, the attackers and the honest client are processes of
 * their own.
 *
 *     node --import tsx load-test/scenarios/abuse.ts --database-url postgres://…
 *
 * Exits 1 when an honest upload fails, its p99 more than doubles, or the api grows by more than 64 MiB.
 */
import { fork } from 'node:child_process';
import { connect } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { gzipSync } from 'node:zlib';
import { request } from 'undici';
import { killPrograms, memoryMib, runProgram, startProgram } from '../../test/support/processes.js';
import { createDatabase, makeFolder, percentile, print, serverUrl } from './scenario.js';

const { values } = parseArgs({
  options: {
    'database-url': { type: 'string' },
    seconds: { type: 'string', default: '20' },
    /** Attacks of each kind per second. */
    rate: { type: 'string', default: '5' },
    attack: { type: 'string' },
    key: { type: 'string' },
  },
});

interface Upload {
  readonly status: number;
  readonly ms: number;
}

async function upload(url: string, key: string | null, body: Uint8Array): Promise<Upload> {
  const began = performance.now();
  const answer = await request(new URL('/api/collector/upload', url), {
    method: 'POST',
    headers: { 'Content-Encoding': 'gzip', ...(key === null ? {} : { 'X-Collector-Key': key }) },
    body,
    headersTimeout: 60_000,
  });
  await answer.body.dump();
  return { status: answer.statusCode, ms: performance.now() - began };
}

/** Runs in a process of its own until it is killed. */
async function attack(url: string, key: string): Promise<void> {
  const everyMs = 1000 / Number(values.rate);
  const bomb = gzipSync(Buffer.alloc(256 * 1024 * 1024));
  const cut = gzipSync(JSON.stringify(records('cut', 0))).subarray(0, 2_000);
  const nested = gzipSync(gzipSync(Buffer.alloc(1_000_000)));
  const oversized = Buffer.alloc(9 * 1024 * 1024, 1);
  const wrongKey = `hsc_${'x'.repeat(43)}`;
  const shots: (() => Promise<unknown>)[] = [
    () => upload(url, null, bomb),
    () => upload(url, wrongKey, bomb),
    () => upload(url, key, bomb),
    () => upload(url, key, cut),
    () => upload(url, key, nested),
    () => upload(url, null, oversized),
    async () => trickle(url, key),
  ];
  for (;;) {
    for (const shoot of shots) void shoot().catch(() => undefined);
    await delay(everyMs);
  }
}

/** A body of one byte a second. */
function trickle(url: string, key: string): void {
  const { hostname, port } = new URL(url);
  const socket = connect(Number(port), hostname);
  socket.on('error', () => undefined);
  socket.write(
    `POST /api/collector/upload HTTP/1.1\r\nHost: x\r\nX-Collector-Key: ${key}\r\nContent-Length: 1000\r\n\r\n`,
  );
  const timer = setInterval(() => socket.write('['), 1000);
  socket.on('close', () => clearInterval(timer));
}

function records(prefix: string, round: number): object[] {
  const timestamp = new Date(Date.now() - 1000).toISOString();
  return Array.from({ length: 256 }, (_, i) => ({
    miner_id: `${prefix}-${i}`,
    timestamp,
    online: true,
    hashrate_ghs: 110_000 + round,
    temperature_max: 70,
    fan_speeds: [5200, 5300, 5100, 5250],
    accepted_shares: round,
  }));
}

/** Ten honest uploads a second by turns, one after the other; answers their times, ascending. */
async function measure(url: string, keys: readonly string[], seconds: number): Promise<number[]> {
  const times: number[] = [];
  const end = performance.now() + seconds * 1000;
  for (let round = 0; performance.now() < end; round++) {
    const { status, ms } = await upload(
      url,
      keys[round % keys.length] ?? '',
      gzipSync(JSON.stringify(records('honest', round))),
    );
    if (status !== 200) throw new Error(`an honest upload was answered ${status}`);
    times.push(ms);
    await delay(Math.max(0, 100 - ms));
  }
  return times.sort((a, b) => a - b);
}

async function main(): Promise<void> {
  const database = await createDatabase(serverUrl(values['database-url']));
  const logDir = await makeFolder('abuse');
  try {
    const env = { DATABASE_URL: database.url, HEADFRAME_API_PORT: '0' };
    await runProgram({ name: 'migrate', args: ['migrate'], logDir, env });
    const keyOf = async (site: string): Promise<string> => {
      const made = await runProgram({ name: 'keys', args: ['keys', 'create', site, '--json'], logDir, env });
      return (JSON.parse(made.split('\n')[0] ?? '') as { key: string }).key;
    };
    // Enough honest sites that none comes near its rate limit.
    const honest: string[] = [];
    for (let i = 0; i < 8; i++) honest.push(await keyOf(`honest-${i}`));
    const abuser = await keyOf('abuser');
    const api = await startProgram({ name: 'api', args: ['api'], logDir, env });
    const url = (await api.waitForOutput(/"url":"(http[^"]+)"/))[1] ?? '';
    const seconds = Number(values.seconds);
    await measure(url, honest, 3);
    const before = await measure(url, honest, seconds);
    const calmMib = memoryMib(api.pid).peakMib;
    print('attack begins');
    const attacker = fork(new URL(import.meta.url), [
      '--attack',
      url,
      '--key',
      abuser,
      '--rate',
      values.rate,
    ]);
    await delay(2_000);
    const during = await measure(url, honest, seconds);
    attacker.kill('SIGKILL');
    const grownMib = memoryMib(api.pid).peakMib - calmMib;
    const p99 = { before: percentile(before, 0.99) ?? 0, during: percentile(during, 0.99) ?? 0 };
    const report = {
      honest_uploads: before.length + during.length,
      p50_ms: { before: percentile(before, 0.5), during: percentile(during, 0.5) },
      p99_ms: p99,
      p99_ratio: Math.round((p99.during / p99.before) * 100) / 100,
      api_grown_mib: Math.round(grownMib),
    };
    process.stdout.write(`${JSON.stringify(report, null, 2)}\n`);
    process.exitCode = report.p99_ratio <= 2 && grownMib <= 64 ? 0 : 1;
  } finally {
    await killPrograms();
    await database.drop();
  }
}

await (values.attack === undefined ? main() : attack(values.attack, values.key ?? ''));
