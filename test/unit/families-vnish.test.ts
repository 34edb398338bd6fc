import { describe, expect, it } from 'vitest';
import { antminerStats, still } from '../fixtures/antminer-replies.js';
import { answer, readAll } from '../fixtures/miner-replies.js';

const refused = { STATUS: [{ STATUS: 'E', Code: 0, Msg: 'Invalid command', Description: 'cgminer 4.11.1' }] };
const vnish = (change: object = {}, more: Record<string, object> = {}) =>
  readAll({
    version: refused,
    stats: antminerStats({ Type: 'Antminer S19 XP (Vnish 1.2.0-rc1)' }, { ...change }),
    ...more,
  });

describe('VNish', () => {
  it('is known by stats alone and read with what it tells of its boards', () => {
    const sample = vnish({
      state: 'mining',
      ...{ chain_rateideal1: 37000, chain_vol1: 13000, chain_sn1: 'B1' },
      ...{ chain_consumption1: 990, chain_consumption2: 1010, chain_consumption3: 1000 },
    });
    expect(sample).toMatchObject({
      family: 'vnish',
      state: 'mining',
      powerW: 3000,
      powerSource: 'estimated',
      errorMessage: null,
    });
    expect(sample.identity).toMatchObject({
      vendor: 'Bitmain',
      model: 'Antminer S19 XP',
      firmware: 'VNish',
      firmwareVersion: '1.2.0-rc1',
    });
    expect(sample.boards[0]).toMatchObject({ nominalGhs: 37000, voltageMv: 13000, serial: 'B1' });
  });

  it.each([
    ['mining', { state: 'auto-tuning' }],
    ['starting', { ...still, state: 'auto-tuning', Elapsed: 5000 }],
    ['starting', { ...still, state: 'initializing', Elapsed: 5000 }],
    ['sleeping', { ...still, state: 'stopped', Elapsed: 5000 }],
    ['sleeping', { ...still, state: 'paused', 'GHS av': 500, Elapsed: 5000 }],
    ['stopped', { ...still, state: 'failure', Elapsed: 5000 }],
    ['overheated', { ...still, state: 'failure', chain_fault2: 'Overheat protection', Elapsed: 5000 }],
  ])('is %s: %j', (state, change) => {
    expect(vnish(change).state).toBe(state);
  });

  it('names the fault of a chain', () => {
    const sample = vnish({ chain_fault1: '', chain_fault2: 'EEPROM read failed' });
    expect(sample.deviceErrors).toEqual([{ code: 'chain2', text: 'EEPROM read failed' }]);
    expect(sample.health).toBe('warning');
  });

  it("marks the pool of its author, whose shares are not the owner's", () => {
    const pool = (POOL: number, URL: string, change: object) => ({
      POOL,
      URL,
      Status: 'Alive',
      User: 'a.1',
      ...change,
    });
    const sample = vnish(
      {},
      {
        pools: answer('POOLS', [
          pool(0, 'a.example:3333', { Type: 0, 'Stratum Active': true, Accepted: 10, Rejected: 1, Stale: 2 }),
          pool(1, 'DevFee', { Type: 1, User: 'DevFee', 'Stratum Active': true, Accepted: 3 }),
        ]),
      },
    );
    expect(sample.pools.map((it) => [it.isDevFee, it.isActive, it.stale])).toEqual([
      [false, true, 2],
      [true, false, null],
    ]);
    expect(sample.acceptedShares).toBe(10);
  });
});
