import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { readMiner } from '../../src/miner/read-miner.js';
import { families } from '../../src/miner/registry.js';
import { antminerStats, still } from '../fixtures/antminer-replies.js';
import { answer, contextOf, readAll, repliesOf } from '../fixtures/miner-replies.js';

describe('firmware in the layout of Bitmain', () => {
  it.each([
    ['Antminer S17+ (vnish 2.0.3)', '', 'vnish', 'Antminer S17+', 'VNish', '2.0.3'],
    ['Antminer S21 Pro (Vnish 1.2.7-rc1)', '', 'vnish', 'Antminer S21 Pro', 'VNish', '1.2.7-rc1'],
    ['Antminer S9 Hiveon', '2.0.0 rwglr', 'hiveon', 'Antminer S9', 'Hiveon', 'Mon Feb 6 2023'],
    ['Antminer S9', '2.4.0-asicseer-1.1.9-f7b7', 'asicseer', 'Antminer S9', 'asicseer', '1.1.9'],
    ['S19-88 v.2.6.0.39 ', '4.11.1 rwglr', 'mskminer', 'S19-88', 'MSKMiner', '2.6.0.39'],
    ['Antminer S9', '2.0.0 rwglr', 'mskminer', 'Antminer S9', 'rwglr', '2.0.0'],
    ['Antminer D3 Blissz v2.06 beta', '', 'antminer', 'Antminer D3', 'Blissz', '2.06'],
    ['Antminer S9 Pro (v5.1) ', '', 'antminer', 'Antminer S9 Pro', 'custom', '5.1'],
    ['Antminer S9\nV1.3.58', '', 'antminer', 'Antminer S9', 'custom', '1.3.58'],
    ['Antminer S9i', '2.4.2-1.2.2-90ed', 'antminer', 'Antminer S9i', 'custom', '1.2.2'],
    ['Antminer S9 (nano 1.2)', '', 'antminer', 'Antminer S9', 'nano', '1.2'],
    ['Antminer S19 Pro (Hyd)', '', 'antminer', 'Antminer S19 Pro', 'stock', 'Mon Feb 6 2023'],
  ])('names %j %j', (Type, BMMiner, family, model, firmware, firmwareVersion) => {
    const sample = readAll({ stats: antminerStats({ Type, BMMiner }) });
    expect(sample.family).toBe(family);
    expect(sample.identity).toMatchObject({ vendor: 'Bitmain', model, firmware, firmwareVersion });
  });

  it('has its power as text or per board; a figure no machine can live on is left out', () => {
    const hiveon = (change: object) =>
      readAll({ stats: antminerStats({ Type: 'Antminer S19 Hiveon' }, { ...change }) });
    expect(hiveon({ chain_power: '3250.00 (AB)' })).toMatchObject({ powerW: 3250, powerSource: 'reported' });
    expect(hiveon({ chain_power: '34.65 (AB)' })).toMatchObject({ powerW: null, powerSource: null });
    const perBoard = { chain_power: '', chain_power1: 1100, chain_power2: 1100, chain_power3: 1100.5 };
    expect(hiveon(perBoard)).toMatchObject({ powerW: 3300.5, powerSource: 'estimated' });
  });
});

describe('MSKMiner', () => {
  const msk = (change: object) =>
    readAll({ stats: antminerStats({ Type: 'S19-88 v.2.6.0.39', BMMiner: '4.11.1 rwglr' }, { ...change }) });

  it('tells power and volts, and has nominal rates for boards that are not there', () => {
    const sample = msk({
      total_power: 3358,
      chain_voltage1: 15.7,
      total_rateideal: '',
      ...{
        chain_rateideal1: 36000,
        chain_rateideal2: 36000,
        chain_rateideal3: 36000,
        chain_rateideal4: 31000,
      },
    });
    expect(sample).toMatchObject({ powerW: 3358, powerSource: 'reported', hashrateExpectedGhs: 108000 });
    expect(sample.boards[0]).toMatchObject({ voltageMv: 15700, nominalGhs: 36000 });
  });

  it('is starting while it tunes, and says when its supply is not well', () => {
    expect(msk({ ...still, Elapsed: 5000, tune_running: '1', psu_status: 'PSU OK' })).toMatchObject({
      state: 'starting',
      deviceErrors: [],
    });
    expect(msk({ psu_status: 'PSU fault 3' }).deviceErrors).toEqual([{ code: 'psu', text: 'PSU fault 3' }]);
  });
});

describe('FDMiner', () => {
  const description = 'BCFMiner 2.4.2 Test2';
  const told = {
    summary: answer(
      'SUMMARY',
      { Elapsed: 5000, 'GHS 5s': 108000, 'GHS av': 107000, 'Total MH': 96.4 },
      description,
    ),
    stats: antminerStats(
      { BMMiner: '2.4.2 Test2', Miner: 'FCB V2.2', Type: 'Antminer S19 XP' },
      { 'total rate': 108.1, chain_rate1: '36', chain_rate2: '36', chain_rate3: '36', rate_unit: 'GH' },
      description,
    ),
    devs: { STATUS: [{ STATUS: 'S', Code: 9 }], DEVS: { '': { ASC: 0, 'MHS av': 92000000 } }, id: 1 },
  };

  it('is read with boards in TH/s and power in kW', () => {
    const prodata = {
      STATUS: [{ STATUS: 'S', Code: 99 }],
      PROData: { 'Miner Status': 'Mining', Power: '2.61' },
    };
    const sample = readAll({ ...told, prodata });
    expect(sample).toMatchObject({ family: 'fdminer', hashrateGhs: 108000, powerW: 2610, state: 'mining' });
    expect(sample.identity).toMatchObject({
      vendor: 'Bitmain',
      model: 'Antminer S19 XP',
      firmware: 'FDMiner',
      firmwareVersion: '2.4.2 Test2',
    });
    expect(sample.boards.map((board) => board.hashrateGhs)).toEqual([36000, 36000, 36000]);
    expect(sample.repairs).toEqual([{ command: 'stats', kind: 'unit_scale', count: 1 }]);
  });

  it.each([
    ['Curtailed', 'sleeping'],
    ['Starting', 'starting'],
    ['Stopped: over temperature', 'overheated'],
    ['Fault', 'stopped'],
  ])('which says %s is %s', (status, state) => {
    const idle = antminerStats({ Type: 'Antminer S19 XP' }, { ...still, Elapsed: 5000 }, description);
    const prodata = { STATUS: [{ STATUS: 'S' }], PROData: { 'Miner Status': status } };
    expect(readAll({ stats: idle, prodata }).state).toBe(state);
  });
});

const keys = fc.constantFrom(
  ...[
    'GHS 5s',
    'GHS av',
    'Elapsed',
    'total_rateideal',
    'rate_unit',
    'Mode',
    'state',
    'chain',
    'fan',
    'status',
  ],
  ...[
    'chain_rate1',
    'chain_acn1',
    'chain_acs1',
    'chain_rateideal1',
    'chain_vol1',
    'temp_chip1',
    'chain_fault1',
  ],
  ...[
    'MHS 5s',
    'Nominal MHS',
    'ID',
    'Watts',
    'Frequency',
    'TunerChainStatus',
    'Status',
    'CurtailMode',
    'Code',
  ],
);
const values = fc.oneof(
  fc.constantFrom(
    '',
    'm',
    '-',
    'nan',
    '1e308',
    '1e400',
    '-5',
    'TH',
    'NaN-NaN',
    ' oxo -',
    '99999999999999999999',
  ),
  fc.double(),
  fc.string({ maxLength: 12 }),
  fc.constantFrom(null, true, [], {}, [{ index: 1, rate_real: 1e308 }], [{ status: 'e' }]),
);
const record = fc.dictionary(keys, values, { maxKeys: 8 });
const sections = [
  'SUMMARY',
  'STATS',
  'POOLS',
  'DEVS',
  'TEMPS',
  'TUNERSTATUS',
  'DEVDETAILS',
  'EVENTS',
  'CONFIG',
];
const bitmain = [
  'antminer',
  'braiins',
  'braiins-bmminer',
  'luxos',
  'vnish',
  'hiveon',
  'asicseer',
  'mskminer',
  'fdminer',
];

function numbersOf(value: unknown): number[] {
  if (typeof value === 'number') return [value];
  if (typeof value !== 'object' || value === null) return [];
  return Object.values(value).flatMap(numbersOf);
}

describe('every family for hardware of Bitmain', () => {
  it('never throws and never gives a number that is none', () => {
    const read = families.filter((family) => bitmain.includes(family.name));
    expect(read).toHaveLength(bitmain.length);
    fc.assert(
      fc.property(fc.array(fc.array(record, { maxLength: 3 }), { minLength: 9, maxLength: 9 }), (all) => {
        const told = sections.map(
          (section, at) => [section.toLowerCase(), answer(section, all[at] ?? [])] as const,
        );
        const replies = repliesOf(Object.fromEntries(told));
        for (const family of read) {
          family.matches(replies);
          family.followUp?.(replies);
          const sample = readMiner(family, replies, contextOf());
          // What `read` throws is caught one level up and says the family's name.
          expect(sample.errorMessage ?? '').not.toContain(`${family.name}:`);
          expect(numbersOf(sample).every((it) => Number.isFinite(it))).toBe(true);
        }
      }),
      { numRuns: 300 },
    );
  });
});
