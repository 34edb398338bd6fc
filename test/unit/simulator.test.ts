import { describe, expect, it } from 'vitest';
import { mixes } from '../../load-test/simulator/mix.js';
import type { ModelName } from '../../load-test/simulator/models.js';
import { defaultHealthThresholds } from '../../src/domain/health.js';
import { decodeReply } from '../../src/miner/decode-reply.js';
import { readMiner } from '../../src/miner/read-miner.js';
import { identifyFamily } from '../../src/miner/registry.js';
import type { Reply } from '../../src/miner/reply.js';
import { ask, build, commands, epochMs, poll, row, type Row } from '../support/simulated-miner.js';
import type { SimulatedMiner } from '../../load-test/simulator/miner.js';

/** The machines of the usual mixes; the others are in `simulator-families.test.ts`. */
const farmNames = Object.keys(mixes.clean.models) as ModelName[];
const demoNames = Object.keys(mixes.demo.models) as ModelName[];

describe('a simulated miner', () => {
  it.each(farmNames)(
    '%s answers every command it knows with strict JSON, save the comma an S9 forgets',
    (name) => {
      for (const command of commands(name)) {
        const text = ask(build(name), { command }) ?? '';
        if (name === 'antminer-s9' && command === 'stats') {
          expect(() => void JSON.parse(text)).toThrow();
          expect(() => void JSON.parse(text.replace('}{', '},{'))).not.toThrow();
          continue;
        }
        const reply = JSON.parse(text) as {
          STATUS: string | { STATUS: string; Code: number }[];
          Code?: number;
        };
        const code = typeof reply.STATUS === 'string' ? reply.Code : reply.STATUS[0]?.Code;
        const isUnknown = command === 'nonsense' || (name.startsWith('whatsminer') && command === 'version');
        expect(code === 14, `${command}: ${text}`).toBe(
          isUnknown || (command === 'coin' && /s19|s21/.test(name)),
        );
      }
    },
  );

  it.each(farmNames)('%s says the same again for the same seed, address, time and commands', (name) => {
    const tell = (miner: SimulatedMiner): (string | null)[] =>
      ['version', 'summary', 'stats', 'pools', 'summary', 'restart', 'summary'].map((command, i) =>
        ask(miner, { command }, i * 40),
      );
    expect(tell(build(name))).toEqual(tell(build(name)));
    expect(tell(build(name, null, '127.20.1.8'))).not.toEqual(tell(build(name)));
  });

  it.each(farmNames)(
    '%s counts shares and seconds upward, one share at least from summary to summary',
    (name) => {
      const miner = build(name);
      let last = row(miner, 'summary', 'SUMMARY');
      for (let second = 1; second < 50; second += 7) {
        for (let again = 0; again < 2; again++) {
          const next = row(miner, 'summary', 'SUMMARY', second);
          expect(next.Accepted).toBeGreaterThan(last.Accepted);
          expect(next.Elapsed).toBeGreaterThanOrEqual(last.Elapsed);
          expect(next.Rejected / next.Accepted).toBeLessThan(0.01);
          last = next;
        }
      }
      const pools = JSON.parse(ask(miner, { command: 'pools' }, 50) ?? '') as { POOLS: Row[] };
      expect(pools.POOLS.reduce((sum, pool) => sum + pool.Accepted, 0)).toBe(
        miner.accepted(epochMs + 50_000),
      );
    },
  );

  it.each(farmNames)('%s hashes near its nominal rate, drifts, and its boards add up', (name) => {
    const miner = build(name);
    const seen = new Set<number>();
    for (let minute = 0; minute < 60; minute++) {
      const reading = miner.reading(epochMs + minute * 60_000);
      seen.add(reading.ghs5s);
      expect(reading.ghs5s / miner.model.nominalGhs).toBeGreaterThan(0.93);
      expect(reading.ghs5s / miner.model.nominalGhs).toBeLessThan(1.08);
      expect(reading.boards.reduce((sum, board) => sum + board.ghs5s, 0)).toBeCloseTo(reading.ghs5s, 5);
      for (const board of reading.boards) {
        expect(board.chipC).toBeGreaterThan(45);
        expect(board.chipC).toBeLessThan(85);
      }
    }
    expect(seen.size).toBeGreaterThan(30);
  });

  it.each(farmNames)('%s is read back by the family that knows it, number for number', (name) => {
    const miner = build(name);
    const replies = new Map<string, Reply>();
    for (const command of commands(name)) {
      replies.set(command, decodeReply(command, Buffer.from(`${ask(miner, { command }) ?? ''}\0`, 'latin1')));
    }
    const family = identifyFamily(replies);
    const sample = readMiner(family, replies, { identity: null, thresholds: defaultHealthThresholds });
    const truth = miner.reading(epochMs);
    expect(family.name).toBe(name === 'cgminer' ? 'generic' : name.split('-')[0]);
    expect(sample.state).toBe('mining');
    expect(sample.health).toBe('healthy');
    expect([truth.ghs, truth.ghs5s]).toContain(sample.hashrateGhs);
    expect(sample.hashrate5sGhs).toBe(truth.ghs5s);
    expect(sample.acceptedShares).toBe(miner.accepted(epochMs));
    expect(sample.uptimeS).toBe(truth.elapsedS);
    expect(sample.boards).toHaveLength(truth.boards.length);
    expect(sample.pools).toHaveLength(3);
    expect(sample.workerName).toBe('farm.1x7');
    expect(sample.repairs.map((repair) => repair.kind)).toEqual(
      name === 'antminer-s9' ? ['missing_comma'] : [],
    );
    if (name === 'cgminer') return;
    expect(sample.hashrateExpectedGhs).toBe(truth.nominalGhs);
    expect(sample.temperatureMaxC).toBe(Math.max(...truth.boards.map((board) => board.chipC)));
    expect(sample.fans.map((fan) => fan.rpm)).toEqual(expect.arrayContaining([...truth.fansRpm]));
    if (/whatsminer|avalon/.test(name)) expect(sample.powerW).toBe(truth.powerW);
  });

  it.each([
    ['sleeping', 'sleeping'],
    ['starting', 'starting'],
    ['board_lost', 'critical'],
    ['fan_failed', 'warning'],
    ['hot', 'critical'],
    ['denied', 'denied'],
  ])('a machine that is %s is read as %s whatever its firmware', (fault, expected) => {
    for (const name of demoNames.filter((model) => model !== 'cgminer')) {
      const sample = poll(build(name, fault));
      const told = ['sleeping', 'starting', 'denied'].includes(expected) ? sample.state : sample.health;
      expect(told, name).toBe(expected);
    }
  });
});
