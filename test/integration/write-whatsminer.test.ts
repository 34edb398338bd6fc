import { afterEach, describe, expect, it } from 'vitest';
import type { ModelName } from '../../load-test/simulator/models.js';
import { TokenMemory } from '../../workers/token-memory.js';
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
async function rigOf(model: ModelName = 'whatsminer-m50s'): Promise<OrderRig> {
  const rig = await startOrderRig(model, { host: `127.44.0.${++last}` });
  running.push(rig);
  return rig;
}
const known = { family: 'whatsminer', model: 'M50S_VH50' };
const v3 = { family: 'whatsminer-v3', model: 'M50S_VH50' };
const pool = 'stratum+tcp://new.example:3333';

describe('a Whatsminer of version 2', () => {
  it('is switched off and on by one token, and polls show it', async () => {
    const rig = await rigOf();
    expect(await rig.order(bare('disable'))).toMatchObject({ status: 'completed', family: 'whatsminer' });
    expect((await rig.poll()).state).toBe('sleeping');
    const before = rig.connections();
    expect(await rig.order(bare('enable'), known)).toMatchObject({ status: 'completed' });
    // The token of the order before serves again.
    expect(rig.connections() - before).toBe(1);
    rig.pass(60);
    expect((await rig.poll()).state).toBe('mining');
    expect(rig.simulator.writes().map((it) => [it.write, it.parameters])).toEqual([
      ['power_off', '{"respbefore":"true"}'],
      ['power_on', ''],
    ]);
  });

  it('asleep keeps its pools: what it does not tell is not written over', async () => {
    const rig = await rigOf();
    const before = (await rig.poll()).pools.map(({ url }) => url);
    await rig.order(bare('disable'), known);
    const outcome = await rig.order(poolOrder(pool), known);
    await rig.order(bare('enable'), known);
    rig.pass(60);
    const after = (await rig.poll()).pools.map(({ url }) => url);
    expect(outcome).toMatchObject({ status: 'rejected' });
    expect(outcome.message).toContain('asleep');
    expect(before).toHaveLength(3);
    expect(after).toEqual(before);
    expect(rig.done()).toEqual(['power_off', 'power_on']);
  });

  it('is given a new token once when the one it had is refused', async () => {
    const rig = await rigOf();
    const tokens = new TokenMemory();
    await rig.order(percentOrder(-10), known, { tokens });
    rig.pass(3_600);
    const before = rig.connections();
    expect(await rig.order(percentOrder(-20), known, { tokens })).toMatchObject({ status: 'completed' });
    expect(rig.connections() - before).toBe(3);
    expect((await rig.poll()).frequencyAvgMhz).toBe(480);
    expect(rig.done()).toEqual(['set_target_freq', 'set_target_freq']);
  });

  it('takes a pool before the others, and polls show it', async () => {
    const rig = await rigOf();
    const outcome = await rig.order(poolOrder(pool, 'me.1', 'hidden-word'));
    expect(outcome).toMatchObject({ status: 'completed', after: { pool_url: pool, pool_user: 'me.1' } });
    const { pools } = await rig.poll();
    expect(pools.map((it) => it.url)).toEqual([
      pool,
      'stratum+tcp://btc.pool-two.example:443',
      'stratum+tcp://btc.pool-three.example:25',
    ]);
    expect(pools[0]).toMatchObject({ isActive: true, user: 'me.1' });
    expect(JSON.stringify([outcome, rig.simulator.writes()])).not.toContain('hidden-word');
  });

  it('restarts, and boots without an answer', async () => {
    const rig = await rigOf();
    expect(await rig.order(bare('restart'))).toMatchObject({ status: 'completed' });
    rig.pass(60);
    expect((await rig.poll()).uptimeS).toBeLessThan(60);
    expect(await rig.order(bare('reboot'))).toMatchObject({ status: 'completed' });
    expect(rig.simulator.miner(rig.host).isDown).toBe(true);
    expect(rig.done()).toEqual(['restart_btminer', 'reboot']);
  });

  it('is rejected fans, MHz, and anything without a password, before anything is sent', async () => {
    const rig = await rigOf();
    for (const order of [fanOrder(50), mhzOrder(500)])
      expect(await rig.order(order, known)).toMatchObject({ status: 'rejected' });
    const outcome = await rig.order(bare('disable'), { ...known, credentials: [] });
    expect(outcome).toMatchObject({ status: 'rejected' });
    expect(outcome.message).toContain('password');
    expect(rig.connections()).toBe(0);
  });

  it('tells a wrong password, a closed write API and too many tokens apart', async () => {
    const rig = await rigOf();
    const wrong = await rig.order(bare('disable'), {
      ...known,
      credentials: rules({ password: 'not this' }),
    });
    expect(wrong).toMatchObject({ status: 'failed', code: 401, errorClass: 'wrong_password' });
    expect(wrong.message).not.toContain('not this');
    rig.simulator.setFault(rig.host, { kind: 'write_denied' });
    const denied = await rig.order(bare('disable'), known);
    expect(denied).toMatchObject({ status: 'failed', code: 45, errorClass: 'access_denied' });
    expect(denied.message).toContain("can't access write cmd");
    rig.simulator.setFault(rig.host, null);
    let outcome = denied;
    for (let at = 0; at < 40 && outcome.code !== 136; at++)
      outcome = await rig.order(percentOrder(-1), known, { tokens: new TokenMemory() });
    expect(outcome).toMatchObject({ status: 'failed', code: 136 });
    expect(rig.done()).not.toContain('power_off');
  });

  it('leaves unknown what was not answered, and never sends it twice', async () => {
    const rig = await rigOf();
    rig.simulator.setFault(rig.host, { kind: 'write_lost' });
    const lost = await rig.order(bare('restart'), known, { limits: shortLimits });
    expect(lost).toMatchObject({ status: 'unknown', errorClass: 'deadline' });
    expect(rig.done()).toEqual(['restart_btminer']);
  });

  it('may take its time, one connection after the other', async () => {
    const rig = await rigOf();
    rig.simulator.setFault(rig.host, { kind: 'write_slow', delayMs: 500 });
    expect(await rig.order(poolOrder(pool), known)).toMatchObject({ status: 'completed' });
    expect(rig.simulator.stats()).toMatchObject({ overlaps: 0, connections: 3 });
  });
});

describe('a Whatsminer of version 3', () => {
  it('is told everything in signed frames', async () => {
    const rig = await rigOf();
    expect(await rig.order(bare('disable'), v3)).toMatchObject({ status: 'completed' });
    expect((await rig.poll()).state).toBe('sleeping');
    expect(await rig.order(bare('enable'), v3)).toMatchObject({ status: 'completed' });
    rig.pass(60);
    expect((await rig.poll()).state).toBe('mining');
    expect(await rig.order(percentOrder(-10), v3)).toMatchObject({ status: 'completed' });
    expect(await rig.order(poolOrder(pool, 'me.1', 'hidden-word'), v3)).toMatchObject({
      status: 'completed',
      after: { pool_url: pool },
    });
    const polled = await rig.poll();
    expect(polled.frequencyAvgMhz).toBe(540);
    expect(polled.pools.find((it) => it.isActive)?.url).toBe(pool);
    expect(polled.pools).toHaveLength(3);
    expect(await rig.order(bare('restart'), v3)).toMatchObject({ status: 'completed' });
    rig.pass(60);
    expect(await rig.order(bare('reboot'), v3)).toMatchObject({ status: 'completed' });
    expect(rig.done().slice(-2)).toEqual(['set.miner.service', 'set.system.reboot']);
    expect(JSON.stringify(rig.simulator.writes())).not.toContain('hidden-word');
  });

  it('says so when the password is wrong', async () => {
    const rig = await rigOf();
    expect(
      await rig.order(bare('disable'), { ...v3, credentials: rules({ password: 'not this' }) }),
    ).toMatchObject({ status: 'failed', code: 401, errorClass: 'wrong_password' });
    expect(rig.done()).toEqual([]);
  });
});
