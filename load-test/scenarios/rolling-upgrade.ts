/**
 * An older release and this one side by side, against what simulated miners said (F22):
 *
 *     node --import tsx load-test/scenarios/rolling-upgrade.ts --from HEAD~200 --database-url postgres://… --redis-url redis://…
 *
 * `old-edge`: its edge uploads to this api. `new-edge`: this edge uploads to its api, on its schema. `schema`: its api while
 * and after the database is migrated, and what it says when it starts then. `rolling`: two apis behind a balancer that is
 * sticky to nothing, a coordinator and three pollers over Redis, all of the old release, become this one, one after the
 * other. `--built DIR` takes a folder that is built already. Prints a line of JSON per run; exits 1 when something is lost,
 * stored twice or changed.
 */
import { rm } from 'node:fs/promises';
import { parseArgs } from 'node:util';
import { setTimeout as delay } from 'node:timers/promises';
import { killPrograms } from '../../test/support/processes.js';
import { startRoundRobin } from '../../test/support/round-robin.js';
import { violationsOf, type Comparison } from '../../test/support/truth.js';
import { waitFor } from '../../test/support/wait.js';
import { buildRelease, ownRelease, releaseIn, type Release } from './old-release.js';
import { createDatabase, makeFolder, print, serverUrl } from './scenario.js';
import { startUpgradeFarm, type UpgradeFarm } from './upgrade-farm.js';

const { values } = parseArgs({
  options: {
    from: { type: 'string', default: 'HEAD~200' },
    built: { type: 'string' },
    only: { type: 'string', default: 'old-edge,new-edge,schema,rolling' },
    miners: { type: 'string', default: '600' },
    interval: { type: 'string', default: '3' },
    slots: { type: 'string', default: '5' },
    base: { type: 'string', default: '127.96.0.1' },
    'database-url': { type: 'string' },
    'redis-url': { type: 'string' },
  },
});

const miners = Number(values.miners);
const intervalS = Number(values.interval);
/** Between two steps: long enough that each release has stored by itself. */
const stepMs = Number(values.slots) * intervalS * 1000;
let broken = 0;

async function withFarm(
  run: string,
  redisUrl: string | null,
  work: (farm: UpgradeFarm) => Promise<object>,
): Promise<void> {
  print(run);
  const database = await createDatabase(serverUrl(values['database-url']));
  const dir = await makeFolder('upgrade');
  try {
    const options = { databaseUrl: database.url, redisUrl, dir, miners, intervalS, base: values.base };
    const farm = await startUpgradeFarm(options);
    const facts = await work(farm);
    const comparison = await farm.finish();
    report(run, facts, comparison);
  } finally {
    await killPrograms();
    await database.drop();
    await rm(dir, { recursive: true, force: true });
  }
}

function report(run: string, facts: object, comparison: Comparison): void {
  const violations = violationsOf(comparison);
  if (comparison.lostByKill > 0)
    violations.push(`${comparison.lostByKill} replies lost while a process ended`);
  broken += violations.length;
  process.stdout.write(`${JSON.stringify({ run, from: old.name, ...facts, ...comparison, violations })}\n`);
}

/** An edge of one release on the api and schema of the other, whichever was upgraded first. */
const pair = (run: string, edge: Release, server: Release) => (): Promise<void> =>
  withFarm(run, null, async (farm) => {
    await farm.migrate(server);
    const api = await farm.startApi(server);
    await farm.startEdge(edge, api.url);
    await delay(2 * stepMs);
    return {};
  });

/** The database is migrated under the old api, which goes on; started then, it refuses; the edge keeps everything. */
async function schema(): Promise<void> {
  await withFarm('old api, migrated database', null, async (farm) => {
    await farm.migrate(old);
    const api = await farm.startApi(old);
    await farm.startEdge(old, api.url);
    await delay(stepMs);
    await farm.migrate(ownRelease);
    const before = await farm.storedRows();
    await delay(stepMs);
    const storedByOldApi = (await farm.storedRows()) - before;
    await api.program.stop();
    const refused = await farm.tryApi(old);
    const after = await farm.startApi(ownRelease, api.port);
    await waitFor('this api to store', async () => (await farm.storedRows()) > before + storedByOldApi, {
      timeoutMs: 90_000,
    });
    await delay(stepMs);
    return { storedByOldApiOnMigratedDatabase: storedByOldApi, oldApiStartedThen: refused, api: after.url };
  });
}

/** Everything at once, one process after the other, under load. */
async function rolling(): Promise<void> {
  const redisUrl = values['redis-url'] ?? process.env['HEADFRAME_TEST_REDIS_URL'] ?? null;
  if (redisUrl === null) throw new Error('name a Redis: --redis-url, or eval "$(scripts/services env)"');
  await withFarm('rolling upgrade', redisUrl, async (farm) => {
    await farm.migrate(old);
    const apis = [await farm.startApi(old), await farm.startApi(old)];
    const balancer = await startRoundRobin(() => apis.map(({ port }) => port));
    let coordinator = await farm.startCoordinator(old);
    const pollers = [];
    for (const name of ['a', 'b', 'c']) pollers.push(await farm.startPoller(old, name, balancer.url));
    await waitFor('the old release to store', async () => (await farm.storedRows()) > 2 * miners, {
      timeoutMs: 60_000,
    });
    await delay(stepMs);
    print('  migrating');
    await farm.migrate(ownRelease);
    for (const [index, api] of apis.entries()) {
      print(`  api ${index + 1}`);
      await api.program.stop();
      apis[index] = await farm.startApi(ownRelease, api.port);
      await delay(stepMs);
    }
    print('  coordinator');
    await coordinator.stop();
    coordinator = await farm.startCoordinator(ownRelease);
    for (const [index, name] of ['a', 'b', 'c'].entries()) {
      print(`  poller ${name}`);
      await pollers[index]?.stop();
      pollers[index] = await farm.startPoller(ownRelease, name, balancer.url);
      await delay(stepMs);
    }
    await coordinator.stop();
    return { apisTook: [...balancer.taken], longestGapS: await farm.longestGapS() };
  });
}

const built = values.built === undefined ? await buildRelease(values.from) : null;
const old: Release = built?.release ?? releaseIn(values.built ?? '');
const runs: Readonly<Record<string, () => Promise<void>>> = {
  'old-edge': pair('old edge, this api', old, ownRelease),
  'new-edge': pair('this edge, old api', ownRelease, old),
  schema,
  rolling,
};
try {
  for (const name of values.only.split(',')) await runs[name]?.();
} finally {
  await killPrograms();
  if (built !== null) await rm(built.dir, { recursive: true, force: true });
}
print(broken === 0 ? 'every promise held' : `${broken} promises broken`);
process.exit(broken === 0 ? 0 : 1);
