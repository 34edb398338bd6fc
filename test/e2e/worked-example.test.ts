import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { chmod, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import postgres from 'postgres';
import { afterEach, describe, expect, it } from 'vitest';
import { startSimulator, type Simulator } from '../../load-test/simulator/simulator.js';
import { packageRoot } from '../../src/config/paths.js';
import { createTestDatabase, testEditions, type TestDatabase } from '../support/database.js';
import { killPrograms, runProgram, scrape, startProgram, type Program } from '../support/processes.js';
import { startRoundRobin, type RoundRobin } from '../support/round-robin.js';
import { testRedisUrl } from '../support/services.js';
import { waitFor } from '../support/wait.js';

const redisUrl = testRedisUrl();
const miners = 700;
let dir = '';
let database: TestDatabase | null = null;
let simulator: Simulator | null = null;
let balancer: RoundRobin | null = null;

afterEach(async () => {
  await killPrograms();
  await balancer?.close();
  await simulator?.stop();
  await database?.drop();
  await rm(dir, { recursive: true, force: true });
});

/** Blocks of a page in a language, in their order. */
function blocks(page: string, language: string): string[] {
  const text = readFileSync(join(packageRoot, 'docs', page), 'utf8');
  return [...text.matchAll(new RegExp(`^\`\`\`${language}\\n([^]*?)^\`\`\`$`, 'gm'))].map(
    (found) => found[1] ?? '',
  );
}

const urlOf = async (program: Program): Promise<string> =>
  (await program.waitForOutput(/(?:"(?:url|metrics)":")?(http:\/\/127[^"\s]+)/))[1] ?? '';

describe.runIf(redisUrl !== null)('the worked example', () => {
  it('leads from one process to three pollers and two apis, line by line as it stands', async () => {
    dir = await mkdtemp(join(tmpdir(), 'headframe-example-'));
    await chmod(dir, 0o711);
    database = await createTestDatabase({ edition: testEditions().at(-1) ?? 'plain' });
    simulator = await startSimulator({ seed: 5, miners: { base: '127.94.0.1', count: miners } });
    const apis: Program[] = [];
    const ports = new Map<Program, number>();
    balancer = await startRoundRobin(() => apis.map((api) => ports.get(api) ?? 0));

    /** The page's addresses and paths → those of this test. Ports of processes are free ones. */
    const here = (text: string): string =>
      text
        .replaceAll('/etc/headframe', join(dir, 'etc'))
        .replaceAll('/var/lib/headframe', join(dir, 'lib'))
        .replaceAll('10.1.0.0/22', '127.94.0.0/22')
        .replaceAll('http://127.0.0.1:8420', balancer?.url ?? '')
        .replaceAll(
          'interval_s: 30',
          `interval_s: 2\n    port: ${simulator?.port}\n    zone: example-${process.pid}`,
        )
        .replaceAll(/(\w+\.port)=\d+/g, '$1=0');
    await mkdir(join(dir, 'etc'));
    await mkdir(join(dir, 'lib'), { mode: 0o755 });
    const [single = '', cluster = ''] = blocks('worked-example.md', 'yaml');
    await writeFile(join(dir, 'etc/headframe.yaml'), here(single));
    await writeFile(join(dir, 'etc/cluster.yaml'), here(cluster));

    const env = { HEADFRAME_ALLOW_LOOPBACK: 'true' };
    const logDir = join(dir, 'logs');
    const jobs: Program[] = [];
    /** Ports that the page gives a process → where it really is. */
    const places = new Map<string, string>();
    const run = async (line: string): Promise<void> => {
      const written = /(?:api|metrics)\.port=(\d+)/.exec(line)?.[1];
      const known = line.replaceAll(
        /http:\/\/127\.0\.0\.1:(\d{4})(?=\/)/g,
        (all, port: string) => places.get(port) ?? all,
      );
      const [command = '', ...args] = here(known).replace(/ &$/, '').split(' ');
      // There is no engine here; the servers run already.
      if (command === 'docker') return;
      if (line === 'kill -TERM %1') {
        await waitFor('the first process to store', async () => {
          const metrics = await scrape(await urlOf(jobs[0] as Program));
          return metrics.sum('headframe_upload_rows_total', 'outcome="stored"') > miners;
        });
        expect(await jobs[0]?.stop()).toEqual({ code: 0, signal: null });
      } else if (command !== 'headframe') {
        execFileSync('sh', ['-ec', here(line)], {
          env: { PATH: process.env.PATH, DATABASE_URL: database?.url, REDIS_URL: redisUrl ?? '' },
        });
      } else if (line.endsWith(' &')) {
        // The page of `up` would be on the one fixed port.
        const more = args[0] === 'up' ? ['--port', '0'] : [];
        const program = await startProgram({ name: args[0] ?? '', args: [...args, ...more], logDir, env });
        const url = await urlOf(program);
        jobs.push(program);
        if (written !== undefined) places.set(written, url);
        ports.set(program, Number(new URL(url).port));
        if (args[0] === 'api') apis.push(program);
      } else await runProgram({ name: args[0] ?? '', args, logDir, env });
    };
    const lines = blocks('worked-example.md', 'sh').flatMap((block) => block.split('\n').filter(Boolean));
    expect(lines.filter((line) => line.startsWith('headframe poller '))).toHaveLength(3);
    for (const line of lines) await run(line);

    const stored = async (port: string): Promise<number> =>
      (await scrape(places.get(port) ?? '')).sum('headframe_upload_rows_total', 'outcome="stored"');
    const uploads = async (port: string): Promise<number> =>
      (await scrape(places.get(port) ?? '')).sum('collector_upload_total');
    let seen: object = {};
    await waitFor(
      'rows from all three pollers, through both apis',
      async () => {
        const rows = await Promise.all(['9461', '9462', '9463'].map(stored));
        const taken = await Promise.all(['8421', '8422'].map(uploads));
        seen = { rows, taken };
        // A kept-alive connection stays with its api, and those of all uploads may have come to one.
        if (taken.includes(0) && Math.max(...taken) >= 5) balancer?.cut();
        return [...rows.map((n) => n / 200), ...taken].every((n) => n >= 1);
      },
      { timeoutMs: 60_000, everyMs: 500 },
    ).catch((error: unknown) => {
      throw new Error(`seen: ${JSON.stringify(seen)}`, { cause: error });
    });
    for (const port of ['9461', '9462', '9463'])
      expect((await scrape(places.get(port) ?? '')).sum('headframe_conservation_error')).toBe(0);
    const sql = postgres(database.url, { max: 1, onnotice: () => undefined });
    const [row] = await sql<{ rows: number; keys: number; miners: number }[]>`
      select count(*)::int as rows, count(distinct (miner_id, time))::int as keys,
        count(distinct miner_id)::int as miners from miner_telemetry_history`;
    await sql.end({ timeout: 1 });
    expect(row?.rows).toBe(row?.keys);
    expect(row?.miners).toBe(miners);

    // A session made through one api counts at the other.
    const password = readFileSync(join(dir, 'etc/admin.password'), 'utf8').trim();
    const login = await fetch(`${places.get('8421')}/api/auth/login`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ name: 'admin', password }),
    });
    expect(login.status).toBe(200);
    const cookie = (login.headers.get('set-cookie') ?? '').split(';')[0] ?? '';
    const stats = await fetch(`${places.get('8422')}/api/collector/stats`, { headers: { cookie } });
    expect(stats.status).toBe(200);
  }, 240_000);
});
