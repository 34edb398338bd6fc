import { describe, expect, it } from 'vitest';
import { answer, readAll } from '../fixtures/miner-replies.js';
import { antminerStats } from '../fixtures/antminer-replies.js';

const merged = (parts: readonly Record<string, unknown>[]) =>
  Object.fromEntries(parts.flatMap((part) => Object.entries(part)));

/** `stats` of a machine for another coin: three boards of `rate`, as the firmware writes it. */
function otherCoin(type: string, rate: string, more: Record<string, unknown> = {}) {
  const boards = [1, 2, 3].map((n) => ({
    [`chain_acn${n}`]: 3,
    [`chain_acs${n}`]: ' ooo',
    [`chain_rate${n}`]: rate,
  }));
  return antminerStats(
    { Type: type },
    {
      'GHS 5s': String(Number(rate) * 3),
      'GHS av': Number(rate) * 3,
      total_rateideal: undefined,
      ...merged(boards),
      ...more,
    },
  );
}

describe('Antminers for other coins than bitcoin', () => {
  it.each([
    ['Antminer Z15', '140.0', 0.00042],
    ['Antminer Z11', '45000', 0.000135],
    ['Antminer B3', '260', 7.8e-7],
    ['Antminer E9 Pro', '1200', 3.6],
    ['Antminer D9', '590', 1770],
  ])('%s writes its own unit under GHS', (type, rate, ghs) => {
    const sample = readAll({ stats: otherCoin(type, rate) });
    expect(sample.hashrateGhs).toBeCloseTo(ghs, 12);
    expect(sample.boards.map((board) => (board.hashrateGhs ?? 0) * 3)[0]).toBeCloseTo(ghs, 12);
    expect(sample.repairs.some((it) => it.kind === 'unit_scale')).toBe(type !== 'Antminer D9');
  });

  it('are read from figures with their unit behind them', () => {
    const chip = (n: number) => ({
      [`chain_acn${n}`]: 92,
      [`CHAIN AVG HASHRATE${n}`]: '7000.00GH/s',
      [`temp_in_pcb_${n}`]: '55',
      [`temp_out_pcb_${n}`]: '60',
      [`temp_in_chip_${n}`]: '66-65',
      [`temp_out_chip_${n}`]: '69',
    });
    const stats = answer('STATS', [
      { Type: 'AntminerKS5' },
      { STATS: 3, Elapsed: 9000, fan_num: 2, fan1: 4400, fan2: 4410, ...chip(1), ...chip(2), ...chip(3) },
    ]);
    const rates = { 'RT HASHRATE': '21.1 TH/s', 'AV HASHRATE': '20900GH/s', 'THEORY HASHRATE': '21000GH/s' };
    const sample = readAll({ stats, summary: answer('SUMMARY', { ...rates, Accepted: 10 }) });
    expect(sample).toMatchObject({
      identity: { vendor: 'Bitmain', model: 'Antminer KS5', firmware: 'stock' },
      hashrateGhs: 21_100,
      hashrateExpectedGhs: 21_000,
      state: 'mining',
      repairs: [],
    });
    expect(sample.boards[2]).toMatchObject({
      hashrateGhs: 7000,
      boardTempsC: [55, 60],
      chipTempsC: [66, 65, 69],
    });
  });
});

describe('a unit the device tells', () => {
  it('holds for its boards beside figures with their own', () => {
    const stats = otherCoin('Antminer L7', '3000', { rate_unit: 'MH', total_rateideal: 9500 });
    const summary = answer('SUMMARY', { 'RT HASHRATE': '9.0 GH/s', 'THEORY HASHRATE': '9.50 GH/s' });
    const sample = readAll({ stats, summary });
    expect(sample).toMatchObject({ hashrateGhs: 9, hashrateExpectedGhs: 9.5, repairs: [] });
    expect(sample.boards.map((board) => board.hashrateGhs)).toEqual([3, 3, 3]);
  });
});

describe('Bitmain layouts of others', () => {
  it('ccminer writes one text for accepted and rejected: the pools count', () => {
    const pools = answer('POOLS', [{ POOL: 0, URL: 'a:1', Status: 'Alive', Accepted: 900, Rejected: 7 }]);
    const summary = { 'GHS 5s': '4.2', Accepted: ' 12.0000', Rejected: ' 12.0000' };
    const stats = antminerStats(
      { Type: 'Blackminer F1' },
      { chipTemp1: '[67.30, 0.13, 37.20]', temp_chip1: undefined },
    );
    const sample = readAll({ stats, pools, summary: answer('SUMMARY', summary) });
    expect(sample).toMatchObject({ acceptedShares: 900, rejectedShares: 7, identity: { firmware: 'stock' } });
    // Its chip temperatures are memory nobody wrote to.
    expect(sample.boards[0]?.chipTempsC).toEqual([]);
  });

  it('a supply that lost power is an error on every firmware', () => {
    const sample = readAll({
      stats: antminerStats({ Type: 'Antminer S19 Hiveon' }, { psu_status: 'PSU power lost' }),
    });
    expect(sample).toMatchObject({
      family: 'hiveon',
      deviceErrors: [{ code: 'psu', text: 'PSU power lost' }],
    });
  });
});

describe('hydro machines', () => {
  const filled = (chips: number) => ` ${'o'.repeat(11)} ${'o'.repeat(chips - 11)}${'-'.repeat(22 - chips)}`;
  const stats = (chips: readonly number[], change: object = {}) =>
    antminerStats(
      { Type: 'Antminer S21 XP Hyd.' },
      {
        ...merged(
          chips.map((count, at) => ({
            [`chain_acn${at + 1}`]: count,
            [`chain_acs${at + 1}`]: filled(count),
          })),
        ),
        ...change,
      },
    );

  it('have no fans, whatever fan_num says', () => {
    const still = { fan_num: 4, fan1: 0, fan2: 0, fan3: 0, fan4: 0 };
    expect(readAll({ stats: stats([22, 22, 22], still) })).toMatchObject({ fans: [], health: 'healthy' });
  });

  it('fill the last row of a chip map with dashes, alike on every board', () => {
    const chipsOf = (...chips: number[]) =>
      readAll({ stats: stats(chips) }).boards.map((board) => [board.chipsOk, board.chipsTotal]);
    expect(chipsOf(18, 18, 18)).toEqual([
      [18, 18],
      [18, 18],
      [18, 18],
    ]);
    // A board that has fewer than the others lacks chips.
    expect(chipsOf(18, 17, 18)[1]).toEqual([17, 22]);
  });
});
