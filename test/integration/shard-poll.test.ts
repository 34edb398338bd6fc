import { afterEach, describe, expect, it } from 'vitest';
import { parseFault } from '../../load-test/simulator/faults.js';
import {
  startSimulator,
  type Simulator,
  type SimulatorOptions,
} from '../../load-test/simulator/simulator.js';
import { parseIp } from '../../src/domain/ip-ranges.js';
import { createGateMemory, MinerGate } from '../../src/domain/miner-gate.js';
import { createShardRig } from '../support/poll.js';

let simulator: Simulator | null = null;
afterEach(async () => {
  await simulator?.stop();
  simulator = null;
});

const farm = async (
  options: Partial<SimulatorOptions> & Pick<SimulatorOptions, 'miners'>,
): Promise<Simulator> => (simulator = await startSimulator({ seed: 7, ...options }));
const ip = (n: number): string => `127.30.0.${n}`;
const list = (n: number): SimulatorOptions['miners'] => ({
  addresses: Array.from({ length: n }, (_, i) => ip(i + 1)),
});
const faults = (...texts: string[]): Record<string, ReturnType<typeof parseFault>> =>
  Object.fromEntries(texts.map((text, i) => [ip(i + 1), parseFault(text)]));

describe('pollShard', () => {
  it('reads every healthy miner of every kind, one connection at a time', async () => {
    const sim = await farm({ miners: list(40) });
    const rig = createShardRig({ ranges: ['127.30.0.1-40'], port: sim.port });
    await rig.poll();
    const { outcome, records } = await rig.poll();
    expect(outcome.counters).toMatchObject({
      scheduled: 40,
      samples: 40,
      skippedBackoff: 0,
      byState: { mining: 40 },
    });
    for (const [address, record] of records) {
      const truth = sim.miner(address);
      expect(record.state).toBe('mining');
      expect(record.accepted_shares).toBeGreaterThan(0);
      expect(Math.abs((record.hashrate_ghs ?? 0) / truth.ghs - 1)).toBeLessThan(0.1);
      expect(record.timestamp.endsWith('Z')).toBe(true);
    }
    expect(sim.stats().overlaps).toBe(0);
  });

  it('leaves miners alone that a command holds, here or elsewhere, and counts them as skipped', async () => {
    const sim = await farm({ miners: list(4) });
    const gate = new MinerGate(createGateMemory());
    const rig = createShardRig({ ranges: ['127.30.0.1-4'], port: sim.port, gate });
    await rig.poll();
    gate.hold(parseIp(ip(1)) ?? 0);
    const { outcome, records } = await rig.poll({ held: [ip(2)] });
    expect([...records.keys()].sort()).toEqual([ip(3), ip(4)]);
    expect(outcome.counters).toMatchObject({ scheduled: 4, samples: 2, skippedCommand: 2 });
    gate.release(parseIp(ip(1)) ?? 0);
    expect((await rig.poll()).outcome.counters).toMatchObject({ samples: 4, skippedCommand: 0 });
    expect([1, 2, 3, 4].some((n) => gate.isPolled(parseIp(ip(n)) ?? 0))).toBe(false);
  });

  it('learns who takes joined commands, and then needs one connection for them', async () => {
    const sim = await farm({ miners: list(2), models: { [ip(1)]: 'cgminer', [ip(2)]: 'antminer-s19' } });
    const rig = createShardRig({ ranges: ['127.30.0.1-2'], port: sim.port });
    // The first poll learns the family, the second tries a joined command.
    await rig.poll();
    await rig.poll();
    const before = sim.stats().connections;
    await rig.poll();
    expect(rig.profiles[ip(1)]).toMatchObject({ joins: true });
    expect(rig.profiles[ip(2)]).toMatchObject({ joins: false });
    expect(sim.stats().connections - before).toBe(1 + 3);
  });

  it('tells sleeping, starting, denied, garbled and silent miners apart, and nulls what is unknown', async () => {
    const sim = await farm({ miners: list(7) });
    const rig = createShardRig({ ranges: ['127.30.0.1-7'], port: sim.port });
    await rig.poll();
    const states = ['sleeping', 'starting', 'denied', 'empty', 'garbage:html', 'silent'];
    for (const [address, fault] of Object.entries(faults(...states))) sim.setFault(address, fault);
    const { records, outcome } = await rig.poll();
    expect(states.map((_, i) => records.get(ip(i + 1))?.state)).toEqual([
      'sleeping',
      'starting',
      'denied',
      'denied',
      'parse_error',
      'unreachable',
    ]);
    for (const n of [3, 4, 5, 6]) {
      expect(records.get(ip(n))).toMatchObject({
        hashrate_ghs: null,
        temperature_max: null,
        accepted_shares: null,
      });
    }
    expect(records.get(ip(6))).toMatchObject({
      online: false,
      overall_health: 'offline',
      error_class: 'deadline',
    });
    expect(records.get(ip(7))?.state).toBe('mining');
    expect(outcome.counters.errors).toEqual({ access_denied: 2, not_json: 1, deadline: 1 });
  });

  it('sees each kind of miner fall asleep and wake up, slot by slot', async () => {
    const sim = await farm({ miners: list(16) });
    const rig = createShardRig({ ranges: ['127.30.0.1-16'], port: sim.port });
    const statesNow = async (): Promise<string[]> =>
      [...(await rig.poll()).records.values()].map((record) => record.state);
    await rig.poll();
    for (const address of sim.addresses) sim.setFault(address, { kind: 'sleeping' });
    for (let i = 0; i < 3; i++) expect(new Set(await statesNow())).toEqual(new Set(['sleeping']));
    for (const address of sim.addresses) sim.setFault(address, null);
    for (let i = 0; i < 2; i++) expect(new Set(await statesNow())).toEqual(new Set(['mining']));
  });

  it('flags a cut reply and never calls it healthy', async () => {
    const sim = await farm({ miners: list(1), models: { [ip(1)]: 'antminer-s19' } });
    const rig = createShardRig({ ranges: [ip(1)], port: sim.port });
    await rig.poll();
    sim.setFault(ip(1), { kind: 'truncated' });
    for (let i = 0; i < 5; i++) {
      const { records } = await rig.poll();
      const record = records.get(ip(1));
      expect(record?.overall_health).not.toBe('healthy');
      expect(record?.error_class).not.toBeNull();
    }
  });

  it('hands the healthy over without waiting for the silent', async () => {
    const sim = await farm({ miners: list(20) });
    const rig = createShardRig({ ranges: ['127.30.0.1-20'], port: sim.port, limits: { flushMs: 60_000 } });
    await rig.poll();
    for (const n of [1, 2, 3, 4]) sim.setFault(ip(n), { kind: 'silent' });
    await rig.poll();
    const { pieces, elapsedMs } = await rig.poll();
    expect(pieces.map(({ rows }) => rows)).toEqual([16, 4]);
    expect(elapsedMs).toBeGreaterThan(1_400);
    expect(pieces[0]?.atMs).toBeLessThan(1_000);
  });

  it('leaves a dead miner alone for longer and longer, and counts each slot', async () => {
    const sim = await farm({ miners: list(2) });
    const rig = createShardRig({ ranges: ['127.30.0.1-2'], port: sim.port });
    await rig.poll();
    sim.setFault(ip(1), { kind: 'refused' });
    const tried: boolean[] = [];
    for (let i = 0; i < 24; i++) {
      const { outcome, records } = await rig.poll();
      const { scheduled, samples, skippedBackoff } = outcome.counters;
      expect(scheduled).toBe(samples + skippedBackoff);
      expect(scheduled).toBe(2);
      tried.push(records.has(ip(1)));
    }
    expect(tried.slice(0, 3)).toEqual([true, true, true]);
    expect(tried.filter(Boolean).length).toBeLessThan(9);
    sim.setFault(ip(1), null);
    let polls = 0;
    while ((await rig.poll()).records.get(ip(1))?.state !== 'mining') expect(++polls).toBeLessThan(13);
  });

  it('makes no miner of an address that never answered, and scans it slowly', async () => {
    const sim = await farm({ miners: list(1) });
    const rig = createShardRig({ ranges: ['127.30.0.1-9'], port: sim.port, limits: { scanSlots: 5 } });
    const scanned: number[] = [];
    for (let i = 0; i < 6; i++) {
      const { outcome } = await rig.poll();
      expect(outcome.knownMiners).toBe(1);
      expect(outcome.counters.scheduled).toBe(1);
      scanned.push(outcome.counters.scanned);
    }
    expect(scanned).toEqual([8, 0, 0, 0, 0, 8]);
  });

  it('keeps what was learned in a blob that a new process reads', async () => {
    const sim = await farm({ miners: list(3) });
    const first = createShardRig({ ranges: ['127.30.0.1-3'], port: sim.port });
    await first.poll();
    const { outcome } = await first.poll();
    const second = createShardRig({ ranges: ['127.30.0.1-3'], port: sim.port });
    const before = sim.stats().connections;
    const again = await second.poll({ profiles: outcome.profiles });
    expect(again.outcome.counters.scheduled).toBe(3);
    expect(sim.stats().connections - before).toBeLessThanOrEqual(9);
  });

  it('sends raw replies with the first reading and when the damage changes', async () => {
    const sim = await farm({ miners: list(1), models: { [ip(1)]: 'antminer-s19' } });
    const rig = createShardRig({ ranges: [ip(1)], port: sim.port });
    const first = (await rig.poll()).records.get(ip(1));
    expect(Object.keys(first?.raw ?? {})).toContain('summary');
    expect((await rig.poll()).records.get(ip(1))?.raw).toBeNull();
    sim.setFault(ip(1), parseFault('malformed:trailing_comma'));
    const damaged = (await rig.poll()).records.get(ip(1));
    expect(damaged?.raw?.['summary']).toContain('"STATUS"');
    expect(damaged?.details?.repairs.map((repair) => repair.kind)).toContain('extra_comma');
    expect((await rig.poll()).records.get(ip(1))?.raw).toBeNull();
  });

  it('keeps every miner within its deadline, however it drips', async () => {
    const sim = await farm({
      miners: list(30),
      faults: { [ip(1)]: { kind: 'drip', bytes: 1, everyMs: 100 } },
    });
    const rig = createShardRig({ ranges: ['127.30.0.1-30'], port: sim.port, sockets: 8 });
    const { elapsedMs, outcome } = await rig.poll();
    expect(outcome.knownMiners).toBeGreaterThanOrEqual(29);
    expect(elapsedMs).toBeLessThan(3_500);
  });
});
