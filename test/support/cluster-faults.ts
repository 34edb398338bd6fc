import { readFile } from 'node:fs/promises';
import { setTimeout as delay } from 'node:timers/promises';
import type { Cluster, ClusterEnd, ClusterOptions, PollerRole } from './cluster.js';
import {
  everythingIn,
  imbalanceOf,
  mostWithin,
  polledAfter,
  samplesTaken,
  slotLosses,
} from './cluster-figures.js';
import { memoryMib, scrape } from './processes.js';
import { startTcpProxy } from './tcp-proxy.js';
import { violationsOf } from './truth.js';
import { waitFor } from './wait.js';

/** What a fault did to a cluster, and which promises it broke. */
export interface FaultReport {
  readonly facts: Readonly<Record<string, unknown>>;
  readonly violations: readonly string[];
}

type Size = Pick<ClusterOptions, 'shards' | 'minersPerShard' | 'intervalS'>;

const intervals = (size: Size, count: number): Promise<void> => delay(count * size.intervalS * 1_000);
const round = (value: number): number => Math.round(value * 100) / 100;
/** A reply comes so long after its slot began, on a busy machine, ms. */
const replyMs = 1_000;

/** Resolves when every shard has been polled whole once. */
async function untilPolled(cluster: Cluster, size: Size): Promise<void> {
  const samples = 2 * size.shards * size.minersPerShard;
  const isPolled = async (): Promise<boolean> =>
    (await samplesTaken(cluster.pollers)).reduce((sum, n) => sum + n, 0) >= samples;
  await waitFor('every miner to be polled', isPolled, { timeoutMs: 120_000, everyMs: 200 });
}

/** The promises that hold whatever happens: nothing lost, invented or doubled, the law, one connection per miner. */
function endOf(end: ClusterEnd, isKilled = false): FaultReport {
  const { comparison, conservationError, overlaps } = end;
  const { examples, ...counts } = comparison;
  const violations = violationsOf(comparison);
  if (conservationError !== 0) violations.push(`conservation error ${conservationError}`);
  if (overlaps !== 0) violations.push(`${overlaps} connections overlapped`);
  if (comparison.askedAgain !== 0) violations.push(`${comparison.askedAgain} polls of a slot polled before`);
  if (!isKilled && comparison.lostByKill !== 0) violations.push(`${comparison.lostByKill} lost`);
  return {
    facts: { ...counts, conservationError, overlaps, examples },
    violations: [...new Set(violations)],
  };
}

const both = (end: FaultReport, facts: object, violations: readonly (string | false)[]): FaultReport => ({
  facts: { ...facts, ...end.facts },
  violations: [...violations.filter((one) => one !== false), ...end.violations],
});

/** F15: Redis is killed, restarted, emptied or stands still for `awayMs`. */
export async function redisFault(
  cluster: Cluster,
  size: Size,
  fault: { readonly kind: 'kill' | 'restart' | 'flush' | 'pause'; readonly awayMs: number },
): Promise<FaultReport> {
  await untilPolled(cluster, size);
  await intervals(size, 1);
  const secrets = await everythingIn(cluster.redis);
  const told = cluster.secrets.filter((secret) => secrets.includes(secret));
  const fromMs = Date.now();
  if (fault.kind === 'flush') await cluster.redis.ask((redis) => redis.flushall());
  if (fault.kind === 'pause') cluster.redis.signal('SIGSTOP');
  if (fault.kind === 'kill') await cluster.redis.kill();
  if (fault.kind === 'restart') await cluster.redis.kill('SIGTERM');
  await delay(fault.awayMs);
  if (fault.kind === 'pause') cluster.redis.signal('SIGCONT');
  if (fault.kind === 'kill' || fault.kind === 'restart') await cluster.redis.start();
  const backMs = Date.now();
  await intervals(size, 3);
  const toMs = Date.now();
  const end = await cluster.finish();

  const intervalMs = size.intervalS * 1_000;
  const miners = size.shards * size.minersPerShard;
  const resumedMs = Math.min(...[...polledAfter(end.replies, backMs).values()].map((ms) => ms ?? Infinity));
  const allMs = Math.max(...[...polledAfter(end.replies, backMs).values()].map((ms) => ms ?? Infinity));
  const burst = mostWithin(end.replies, intervalMs, [backMs, toMs]) / miners;
  const during = slotLosses(end.samples.rows, intervalMs, [fromMs - intervalMs, backMs + intervalMs]);
  const after = slotLosses(end.samples.rows, intervalMs, [backMs + intervalMs, toMs - replyMs]);
  // Each shard may lose the slots that lie in the outage, and one more.
  const mayLose = size.shards * (Math.ceil(fault.awayMs / intervalMs) + 1);
  return both(
    endOf(end),
    {
      fault: `redis-${fault.kind}`,
      awayMs: fault.awayMs,
      resumedMs,
      allPolledMs: allMs,
      burst: round(burst),
      lostSlots: during.lost,
      lostSlotsAfterwards: after.lost,
    },
    [
      resumedMs > 5_000 && `polling resumed after ${resumedMs} ms`,
      burst > 2 && `a burst of ${round(burst)} times the usual`,
      during.lost > mayLose && `${during.lost} slots lost, of ${mayLose} that may`,
      during.longest > Math.ceil(fault.awayMs / intervalMs) + 1 && `${during.longest} slots lost in a row`,
      after.lost > 0 && `${after.lost} slots lost afterwards`,
      told.length > 0 && 'Redis held a secret',
    ],
  );
}

/** F16: one of the coordinators stands still for `stoppedMs` while commands are given, and goes on. */
export async function coordinatorStop(cluster: Cluster, size: Size, stoppedMs: number): Promise<FaultReport> {
  await untilPolled(cluster, size);
  const fromMs = Date.now();
  const stopped = cluster.coordinators[0];
  if (stopped === undefined) throw new Error('no coordinator');
  process.kill(stopped.program.pid, 'SIGSTOP');
  // Commands that the comparison does not see: a restart begins the counters of a miner anew.
  const commanded = await giveRestarts(cluster, size);
  await delay(stoppedMs);
  process.kill(stopped.program.pid, 'SIGCONT');
  await intervals(size, 3);
  const toMs = Date.now();
  const end = await cluster.finish();
  const writes = (await readFile(cluster.truthFile, 'utf8'))
    .split('\n')
    .filter((line) => line.includes('"write"'));
  const times = commanded.map((ip) => writes.filter((line) => line.includes(`"${ip}"`)).length);
  const losses = slotLosses(end.samples.rows, size.intervalS * 1_000, [fromMs, toMs - replyMs]);
  const { lost } = losses;
  return both(
    endOf({ ...end, comparison: end.compare((ip) => !commanded.includes(ip)) }),
    {
      fault: 'coordinator-stop',
      stoppedMs,
      lostSlots: lost,
      commands: commanded.length,
      commandsDone: times,
    },
    [
      lost > 0 && `${lost} slots lost`,
      times.some((n) => n > 1) && 'a command was done twice',
      times.some((n) => n === 0) && 'a command was not done',
    ],
  );
}

/** One miner of each of four shards is told to restart; answers their addresses. */
async function giveRestarts(cluster: Cluster, size: Size): Promise<string[]> {
  const text = await readFile(cluster.truthFile, 'utf8');
  const known = [...new Set([...text.matchAll(/"ip":"([^"]+)"/g)].map((match) => match[1] ?? ''))];
  const chosen = known.filter((ip) => ip.endsWith('.1')).slice(0, Math.min(4, size.shards));
  const stats = await fetch(`${cluster.api.url}/api/collector/stats`);
  const { sites } = (await stats.json()) as { sites: Record<string, unknown> };
  const siteId = Number(Object.keys(sites)[0]);
  for (const ip of chosen) {
    const body = {
      site_id: siteId,
      miner_id: ip,
      ip_address: ip,
      command_type: 'restart',
      parameters: {},
    };
    const response = await fetch(`${cluster.api.url}/api/collector/commands`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify(body),
    });
    if (!response.ok) throw new Error(`command: ${response.status} ${await response.text()}`);
  }
  return chosen;
}

/** F17: two pollers are added, and one is killed under load. */
export async function addAndKill(
  cluster: Cluster,
  size: Size,
  { settleIntervals, maxImbalance = 0.2 }: { settleIntervals: number; maxImbalance?: number },
): Promise<FaultReport> {
  await untilPolled(cluster, size);
  await intervals(size, 1);
  const addedMs = Date.now();
  await Promise.all([cluster.startPoller(), cluster.startPoller()]);
  await intervals(size, 2);
  const shares = await sharesOver(cluster.pollers, size, settleIntervals);
  const killedMs = Date.now();
  const [gone] = cluster.pollers;
  if (gone === undefined) throw new Error('no poller');
  await cluster.killPoller(gone);
  await intervals(size, 2);
  const sharesAfter = await sharesOver(cluster.pollers, size, settleIntervals);
  const asked = await identityQuestions(cluster.truthFile, addedMs);
  const askedEver = await identityQuestions(cluster.truthFile, 0);
  const end = await cluster.finish();
  const againMs = Math.max(...[...polledAfter(end.replies, killedMs).values()].map((ms) => ms ?? Infinity));
  const intervalMs = size.intervalS * 1_000;
  return both(
    endOf(end, true),
    {
      fault: 'add-kill',
      imbalanceOfThree: round(imbalanceOf(shares)),
      imbalanceOfTwo: round(imbalanceOf(sharesAfter)),
      shares,
      sharesAfter,
      everyShardAgainMs: againMs,
      identityQuestions: askedEver,
      identityQuestionsAfterAdding: asked,
    },
    [
      imbalanceOf(shares) > maxImbalance && `imbalance ${round(imbalanceOf(shares))} of three`,
      imbalanceOf(sharesAfter) > maxImbalance && `imbalance ${round(imbalanceOf(sharesAfter))} of two`,
      againMs > intervalMs + replyMs && `a shard was polled again only after ${againMs} ms`,
      asked > 0 && `${asked} miners were asked again who they are`,
      askedEver === 0 && 'nobody was asked who he is, so this shows nothing',
    ],
  );
}

async function sharesOver(
  pollers: readonly PollerRole[],
  size: Size,
  count: number,
): Promise<readonly number[]> {
  const before = await samplesTaken(pollers);
  await intervals(size, count);
  const after = await samplesTaken(pollers);
  return after.map((taken, i) => taken - (before[i] ?? 0));
}

/** How often miners were asked who they are since `fromMs`: what a poller does that does not know them. */
async function identityQuestions(truthFile: string, fromMs: number): Promise<number> {
  const text = await readFile(truthFile, 'utf8');
  return text
    .split('\n')
    .filter((line) => line.includes('"command":"version"') && Number(/"t":(\d+)/.exec(line)?.[1]) >= fromMs)
    .length;
}

/** F18: more than fits; who is skipped, and whether memory stays. */
export async function overload(cluster: Cluster, size: Size, lastsIntervals: number): Promise<FaultReport> {
  await untilPolled(cluster, size);
  await intervals(size, 2);
  const fromMs = Date.now();
  const memory = (): number[] => cluster.pollers.map(({ program }) => memoryMib(program.pid).nowMib);
  const redisBytes = async (): Promise<number> =>
    cluster.redis.ask(async (redis) =>
      Number(/used_memory:(\d+)/.exec(await redis.info('memory'))?.[1] ?? NaN),
    );
  const half = Math.ceil(lastsIntervals / 2);
  await intervals(size, half);
  const [middle, redisMiddle] = [memory(), await redisBytes()];
  await intervals(size, lastsIntervals - half);
  const [last, redisLast] = [memory(), await redisBytes()];
  const waiting = await Promise.all(
    cluster.coordinators.map(async ({ url }) => (await scrape(url)).sum('headframe_queue_jobs')),
  );
  const toMs = Date.now();
  const end = await cluster.finish();
  const losses = slotLosses(end.samples.rows, size.intervalS * 1_000, [
    fromMs,
    toMs - size.intervalS * 1_000,
  ]);
  const growthMib = Math.max(...last.map((mib, i) => mib - (middle[i] ?? 0)));
  return both(
    endOf(end),
    {
      fault: 'overload',
      lastedS: lastsIntervals * size.intervalS,
      ...losses,
      waitingJobs: Math.max(...waiting),
      growthMib: round(growthMib),
      redisGrowthKib: round((redisLast - redisMiddle) / 1024),
    },
    [
      losses.lost < 0.2 * losses.slots && 'it was no overload',
      losses.longest > 3 && `a shard starved for ${losses.longest} slots`,
      growthMib > 16 && `a poller grew by ${round(growthMib)} MiB`,
    ],
  );
}

/** A poller is told to leave under load. */
export async function leave(cluster: Cluster, size: Size): Promise<FaultReport> {
  await untilPolled(cluster, size);
  const fromMs = Date.now();
  await intervals(size, 1);
  const [goes] = cluster.pollers;
  if (goes === undefined) throw new Error('no poller');
  const { tookMs, code } = await cluster.leave(goes);
  await intervals(size, 3);
  const toMs = Date.now();
  const end = await cluster.finish();
  const { lost } = slotLosses(end.samples.rows, size.intervalS * 1_000, [fromMs, toMs - replyMs]);
  return both(endOf(end), { fault: 'leave', tookMs: Math.round(tookMs), code, lostSlots: lost }, [
    lost > 0 && `${lost} slots lost`,
    code !== 0 && `exit code ${code}`,
  ]);
}

/** F12 between a poller and Redis: a path that swallows everything for `awayMs`. */
export async function halfOpen(cluster: Cluster, size: Size, awayMs: number): Promise<FaultReport> {
  const proxy = await startTcpProxy({ targetPort: cluster.redis.port });
  const behind = await cluster.startPoller({ redisUrl: `redis://127.0.0.1:${proxy.port}` });
  await untilPolled(cluster, size);
  await intervals(size, 2);
  await proxy.setMode({ kind: 'blackhole' });
  const fromMs = Date.now();
  await delay(awayMs);
  const [before = 0] = await samplesTaken([behind]);
  await proxy.setMode({ kind: 'pass' });
  const healedMs = Date.now();
  const polls = async (): Promise<boolean> => ((await samplesTaken([behind]))[0] ?? 0) > before;
  await waitFor('the poller behind the path to poll again', polls, { timeoutMs: 60_000, everyMs: 100 });
  const againMs = Date.now() - healedMs;
  await intervals(size, 2);
  const toMs = Date.now();
  const end = await cluster.finish();
  await proxy.close();
  const intervalMs = size.intervalS * 1_000;
  const during = slotLosses(end.samples.rows, intervalMs, [fromMs - intervalMs, healedMs + intervalMs]);
  const after = slotLosses(end.samples.rows, intervalMs, [healedMs + intervalMs, toMs - replyMs]);
  return both(
    endOf(end),
    { fault: 'half-open', awayMs, againMs, lostSlots: during.lost, lostSlotsAfterwards: after.lost },
    [
      againMs > intervalMs + 5_000 && `polled again after ${againMs} ms`,
      during.longest > 2 && `${during.longest} slots lost in a row`,
      after.lost > 0 && `${after.lost} slots lost afterwards`,
    ],
  );
}
