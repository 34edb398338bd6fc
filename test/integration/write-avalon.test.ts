import { afterEach, describe, expect, it } from 'vitest';
import type { ModelName } from '../../load-test/simulator/models.js';
import {
  bare,
  fanOrder,
  mhzOrder,
  percentOrder,
  poolOrder,
  shortLimits,
  startOrderRig,
  type OrderRig,
} from '../support/orders.js';

const running: OrderRig[] = [];
afterEach(async () => {
  await Promise.all(running.splice(0).map((rig) => rig.simulator.stop()));
});

let last = 0;
async function rigOf(model: ModelName = 'avalon-1246'): Promise<OrderRig> {
  const rig = await startOrderRig(model, { host: `127.45.0.${++last}` });
  running.push(rig);
  return rig;
}
const pool = 'stratum+tcp://new.example:3333';

describe('an Avalon', () => {
  it('sleeps, and wakes without a word', async () => {
    const rig = await rigOf();
    expect(await rig.order(bare('disable'))).toMatchObject({ status: 'completed', family: 'avalon' });
    expect((await rig.poll()).state).toBe('sleeping');
    expect(await rig.order(bare('enable'))).toMatchObject({ status: 'completed' });
    rig.pass(60);
    expect((await rig.poll()).state).toBe('mining');
    expect(rig.simulator.writes().map((it) => it.parameters)).toEqual([
      expect.stringMatching(/^0,softoff,1:\d{10}$/),
      expect.stringMatching(/^0,softon,1:\d{10}$/),
    ]);
  });

  it('of the older kind is put to sleep by its hash power and woken by a boot', async () => {
    const rig = await rigOf('avalon-1066');
    expect(await rig.order(bare('disable'))).toMatchObject({ status: 'completed' });
    expect((await rig.poll()).hashrateGhs).toBe(0);
    expect(await rig.order(bare('enable'))).toMatchObject({ status: 'completed' });
    expect(rig.simulator.writes().map((it) => it.parameters)).toEqual(['0,hashpower,0', '0,reboot,0']);
  });

  it.each(['avalon-1246', 'avalon-1066'] as const)(
    '%s takes a pool, boots once to use it, and polls show it',
    async (model) => {
      const rig = await rigOf(model);
      const outcome = await rig.order(poolOrder(pool, 'me.1', 'hidden-word'));
      expect(outcome).toMatchObject({ status: 'completed', after: { pool_url: pool } });
      rig.pass(90);
      expect((await rig.poll()).pools.find((it) => it.isActive)).toMatchObject({ url: pool, user: 'me.1' });
      expect(await rig.order(poolOrder(pool, 'me.1', 'hidden-word'))).toMatchObject({ status: 'completed' });
      expect(rig.done()).toEqual(['ascset', 'ascset']);
      expect(JSON.stringify([outcome, rig.simulator.writes()])).not.toMatch(/hidden-word|correct horse/);
    },
  );

  it('takes fan and frequency, and polls show them', async () => {
    const rig = await rigOf();
    expect(await rig.order(fanOrder(100))).toMatchObject({ status: 'completed' });
    expect(await rig.order(mhzOrder(400))).toMatchObject({ status: 'completed' });
    const polled = await rig.poll();
    expect(Math.min(...polled.fans.map((fan) => fan.rpm ?? 0))).toBeGreaterThan(6_500);
    expect(polled.frequencyAvgMhz).toBe(400);
    expect(await rig.order(mhzOrder(1_900))).toMatchObject({ status: 'failed', code: 120 });
  });

  it('restarts and boots', async () => {
    const rig = await rigOf();
    expect(await rig.order(bare('restart'))).toMatchObject({ status: 'completed' });
    rig.pass(60);
    expect((await rig.poll()).uptimeS).toBeLessThan(60);
    expect(await rig.order(bare('reboot'))).toMatchObject({ status: 'completed' });
    expect(rig.simulator.miner(rig.host).isDown).toBe(true);
  });

  it('is rejected what it cannot, before anything is sent', async () => {
    const rig = await rigOf();
    const known = { family: 'avalon', model: 'AvalonMiner 1246' };
    expect(await rig.order(percentOrder(5), known)).toMatchObject({ status: 'rejected' });
    expect(await rig.order(poolOrder(pool, 'a,b'), known)).toMatchObject({ status: 'rejected' });
    expect(await rig.order(poolOrder(pool), { ...known, credentials: [] })).toMatchObject({
      status: 'rejected',
    });
    expect(await rig.order(poolOrder(pool), { ...known, model: 'Avalon Q' })).toMatchObject({
      status: 'rejected',
    });
    expect(rig.connections()).toBe(0);
  });

  it('passes on code 45, and does not know what silence to a fan speed means', async () => {
    const rig = await rigOf();
    rig.simulator.setFault(rig.host, { kind: 'write_denied' });
    expect(await rig.order(bare('disable'))).toMatchObject({ status: 'failed', code: 45 });
    rig.simulator.setFault(rig.host, { kind: 'write_lost' });
    expect(await rig.order(fanOrder(60), {}, { limits: shortLimits })).toMatchObject({ status: 'unknown' });
    expect(rig.done()).toEqual(['ascset']);
  });
});
