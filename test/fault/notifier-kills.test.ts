import { chmod, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, expect, test } from 'vitest';
import type { Notice } from '../../src/domain/alerts.js';
import { createAlertBench, type AlertBench } from '../support/alerts.js';
import { testEditions } from '../support/database.js';
import { offlineRow } from '../support/ingest-rows.js';
import { notifyingApi, type NotifyingApi } from '../support/notifying-apis.js';
import { killPrograms } from '../support/processes.js';
import { startHttpReceiver, type HttpReceiver, type ReceivedPost } from '../support/receivers.js';
import { seededRandom } from '../support/recovery.js';
import { waitFor } from '../support/wait.js';

const seed = Number(process.env['HEADFRAME_TEST_SEED'] ?? Date.now() % 1_000_000);
const leaseS = 10;
const concurrency = 4;
const perRound = 24;
/** When a process is killed: a post of its is there and not answered; just answered; or some time after. */
const moments = ['before the answer', 'at the answer', 'at random'] as const;

const cleanups: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});
afterAll(killPrograms);

interface Arrival {
  readonly atMs: number;
  readonly sender: string;
  readonly post: ReceivedPost;
}

test(
  `each notice is told at least once, under one id, whichever of two apis is killed while it sends (seed ${seed})`,
  { timeout: 180_000 },
  async () => {
    const random = seededRandom(seed);
    const { bench, receiver, apis } = await setUp();
    const arrivals: Arrival[] = [];
    /** In somebody's hands at a kill: perhaps told, and written down by nobody. */
    const unsure = new Set<string>();
    let kill: ((sender: NotifyingApi, answer: () => void) => void) | null = null;
    receiver.answer = (response, post) => {
      const id = String(post.headers['idempotency-key']);
      const sender = apis.find((api) => api.hasSent(post));
      if (sender === undefined) throw new Error('a post that nobody signed');
      const before = arrivals.filter(({ post: earlier }) => earlier.headers['idempotency-key'] === id);
      arrivals.push({ atMs: Date.now(), sender: sender.name, post });
      // Refused the first time that it comes from the other: the lease that was lost must have cost it no round.
      const isTakenOver = before.length === 1 && before[0]?.sender !== sender.name;
      const status = isTakenOver ? 503 : 200;
      const answer = (): void => void response.writeHead(status).end();
      if (kill !== null) kill(sender, answer);
      else setTimeout(answer, 5 + random() * 20);
    };

    for (const [round, moment] of moments.entries()) {
      const killed = new Promise<NotifyingApi>((resolve) => {
        let left = 1 + Math.floor(random() * (perRound / 2));
        kill = (sender, answer) => {
          if (--left > 0) return void setTimeout(answer, 5 + random() * 20);
          kill = null;
          const die = (): void => void sender.kill().then(() => resolve(sender));
          if (moment === 'at the answer') answer();
          if (moment === 'at random') setTimeout(answer, random() * 5);
          if (moment === 'at random') setTimeout(die, random() * 10);
          else die();
        };
      });
      await failMiners(bench, round);
      const victim = await killed;
      for (const { notification_id } of await inHand(bench)) unsure.add(notification_id);
      // The other one, alone, tells everything.
      await waitFor('every notice to be told', async () => (await unsettled(bench)) === 0, {
        timeoutMs: 45_000,
        everyMs: 100,
      });
      await victim.start();
    }

    const rows = await bench.storage.query<{ id: string; state: string; last_error: string | null }>(
      'select notification_id as id, state, last_error from notification_outbox',
    );
    expect(rows).toHaveLength(moments.length * perRound);
    expect(rows.filter(({ state }) => state !== 'sent')).toEqual([]);
    const byId = new Map<string, Arrival[]>();
    for (const arrival of arrivals) {
      const id = String(arrival.post.headers['idempotency-key']);
      byId.set(id, [...(byId.get(id) ?? []), arrival]);
    }
    expect([...byId.keys()].sort()).toEqual(rows.map(({ id }) => id).sort());
    // Nothing was told twice but what was in a killed process's hands, which is bounded.
    const repeated = [...byId].filter(([, all]) => all.length > 1).map(([id]) => id);
    expect(repeated.filter((id) => !unsure.has(id))).toEqual([]);
    expect(unsure.size).toBeLessThanOrEqual(moments.length * concurrency * 2);
    expect(repeated.length).toBeGreaterThan(0);
    for (const [id, all] of byId) {
      const notices = all.map(({ post }) => JSON.parse(post.body) as Notice & { id: string });
      expect(new Set(notices.map((notice) => JSON.stringify(notice)))).toHaveLength(1);
      expect(notices[0]?.id).toBe(id);
      const [first, second] = all;
      if (first === undefined || second === undefined) continue;
      // By another process, and not before the lease was over.
      expect(second.sender).not.toBe(first.sender);
      expect(second.atMs - first.atMs).toBeGreaterThan(leaseS * 1_000 - 2_000);
      expect(second.atMs - first.atMs).toBeLessThan(leaseS * 1_000 + 15_000);
    }
    // Of each miner exactly one beginning.
    const told = [...byId.values()].map(([first]) => JSON.parse(first?.post.body ?? '{}') as Notice);
    expect(new Set(told.map((notice) => notice.alert?.miner_id))).toHaveLength(moments.length * perRound);
  },
);

async function setUp(): Promise<{ bench: AlertBench; receiver: HttpReceiver; apis: NotifyingApi[] }> {
  const bench = await createAlertBench(testEditions().at(-1) ?? 'plain');
  cleanups.push(bench.close);
  const receiver = await startHttpReceiver();
  cleanups.push(receiver.stop);
  await bench.only('offline');
  await bench.storage.query('update alert_rules set duration_s = 0, cooldown_s = 0');
  await bench.store.notifiers.create(
    {
      site_id: null,
      name: 'ops',
      target: { kind: 'webhook', url: `${receiver.url}/hook` },
      secret: 'hook',
      min_severity: 'warning',
      max_per_hour: 1_000,
      enabled: true,
    },
    100,
  );
  const dir = await mkdtemp(join(tmpdir(), 'headframe-notifier-kills-'));
  await chmod(dir, 0o711);
  cleanups.push(() => rm(dir, { recursive: true, force: true }));
  const apis = ['left', 'right'].map((name) =>
    notifyingApi({
      name,
      dir,
      databaseUrl: bench.storage.url,
      secret: 'hook',
      alerts: {
        evaluate_every_s: 1,
        deliver_every_s: 1,
        delivery_lease_s: leaseS,
        delivery_concurrency: concurrency,
        delivery_attempts: 1,
        delivery_rounds: 2,
        delivery_round_s: 1,
        gather_s: 0,
        incident_alerts: 10_000,
      },
    }),
  );
  cleanups.push(killPrograms);
  await Promise.all(apis.map((api) => api.start()));
  return { bench, receiver, apis };
}

/** Samples of miners that cannot be reached, of a /24 per round. */
async function failMiners(bench: AlertBench, round: number): Promise<void> {
  bench.nowMs = Date.now();
  const rows = Array.from({ length: perRound }, (_, index) => `10.0.${round}.${index + 1}`).map((ip) => ({
    ...offlineRow(ip, bench.at(1)),
    ip,
  }));
  await bench.upload(rows);
}

/** Claimed and not written down. */
function inHand(bench: AlertBench): Promise<{ notification_id: string }[]> {
  return bench.storage.query(
    `select notification_id from notification_outbox where state = 'queued' and claimed_until is not null`,
  );
}

async function unsettled(bench: AlertBench): Promise<number> {
  const [row] = await bench.storage.query<{ n: number; all: number }>(
    `select count(*) filter (where state not in ('sent', 'dead'))::int as n, count(*)::int as all from notification_outbox`,
  );
  return row === undefined || row.all % perRound !== 0 || row.all === 0 ? Infinity : row.n;
}
