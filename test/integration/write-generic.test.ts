import { afterEach, describe, expect, it } from 'vitest';
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
import { waitFor } from '../support/wait.js';

const running: OrderRig[] = [];
afterEach(async () => {
  await Promise.all(running.splice(0).map((rig) => rig.simulator.stop()));
});

let last = 0;
async function rigOf(options: Partial<Parameters<typeof startOrderRig>[1]> = {}): Promise<OrderRig> {
  const rig = await startOrderRig('cgminer', { host: `127.43.0.${++last}`, ...options });
  running.push(rig);
  return rig;
}

describe('a miner of which only CGMiner’s API is known', () => {
  it('switches every board off and on', async () => {
    const rig = await rigOf();
    expect(await rig.order(bare('disable'))).toMatchObject({ status: 'completed', family: 'generic' });
    expect(rig.done()).toEqual(['ascdisable', 'ascdisable']);
    expect((await rig.poll()).hashrateGhs).toBe(0);
    expect(await rig.order(bare('enable'))).toMatchObject({ status: 'completed' });
    expect((await rig.poll()).hashrateGhs).toBeGreaterThan(5_000);
  });

  it('adds a pool and switches to it, and adds none when told again', async () => {
    const rig = await rigOf();
    const order = poolOrder('stratum+tcp://new.example:3333', 'me,1\\"|x', 'p,w');
    expect(await rig.order(order)).toMatchObject({ status: 'completed', after: { pool_id: 3 } });
    expect(await rig.order(order)).toMatchObject({ status: 'completed', after: { pool_id: 3 } });
    expect(rig.done()).toEqual(['addpool', 'switchpool', 'switchpool']);
    const { pools } = await rig.poll();
    expect(pools.find((pool) => pool.isActive)).toMatchObject({
      url: 'stratum+tcp://new.example:3333',
      user: 'me,1\\"|x',
    });
    expect(await rig.order({ kind: 'set_pool', params: { pool_id: 1 } })).toMatchObject({
      status: 'completed',
    });
    expect((await rig.poll()).pools.find((pool) => pool.isActive)?.index).toBe(1);
    expect(await rig.order({ kind: 'set_pool', params: { pool_id: 9 } })).toMatchObject({
      status: 'failed',
      code: 26,
    });
  });

  it('takes fan and frequency', async () => {
    const rig = await rigOf();
    const before = await rig.poll();
    expect(await rig.order(fanOrder(100))).toMatchObject({ status: 'completed' });
    expect(await rig.order(mhzOrder(300))).toMatchObject({ status: 'completed' });
    expect(await rig.order(mhzOrder(2_000))).toMatchObject({ status: 'failed', code: 84 });
    expect(rig.simulator.miner(rig.host)).toMatchObject({ fanPct: 100, frequencyMhz: 300 });
    expect((await rig.poll()).hashrateGhs).toBeLessThan((before.hashrateGhs ?? 0) * 0.8);
  });

  it('is restarted by a word, and by a closed connection', async () => {
    const rig = await rigOf();
    expect(await rig.order(bare('restart'))).toMatchObject({ status: 'completed', code: 0 });
    rig.pass(60);
    expect((await rig.poll()).uptimeS).toBeLessThan(60);
    rig.simulator.setFault(rig.host, { kind: 'write_closed' });
    expect(await rig.order(bare('restart'))).toMatchObject({ status: 'completed' });
    expect(rig.done()).toEqual(['restart', 'restart']);
  });

  it('is rejected what the API has no call for, before anything is sent', async () => {
    const rig = await rigOf();
    const known = { family: 'generic' };
    expect(await rig.order(bare('reboot'), known)).toMatchObject({ status: 'rejected' });
    expect(await rig.order(percentOrder(10), known)).toMatchObject({ status: 'rejected' });
    expect(rig.connections()).toBe(0);
  });

  it('passes on code 45, and does not know what a lost answer means', async () => {
    const rig = await rigOf({ writes: { cgminer: false } });
    expect(await rig.order(fanOrder(50))).toMatchObject({
      status: 'failed',
      code: 45,
      errorClass: 'access_denied',
    });
    const other = await rigOf();
    other.simulator.setFault(other.host, { kind: 'write_lost' });
    const limits = shortLimits;
    expect(await other.order(fanOrder(50), { family: 'generic' }, { limits })).toMatchObject({
      status: 'unknown',
    });
    expect(await other.order(bare('restart'), { family: 'generic' }, { limits })).toMatchObject({
      status: 'unknown',
    });
    expect(other.done()).toEqual(['fanctrl', 'restart']);
  });

  it('that turns a connection away is asked again what it is, three times in all', async () => {
    const rig = await rigOf();
    rig.simulator.setFault(rig.host, { kind: 'refused' });
    expect(await rig.order(fanOrder(60))).toMatchObject({ status: 'failed', errorClass: 'reset' });
    const looked = rig.connections();
    const pending = rig.order(fanOrder(60));
    await waitFor('its first look', () => rig.connections() > looked);
    rig.simulator.setFault(rig.host, null);
    expect(looked).toBe(3 * (rig.connections() - looked));
    expect(await pending).toMatchObject({ status: 'completed', family: 'generic' });
    expect(rig.done()).toEqual(['fanctrl']);
  });

  it('that is not there has failed, whatever the order', async () => {
    const rig = await rigOf();
    rig.simulator.setFault(rig.host, { kind: 'silent' });
    const limits = shortLimits;
    expect(await rig.order(bare('restart'), {}, { limits })).toMatchObject({
      status: 'failed',
      family: null,
    });
    expect(await rig.order(bare('restart'), { port: 9, family: 'generic' }, { limits })).toMatchObject({
      status: 'failed',
      errorClass: 'connect_refused',
    });
  });
});
