import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { clusterAnswer } from '../../src/api/contract/cluster-schemas.js';
import { configSchema } from '../../src/config/schema.js';
import type { Heartbeat } from '../../src/domain/heartbeat.js';
import { showCluster } from '../../src/roles/cluster.js';
import { createMetrics } from '../../src/telemetry/metrics.js';
import { testEditions } from '../support/database.js';
import { heartbeat, toldShard } from '../support/heartbeats.js';
import { createPeopleBench, type PeopleBench } from '../support/people.js';

type Cluster = ReturnType<typeof clusterAnswer.parse>['data'];

describe.each(testEditions())('the cluster on %s', (edition) => {
  let bench: PeopleBench;
  let key = '';
  let southKey = '';
  /** API tokens. */
  const tokens = { all: '', north: '' };
  beforeAll(async () => {
    bench = await createPeopleBench(edition);
    const { storage, store } = bench;
    key = (await storage.keys.create(storage.key.siteId)).key;
    const south = await storage.sites.ensureSite('south');
    southKey = (await storage.keys.create(south)).key;
    for (const [name, siteIds] of [
      ['all', null],
      ['north', [storage.key.siteId]],
    ] as const) {
      const rights = { role: 'viewer' as const, site_ids: siteIds };
      const user = await store.users.create(name, rights, null);
      const until = new Date(Date.now() + 3_600_000);
      tokens[name] = (await store.tokens.create(user.user_id, 'x', rights, until)).token;
    }
  });
  afterAll(() => bench.close());

  const tell = (beat: object, own = key) =>
    bench.ask('POST', '/api/collector/heartbeat', { body: beat, headers: { 'x-collector-key': own } });
  const look = async (query = '', token = tokens.all): Promise<Cluster> => {
    const answer = await bench.ask('GET', `/api/collector/cluster?${query}`, { token });
    expect([answer.status, answer.body]).toEqual([200, answer.body]);
    return clusterAnswer.parse(answer.body).data;
  };
  /** Puts what was told into the past. */
  const age = async (seconds: number): Promise<void> => {
    const by = `interval '${seconds} seconds'`;
    await bench.storage.query(`update cluster_members set seen_at = seen_at - ${by}`);
    await bench.storage.query(
      `update cluster_shards set named_at = named_at - ${by}, first_named = first_named - ${by}, last_slot = last_slot - ${by}`,
    );
    // Answers are remembered for a moment.
    await new Promise((resolve) => setTimeout(resolve, 1_100));
  };
  const clear = async (): Promise<void> => {
    for (const table of ['cluster_members', 'cluster_slots', 'cluster_shards'])
      await bench.storage.query(`delete from ${table}`);
    await new Promise((resolve) => setTimeout(resolve, 1_100));
  };

  test('says that nobody polls while nobody told of itself', async () => {
    const cluster = await look();
    expect(cluster).toMatchObject({ is_well: false, members: [], shards: [], totals: { live_pollers: 0 } });
    expect(cluster.problems).toContain('no poller or edge is live: nothing is polled');
  });

  test('holds what members told, by whom each shard was polled, and what was skipped', async () => {
    const coordinator: Partial<Heartbeat> = {
      member_id: 'coordinator-1',
      role: 'coordinator',
      planned_shards: 2,
    };
    await tell(
      heartbeat({
        ...coordinator,
        slots: {},
        zone_slots: {},
        shards: [toldShard('s1', null), toldShard('s2', null)],
      }),
    );
    const shards = [toldShard('s1', 40, { skipped: 2, skip_reason: 'late' })];
    expect((await tell(heartbeat({ shards }))).status).toBe(200);
    await tell(
      heartbeat({
        member_id: 'poller-2',
        pid: 8,
        shards: [toldShard('s2', 35)],
        zone_slots: { default: { polled: 12, skipped: 0 } },
      }),
    );
    // What is older than what is known changes nothing but the count of what was skipped.
    await tell(heartbeat({ shards: [toldShard('s2', 300, { skipped: 1, skip_reason: 'overrun' })] }));
    const cluster = await look('shards=all');
    expect(cluster).toMatchObject({
      is_well: true,
      problems: [],
      totals: { live_pollers: 2, live_coordinators: 1, shards: 2, late: 0, skipped: 3 },
    });
    expect(cluster.members.map(({ zones }) => zones)).toEqual([['default'], ['default'], ['default']]);
    const [first, second] = [...cluster.shards].sort((a, b) => a.shard_id.localeCompare(b.shard_id));
    expect(first).toMatchObject({
      shard_id: 's1',
      polled_by: 'poller-1',
      polled_by_host: 'box',
      polled_by_pid: 7,
      samples: 200,
      online: 190,
      skipped: 2,
      skip_reason: 'late',
      state: 'current',
    });
    expect(second).toMatchObject({
      shard_id: 's2',
      polled_by: 'poller-2',
      skipped: 1,
      skip_reason: 'overrun',
    });
    expect(second?.lag_s).toBeGreaterThan(4);
    expect(second?.lag_s).toBeLessThan(30);
    // 4 and 12 of 16 slots: each is half of an even share away from it.
    expect(cluster.zones).toMatchObject([
      {
        zone: 'default',
        imbalance: 0.5,
        shares: [
          { member_id: 'poller-2', polled: 12, share: 0.75 },
          { member_id: 'poller-1', polled: 4 },
        ],
      },
    ]);
    expect(await look('shards=none')).toMatchObject({ shards: [] });
    expect((await look('shards=all&per_page=1&page=2')).shards).toHaveLength(1);
    expect(await look('shards=all&per_page=1')).toMatchObject({ has_more: true });
  });

  test('counts slots on from what the same run told, and anew after a restart', async () => {
    await clear();
    const at = (polled: number, started_at: string) =>
      tell(heartbeat({ started_at, zone_slots: { default: { polled, skipped: 0 } } }));
    await at(10, '2026-01-01T00:00:00Z');
    await at(16, '2026-01-01T00:00:00Z');
    await at(3, '2026-01-01T01:00:00Z');
    expect((await look('shards=none')).zones).toMatchObject([{ shares: [{ polled: 19 }] }]);
  });

  test('takes members that are silent for lost, their shards for late, and names zones nobody reaches', async () => {
    await clear();
    const shards = [toldShard('s1', 20), toldShard('s2', 20, { zone: 'far' })];
    await tell(heartbeat({ shards }));
    let cluster = await look('site_id=' + String(bench.storage.key.siteId));
    expect(cluster.unreached).toMatchObject([{ zone: 'far', site: 'north', shards: 1 }]);
    expect(cluster.problems).toContain('no live poller takes zone far, which 1 shards of site north are in');
    await age(20);
    expect(await look()).toMatchObject({ totals: { members: { up: 1 }, late: 0 } });
    await age(15);
    cluster = await look();
    expect(cluster).toMatchObject({
      totals: { members: { up: 0, lost: 1 }, late: 0 },
      unreached: [{ zone: 'default' }, { zone: 'far' }],
    });
    expect(cluster.problems).toContainEqual(
      expect.stringMatching(/^poller box:7 is lost, silent for 3\d s$/),
    );
    await age(60);
    expect(await look()).toMatchObject({
      totals: { late: 2 },
      shards: [{ state: 'late' }, { state: 'late' }],
    });
    const metrics = createMetrics({ withProcess: false });
    await showCluster({ config: configSchema.parse({}), store: bench.store, metrics });
    const text = await metrics.text();
    expect(text).toContain('headframe_cluster_members{role="poller",state="lost"} 1');
    expect(text).toContain('headframe_cluster_shards{state="late"} 2');
    expect(text).toContain('headframe_cluster_unreached_zones 2');
    // One that leaves in order is not lost, and one that comes back is up.
    await tell(heartbeat({ state: 'left' }));
    await age(60);
    expect(await look()).toMatchObject({ totals: { members: { left: 1, lost: 0 } } });
    await tell(heartbeat());
    await age(0);
    expect(await look()).toMatchObject({ totals: { members: { left: 0, up: 1 } } });
  });

  test('forgets a shard that no plan has any more, and none that a plan has', async () => {
    await clear();
    const planner: Partial<Heartbeat> = { member_id: 'edge-1', role: 'edge', planned_shards: 1 };
    await tell(heartbeat({ ...planner, shards: [toldShard('old', 5), toldShard('kept', 5)] }));
    await age(90);
    const again = heartbeat({ ...planner, plan_round_s: null, shards: [toldShard('kept', null)] });
    expect(await tell(again)).toMatchObject({ status: 200 });
    expect((await look('shards=all')).shards).toHaveLength(2);
    await tell(heartbeat({ ...planner, plan_round_s: 10, shards: [] }));
    await age(0);
    expect((await look('shards=all')).shards).toMatchObject([{ shard_id: 'kept' }]);
  });

  test('shows each person and key its own sites alone', async () => {
    await clear();
    await tell(heartbeat({ shards: [toldShard('s1', 5)] }));
    await tell(
      heartbeat({ member_id: 'poller-9', shards: [toldShard('s1', 5), toldShard('s9', 5)] }),
      southKey,
    );
    const all = await look('shards=all');
    expect([all.members.length, all.shards.length]).toEqual([2, 3]);
    const north = await look('shards=all', tokens.north);
    expect(north.members.map(({ member_id }) => member_id)).toEqual(['poller-1']);
    expect(north.shards.map(({ site }) => site)).toEqual(['north']);
    const south = await bench.storage.sites.ensureSite('south');
    const refused = await bench.ask('GET', `/api/collector/cluster?site_id=${south}`, {
      token: tokens.north,
    });
    expect(refused.status).toBe(404);
    expect((await bench.ask('GET', '/api/collector/cluster')).status).toBe(401);
    expect((await tell(heartbeat(), `hsc_${'x'.repeat(43)}`)).status).toBe(401);
  });

  test('takes heartbeats of other versions, and refuses what is no heartbeat', async () => {
    await clear();
    const shard = { ...toldShard('s1', 5), colour: 'red' };
    const newer = { ...heartbeat(), role: 'balancer', shards: [shard, shard], moon: { phase: 1 } };
    expect((await tell(newer)).status).toBe(200);
    expect(await look('shards=all')).toMatchObject({
      members: [{ role: 'other' }],
      shards: [{ shard_id: 's1' }],
    });
    const ahead = toldShard('s2', -86_400);
    expect((await tell(heartbeat({ shards: [ahead] }))).status).toBe(200);
    await age(0);
    expect((await look('shards=waiting')).shards).toMatchObject([{ shard_id: 's2', last_slot: null }]);
    for (const wrong of [
      {},
      [],
      { ...heartbeat(), member_id: '' },
      { ...heartbeat(), host: 'a\u0000b' },
      { ...heartbeat(), slots: { polled: -1 } },
      { ...heartbeat(), shards: [{ id: 's' }] },
      { ...heartbeat(), zones: Array.from({ length: 101 }, (_, n) => `z${n}`) },
      { ...heartbeat(), spool_bytes: 1e300 },
    ])
      expect((await tell(wrong)).status).toBe(400);
  });

  test('stays whole when many heartbeats come at once', async () => {
    await clear();
    const shards = Array.from({ length: 300 }, (_, n) => toldShard(`s${n}`, 5));
    const beats = Array.from({ length: 12 }, (_, n) =>
      tell(
        heartbeat({
          member_id: `poller-${n}`,
          plan_round_s: 1,
          planned_shards: 300,
          shards: n % 2 ? shards : [...shards].reverse(),
        }),
      ),
    );
    expect((await Promise.all(beats)).map(({ status }) => status)).toEqual(beats.map(() => 200));
    expect(await look()).toMatchObject({ totals: { shards: 300, members: { up: 12 } } });
  });
});
