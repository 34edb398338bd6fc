import { afterEach, describe, expect, it } from 'vitest';
import type { ModelName } from '../../load-test/simulator/models.js';
import {
  bare,
  fanOrder,
  mhzOrder,
  percentOrder,
  poolOrder,
  rules,
  shortLimits,
  startOrderRig,
  type OrderRig,
} from '../support/orders.js';

const running: OrderRig[] = [];
afterEach(async () => {
  await Promise.all(running.splice(0).map((rig) => rig.simulator.stop()));
});

let last = 0;
async function rigOf(model: ModelName): Promise<OrderRig> {
  const rig = await startOrderRig(model, { host: `127.42.0.${++last}` });
  running.push(rig);
  return rig;
}

describe('an Antminer with JSON pages', () => {
  it('sleeps when both keys say so and wakes again, and polls show it', async () => {
    const rig = await rigOf('antminer-s19');
    expect((await rig.poll()).state).toBe('mining');
    const slept = await rig.order(bare('disable'));
    expect(slept).toMatchObject({ status: 'completed', code: 0, family: 'antminer', model: 'Antminer S19' });
    // A key the page did not tell takes the type of its sibling.
    expect(slept.after).toEqual({ 'miner-mode': '1', 'bitmain-work-mode': '1' });
    rig.pass(60);
    expect(await rig.poll()).toMatchObject({ state: 'sleeping', hashrateGhs: 0 });
    expect(await rig.order(bare('enable'))).toMatchObject({ status: 'completed' });
    rig.pass(60);
    expect((await rig.poll()).state).toBe('mining');
  });

  it('keeps every key of its configuration that the order is not about', async () => {
    const rig = await rigOf('antminer-s19');
    await rig.order(fanOrder(60));
    expect(rig.simulator.miner(rig.host).webConfig).toMatchObject({
      'api-groups': 'A:stats:pools:devs:summary:version',
      'api-allow': 'A:0/0,W:*',
      'bitmain-use-vil': true,
      'bitmain-ccdelay': '0',
    });
    expect(rig.simulator.writes()[0]?.parameters).not.toContain('"lost"');
  });

  it('takes pool, fan and level, and polls show them', async () => {
    const rig = await rigOf('antminer-s19');
    const before = await rig.poll();
    const pool = await rig.order(poolOrder('stratum+tcp://new.pool.example:3333', 'me.1', 'hidden-word'));
    expect(pool).toMatchObject({
      status: 'completed',
      after: { pool_url: 'stratum+tcp://new.pool.example:3333' },
    });
    expect(JSON.stringify(pool)).not.toContain('hidden-word');
    rig.pass(60);
    const polled = await rig.poll();
    expect(polled.pools.find((it) => it.isActive)?.url).toBe('stratum+tcp://new.pool.example:3333');
    expect(polled.pools).toHaveLength(before.pools.length);
    expect(await rig.order(fanOrder(100))).toMatchObject({ status: 'completed' });
    expect(await rig.order(percentOrder(-20))).toMatchObject({ status: 'failed', errorClass: 'reset' });
    rig.pass(60);
    expect(await rig.order(percentOrder(-20))).toMatchObject({ status: 'completed' });
    rig.pass(60);
    const after = await rig.poll();
    expect(Math.min(...after.fans.map((fan) => fan.rpm ?? 0))).toBeGreaterThan(5_500);
    expect(after.frequencyAvgMhz).toBe(540);
    expect((after.hashrateGhs ?? 0) / (before.hashrateGhs ?? 1)).toBeLessThan(0.85);
  });

  it('is rejected a frequency in MHz before anything is sent', async () => {
    const rig = await rigOf('antminer-s21');
    const known = { family: 'antminer', model: 'Antminer S21' };
    const outcome = await rig.order(mhzOrder(500), known);
    expect(outcome).toMatchObject({ status: 'rejected' });
    expect(outcome.message).toContain('level in percent');
    expect(rig.connections()).toBe(0);
  });

  it('boots when its page closes without an answer, and is away', async () => {
    const rig = await rigOf('antminer-s19');
    expect(await rig.order(bare('reboot'))).toMatchObject({ status: 'completed' });
    expect(rig.done()).toEqual(['/cgi-bin/reboot.cgi']);
    expect(rig.simulator.miner(rig.host).isDown).toBe(true);
    rig.pass(70);
    expect((await rig.poll()).uptimeS).toBeLessThan(60);
  });

  it('restarts by the CGMiner API where it has no page for it, by its configuration where that is denied', async () => {
    const rig = await rigOf('antminer-s19');
    expect(await rig.order(bare('restart'))).toMatchObject({ status: 'completed' });
    expect(rig.done()).toEqual(['restart']);
    const closed = await startOrderRig('antminer-s19', { host: '127.42.1.1', writes: { cgminer: false } });
    running.push(closed);
    expect(await closed.order(bare('restart'))).toMatchObject({ status: 'completed' });
    expect(closed.done()).toEqual(['/cgi-bin/set_miner_conf.cgi']);
    closed.pass(40);
    expect((await closed.poll()).uptimeS).toBeLessThan(60);
  });
});

describe('an Antminer with a form', () => {
  it('takes a frequency, fan, pool and restart', async () => {
    const rig = await rigOf('antminer-s9');
    expect(await rig.order(mhzOrder(500))).toMatchObject({
      status: 'completed',
      before: { 'bitmain-freq': '650' },
    });
    rig.pass(60);
    expect(await rig.order(fanOrder(100))).toMatchObject({ status: 'completed' });
    rig.pass(60);
    expect(await rig.order(poolOrder('stratum+tcp://new.example:1', 'a&b=c d%+'))).toMatchObject({
      status: 'completed',
    });
    rig.pass(60);
    const polled = await rig.poll();
    expect(polled.frequencyAvgMhz).toBe(500);
    expect(Math.min(...polled.fans.map((fan) => fan.rpm ?? 0))).toBeGreaterThan(5_500);
    expect(polled.pools[0]).toMatchObject({
      url: 'stratum+tcp://new.example:1',
      user: 'a&b=c d%+',
      isActive: true,
    });
    expect(await rig.order(bare('restart'))).toMatchObject({ status: 'completed' });
    expect(rig.done().at(-1)).toBe('/cgi-bin/reboot_cgminer.cgi');
  });

  it('is rejected sleep where it has none, and sleeps with mode 254 where it has', async () => {
    const rig = await rigOf('antminer-s9');
    expect(await rig.order(bare('disable'))).toMatchObject({ status: 'rejected' });
    expect(rig.done()).toEqual([]);
    const later = await rigOf('antminer-t15');
    expect(await later.order(bare('disable'))).toMatchObject({
      status: 'completed',
      after: { 'bitmain-work-mode': '254' },
    });
    // Its status has no word for it: that it hashes nothing, long after its start, tells.
    later.pass(900);
    expect((await later.poll()).state).toBe('sleeping');
  });

  it('is Hiveon too, which says ok twice', async () => {
    const rig = await rigOf('hiveon-s9');
    expect(await rig.order(mhzOrder(550))).toMatchObject({ status: 'completed', family: 'hiveon' });
  });
});

describe('an Antminer that refuses', () => {
  it('tells of a wrong password, and of none', async () => {
    const rig = await rigOf('antminer-s19');
    const wrong = await rig.order(bare('disable'), { credentials: rules({ password: 'not this one' }) });
    expect(wrong).toMatchObject({ status: 'failed', code: 401, errorClass: 'wrong_password' });
    expect(wrong.message).not.toContain('not this one');
    const none = await rig.order(bare('reboot'), { credentials: [] });
    expect(none).toMatchObject({ status: 'failed', code: 401 });
    expect(none.message).toContain('none is configured');
    rig.simulator.setFault(rig.host, { kind: 'wrong_password' });
    expect(await rig.order(bare('disable'))).toMatchObject({ status: 'failed', code: 401 });
    expect(rig.done()).toEqual([]);
  });

  it('passes on what its page says, and code 45 of its API', async () => {
    const rig = await rigOf('antminer-s19');
    rig.simulator.setFault(rig.host, { kind: 'write_denied' });
    const page = await rig.order(fanOrder(50));
    expect(page).toMatchObject({ status: 'failed', errorClass: 'device_error' });
    expect(page.message).toContain('write refused M001');
    const api = await rig.order(poolOrder('stratum+tcp://x.example:1'), { credentials: [] });
    expect(api).toMatchObject({ status: 'failed', code: 45, errorClass: 'access_denied' });
    expect(api.message).toContain('credentials');
  });

  it('leaves unknown what was written and not answered, and once only', async () => {
    const rig = await rigOf('antminer-s19');
    rig.simulator.setFault(rig.host, { kind: 'write_lost' });
    const lost = await rig.order(fanOrder(70), {}, { limits: shortLimits });
    expect(lost).toMatchObject({ status: 'unknown', errorClass: 'deadline' });
    expect(rig.done()).toHaveLength(1);
    rig.pass(60);
    rig.simulator.setFault(rig.host, { kind: 'write_closed' });
    expect(await rig.order(fanOrder(80))).toMatchObject({ status: 'unknown', errorClass: 'empty_reply' });
    expect(rig.done()).toHaveLength(2);
    rig.pass(60);
    rig.simulator.setFault(rig.host, { kind: 'write_slow', delayMs: 700 });
    expect(await rig.order(fanOrder(90))).toMatchObject({ status: 'completed' });
    expect(rig.simulator.stats().overlaps).toBe(0);
  });
});
