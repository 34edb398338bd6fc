/**
 * Commands with real processes: two apis on one database, two processes that poll and command one site, and a
 * simulator that writes down what it was told.
 *
 *     node --import tsx load-test/scenarios/commands.ts --database-url postgres://… --kills 20 --seed 17
 *     node --import tsx load-test/scenarios/commands.ts --shape pollers --redis-url redis://…
 *     node --import tsx load-test/scenarios/commands.ts --batch 10000
 *
 * Without `--batch`: times what one command takes to begin, then kills edges and apis at random moments with commands under way.
 * With it: one command for every miner at once, and a few urgent ones after it. Prints one line of JSON; exits 1
 * when a promise is broken.
 */
import { parseArgs } from 'node:util';
import { setTimeout as delay } from 'node:timers/promises';
import {
  pollingBetween,
  readPolling,
  startCommandFarm,
  type CommandFarm,
  type Shape,
} from '../../test/support/command-farm.js';
import {
  judge,
  killWhileCommanding,
  minerNames,
  timeBegins,
  untilEnded,
} from '../../test/support/command-kills.js';
import { killPrograms } from '../../test/support/processes.js';
import { seededRandom } from '../../test/support/recovery.js';
import { createDatabase, makeFolder, percentile, print, serverUrl } from './scenario.js';

const { values } = parseArgs({
  options: {
    kills: { type: 'string', default: '20' },
    miners: { type: 'string', default: '700' },
    batch: { type: 'string' },
    interval: { type: 'string' },
    seed: { type: 'string', default: '1' },
    shape: { type: 'string', default: 'edges' },
    base: { type: 'string', default: '127.80.0.1' },
    'database-url': { type: 'string' },
    'redis-url': { type: 'string' },
  },
});

const batch = values.batch === undefined ? null : Number(values.batch);
const intervalS = Number(values.interval ?? (batch === null ? 2 : 30));
/** Commands given one at a time, to see how long they take to begin. */
const timed = 60;
const shape = values.shape as Shape;
const redisUrl = values['redis-url'] ?? process.env['HEADFRAME_TEST_REDIS_URL'] ?? null;
if (shape === 'pollers' && redisUrl === null) throw new Error('name a Redis: --redis-url, or --shape edges');

interface Report {
  readonly facts: object;
  readonly violations: readonly string[];
}

async function kills(farm: CommandFarm): Promise<Report> {
  const names = await minerNames(farm);
  const begins = await timeBegins(farm, names.splice(0, timed));
  const figures = (times: readonly number[]) => ({
    p50: percentile(times, 0.5),
    p95: percentile(times, 0.95),
    max: percentile(times, 1),
  });
  const [sentMs, beginMs] = [figures(begins.sentMs), figures(begins.begunMs)];
  print(`from creation, ms: handed out ${JSON.stringify(sentMs)}, begun ${JSON.stringify(beginMs)}`);
  const random = seededRandom(Number(values.seed));
  const killed = await killWhileCommanding(farm, names, { kills: Number(values.kills), random, print });
  await untilEnded(farm, 240_000);
  const { violations, ...verdict } = await judge(farm);
  // Pollers that share a queue wait until none of them polls the miner's shard: that is their interval's business.
  const p95 = (shape === 'pollers' ? sentMs : beginMs).p95 ?? Infinity;
  const late = p95 > 1_000 ? [`p95 of ${p95} ms from creation to the edge`] : [];
  return { facts: { sentMs, beginMs, killed, ...verdict }, violations: [...violations, ...late] };
}

/** How long after their slots the samples of a time were taken, ms. */
async function readOffsets(farm: CommandFarm, from: Date, to: Date): Promise<object> {
  const [row] = await farm.sql<{ p50: number; p95: number }[]>`
    select percentile_cont(0.5) within group (order by offset_ms)::int as p50,
      percentile_cont(0.95) within group (order by offset_ms)::int as p95
    from miner_telemetry_history
    where time >= ${from.toISOString()}::text::timestamptz and time < ${to.toISOString()}::text::timestamptz`;
  return { offsetMs: row };
}

async function largeBatch(farm: CommandFarm, miners: number): Promise<Report> {
  const names = await minerNames(farm);
  const quietAt = new Date();
  const quiet = await readPolling(farm);
  await delay(2 * intervalS * 1_000);
  const before = await readPolling(farm);
  const order = { site_id: farm.siteId, command_type: 'set_fan', parameters: { speed: 90 }, ttl_minutes: 60 };
  const startedAt = new Date();
  const startedMs = performance.now();
  const made = await farm.ask('POST', 'commands/batch', { ...order, filter: { all: true } });
  const createdMs = Math.round(performance.now() - startedMs);
  print(`${String(made['count'])} commands created in ${createdMs} ms`);
  const urgent = names.slice(-5);
  for (const name of urgent)
    await farm.ask('POST', 'commands', {
      ...order,
      command_type: 'set_pool',
      priority: 9,
      miner_id: name,
      parameters: { pool_url: 'stratum+tcp://urgent.example:3333', pool_user: 'farm.9' },
    });
  await untilEnded(farm, 1_200_000);
  const endedMs = Math.round(performance.now() - startedMs);
  const after = await readPolling(farm);
  const polling = {
    before: { ...pollingBetween(quiet, before), ...(await readOffsets(farm, quietAt, startedAt)) },
    during: { ...pollingBetween(before, after), ...(await readOffsets(farm, startedAt, new Date())) },
  };
  const statuses = await farm.sql<{ kind: string; status: string; n: number }[]>`
    select kind, status, count(*)::int as n from miner_commands group by 1, 2 order by 1, 2`;
  // What was handed out after the first urgent one was there, and before the last of them.
  const [passed] = await farm.sql<{ n: number; urgent_ms: number }[]>`
    with urgent as (
      select command_id, miner_key, created_at, sent_at from miner_commands where priority = 9)
    select count(*)::int as n,
      (select max(extract(epoch from sent_at - created_at) * 1000)::float8 from urgent) as urgent_ms
    from miner_commands c where priority < 9 and exists (
      select from urgent u where c.sent_at > u.created_at + interval '500 ms' and c.sent_at < u.sent_at)`;
  const others = await farm.sql<{ status: string; message: string | null; n: number }[]>`
    select status, result_message as message, count(*)::int as n from miner_commands
    where status <> 'completed' group by 1, 2 order by 3 desc limit 10`;
  const completed = statuses
    .filter(({ status }) => status === 'completed')
    .reduce((sum, { n }) => sum + n, 0);
  const violations = [
    ...(createdMs > 2_000 ? [`created in ${createdMs} ms`] : []),
    ...(completed < 0.99 * miners ? [`${completed} completed`] : []),
    ...((passed?.n ?? 0) > 0 ? [`${passed?.n} went before what was more urgent`] : []),
    ...(polling.during.polledShare < polling.before.polledShare - 0.01 ? ['polling lost slots'] : []),
  ];
  return {
    facts: {
      miners,
      createdMs,
      endedMs,
      urgentSentMs: Math.round(passed?.urgent_ms ?? NaN),
      polling,
      statuses,
      others,
    },
    violations,
  };
}

const database = await createDatabase(serverUrl(values['database-url']));
let violations: readonly string[];
try {
  const miners = batch ?? Number(values.miners);
  const farm = await startCommandFarm({
    dir: await makeFolder('commands'),
    databaseUrl: database.url,
    redisUrl,
    shape,
    miners,
    base: values.base,
    intervalS,
    seed: Number(values.seed),
    ...(batch === null
      ? {
          models: [
            'antminer-s9',
            'antminer-s19',
            'whatsminer-m30s',
            'whatsminer-m50s',
            'avalon-1246',
            'luxos-s19k',
            'cgminer',
          ],
          simulator: ['--fault', 'write_slow:300=0.3', '--fault', 'write_lost=0.05'],
        }
      : { models: ['antminer-s19', 'avalon-1246', 'luxos-s19k', 'cgminer'], commands: { lease_s: 120 } }),
  });
  try {
    await farm.untilSeen(miners);
    const report = batch === null ? await kills(farm) : await largeBatch(farm, miners);
    const { overlaps } = await farm.finish();
    // Two edges that poll the same miners know nothing of each other.
    const doubled =
      shape === 'pollers' && overlaps > 0 ? [`${overlaps} connections to miners that were talked to`] : [];
    violations = [...report.violations, ...doubled];
    process.stdout.write(
      `${JSON.stringify({ shape, seed: Number(values.seed), ...report.facts, overlaps, violations })}\n`,
    );
  } finally {
    await farm.close();
  }
} finally {
  await killPrograms();
  await database.drop();
}
print(violations.length === 0 ? 'every promise held' : `${violations.length} promises broken`);
process.exitCode = violations.length === 0 ? 0 : 1;
