import { describe, expect, it } from 'vitest';
import { answer, readAll } from '../fixtures/miner-replies.js';

const header = {
  BMMiner: '1.0.0',
  Miner: '49.0.1.3',
  CompileTime: 'Mon Feb 6 2023',
  Type: 'Antminer S19 Pro',
};
const map = (chips: number) => ` ${'oo '.repeat(chips / 2).trim()}`;

/** An S19: chains at 1–3, four sensors a board, slot 4 empty. */
function s19(change: Record<string, unknown> = {}, head: Record<string, unknown> = {}) {
  const board = (n: number, rate: string) => ({
    [`chain_rate${n}`]: rate,
    [`chain_acn${n}`]: 114,
    [`chain_acs${n}`]: map(114),
    [`chain_hw${n}`]: n,
    [`freq${n}`]: 500 + n,
    [`temp_pcb${n}`]: '50-52-60-61',
    [`temp_chip${n}`]: `60-62-70-${70 + n}`,
  });
  const stats = {
    STATS: 0,
    ID: 'BTM_SOC0',
    Elapsed: 90000,
    'GHS 5s': 110000.5,
    'GHS av': 110500,
    miner_count: 3,
    fan_num: 4,
    ...{ fan1: 5000, fan2: 5100, fan3: 5200, fan4: 5300 },
    ...board(1, '36000.50'),
    ...board(2, '37000.00'),
    ...board(3, '37000.00'),
    ...{ chain_rate4: '', chain_acn4: 0, chain_acs4: '', temp_pcb4: '0-0-0-0', temp_chip4: '0-0-0-0' },
    total_rateideal: 110000,
    rate_unit: 'GH',
    total_freqavg: 502,
    no_matching_work: 6,
    ...change,
  };
  return answer('STATS', [{ ...header, ...head }, stats]);
}

const summary = answer('SUMMARY', {
  Elapsed: 90000,
  'GHS 5s': 110000.5,
  'GHS av': 110500,
  Accepted: 4057,
  Rejected: 11,
  'Hardware Errors': 9,
});
const pool = { POOL: 0, URL: 'stratum+tcp://a.example:3333', User: 'farm.1', Status: 'Alive', Priority: 0 };

describe('the stock Antminer layout', () => {
  it('reads an S19 whole', () => {
    const sample = readAll({
      summary,
      stats: s19(),
      pools: answer('POOLS', [{ ...pool, 'Stratum Active': true, Accepted: 1 }]),
    });
    expect(sample).toMatchObject({
      family: 'antminer',
      state: 'mining',
      health: 'healthy',
      hashrateGhs: 110000.5,
      hashrateExpectedGhs: 110000,
      temperatureMinC: 60,
      temperatureMaxC: 73,
      frequencyAvgMhz: 502,
      acceptedShares: 4057,
      rejectedShares: 11,
      hardwareErrors: 9,
      uptimeS: 90000,
      poolUrl: 'stratum+tcp://a.example:3333',
      workerName: 'farm.1',
      boardsTotal: 3,
      boardsHealthy: 3,
      powerW: null,
      repairs: [],
      errorMessage: null,
    });
    expect(sample.identity).toMatchObject({
      vendor: 'Bitmain',
      model: 'Antminer S19 Pro',
      firmware: 'stock',
      firmwareVersion: 'Mon Feb 6 2023',
    });
    expect(sample.fans.map((fan) => fan.rpm)).toEqual([5000, 5100, 5200, 5300]);
    expect(sample.boards[0]).toMatchObject({
      index: 1,
      hashrateGhs: 36000.5,
      boardTempC: 61,
      chipTempC: 71,
      chipTempsC: [60, 62, 70, 71],
      chipsOk: 114,
      chipsTotal: 114,
      frequencyMhz: 501,
      hardwareErrors: 1,
      serial: null,
      health: 'healthy',
    });
  });

  it('keeps the slots 6–8 of an S9, its fans at 5 and 6, and reads the missing comma', () => {
    const slots: Record<string, unknown> = {};
    for (let n = 1; n <= 16; n += 1) {
      const isThere = n >= 6 && n <= 8;
      slots[`temp${n}`] = isThere ? 50 + n : 0;
      slots[`temp2_${n}`] = isThere ? 70 + n : 0;
      slots[`temp3_${n}`] = 0;
      slots[`freq_avg${n}`] = isThere ? 625 : 0;
      slots[`chain_rate${n}`] = isThere ? '4500.00' : '';
      slots[`chain_acn${n}`] = isThere ? 63 : 0;
      slots[`chain_acs${n}`] = isThere ? ` ${'oooooooo '.repeat(7)}ooooooo` : '';
    }
    const fans = { fan1: 0, fan2: 0, fan3: 0, fan4: 0, fan5: 2880, fan6: 3840, fan7: 0, fan8: 0, fan_num: 2 };
    const data = {
      ID: 'BC50',
      Elapsed: 5000,
      'GHS 5s': '13500.00',
      'GHS av': 13400.1,
      frequency: '625',
      ...fans,
      ...slots,
    };
    const type = { ...header, Type: 'Antminer S9\\nV1.3.58' };
    const text = JSON.stringify(answer('STATS', [type, data]))
      .replace('},{', '}{')
      .replace('\\\\n', '\\n');
    const sample = readAll({ stats: text });
    expect(sample.boards.map((board) => board.index)).toEqual([6, 7, 8]);
    expect(sample.boards.map((board) => board.boardTempC)).toEqual([56, 57, 58]);
    expect(sample.boards.map((board) => board.chipTempsC)).toEqual([[76], [77], [78]]);
    expect(sample.boards.map((board) => board.chipsTotal)).toEqual([63, 63, 63]);
    expect(sample.fans).toEqual([
      { index: 5, rpm: 2880 },
      { index: 6, rpm: 3840 },
    ]);
    expect(sample.hashrateGhs).toBe(13500);
    expect(sample.identity).toMatchObject({ model: 'Antminer S9', firmwareVersion: '1.3.58' });
    expect(sample.repairs).toEqual([{ command: 'stats', kind: 'missing_comma', count: 1 }]);
  });

  it('tells a fan that stands still from a slot without one', () => {
    const sample = readAll({ summary, stats: s19({ fan1: 0 }) });
    expect(sample.fans[0]).toEqual({ index: 1, rpm: 0 });
    expect(sample.health).toBe('warning');
    expect(readAll({ summary, stats: s19({ fan1: 0, fan_num: 3 }) }).fans).toHaveLength(3);
  });

  it('sees a board missing and chips dead', () => {
    const lost = {
      chain_rate1: '',
      chain_acn1: 0,
      chain_acs1: '',
      temp_pcb1: '0-0-0-0',
      temp_chip1: '0-0-0-0',
    };
    const two = readAll({ summary, stats: s19(lost) });
    expect(two.boards.map((board) => board.index)).toEqual([2, 3]);
    expect([two.boardsTotal, two.boardsHealthy, two.health]).toEqual([3, 2, 'critical']);
    const dead = readAll({ summary, stats: s19({ chain_acs2: map(114).replace('oo', 'x-') }) });
    expect(dead.boards[1]).toMatchObject({ chipsOk: 112, chipsTotal: 114, health: 'warning' });
  });

  it('reads signs in sensor lists and leaves out what is no sensor', () => {
    const sample = readAll({
      summary,
      stats: s19({
        temp_chip1: '7--4-25-27',
        temp_pcb1: '2--1-20-22',
        temp_chip2: 'NaN-NaN-NaN-NaN',
        temp_pcb2: '0-0',
        temp_chip3: '255-80-0--273',
        temp_pcb3: 'm-m-m-m',
      }),
    });
    expect(sample.boards.map((board) => board.chipTempsC)).toEqual([[7, -4, 25, 27], [], [80]]);
    expect(sample.boards.map((board) => board.boardTempC)).toEqual([22, null, null]);
    expect([sample.temperatureMinC, sample.temperatureMaxC]).toEqual([-4, 80]);
  });

  it('takes a total under the key with a blank and a rate as padded text', () => {
    const sample = readAll({ stats: s19({ 'GHS 5s': '', 'total rate': ' 109,000.50 ' }) });
    expect(sample.hashrateGhs).toBe(109000.5);
  });
});

describe('units of an Antminer', () => {
  it('reads MH/s where an L3+ writes GHS, and says so', () => {
    const data = {
      ID: 'L30',
      Elapsed: 5000,
      'GHS 5s': '504.56',
      'GHS av': 500.28,
      chain_rate1: '126.12',
      chain_acn1: 72,
    };
    const sample = readAll({ stats: answer('STATS', [{ ...header, Type: 'Antminer L3+' }, data]) });
    expect(sample.hashrateGhs).toBeCloseTo(0.50456, 9);
    expect(sample.boards[0]?.hashrateGhs).toBeCloseTo(0.12612, 9);
    expect(sample.repairs).toEqual([{ command: 'stats', kind: 'unit_scale', count: 1 }]);
  });

  it('follows the rate unit a device tells, without calling it a repair', () => {
    const change = {
      'GHS 5s': 110,
      'GHS av': 110,
      total_rateideal: 110,
      rate_unit: 'TH/s',
      chain_rate1: '36',
      chain_rate2: '37',
      chain_rate3: '37',
    };
    const sample = readAll({ stats: s19(change) });
    expect(sample).toMatchObject({ hashrateGhs: 110000, hashrateExpectedGhs: 110000, repairs: [] });
    expect(sample.boards[0]?.hashrateGhs).toBe(36000);
  });

  it('brings boards in TH/s to the total', () => {
    const sample = readAll({ stats: s19({ chain_rate1: '36.0', chain_rate2: '37.0', chain_rate3: '37.0' }) });
    expect(sample.boards.map((board) => board.hashrateGhs)).toEqual([36000, 37000, 37000]);
    expect(sample.repairs.map((repair) => repair.kind)).toEqual(['unit_scale']);
  });

  it('corrects a rate a thousand times off nominal, but not a dying miner', () => {
    expect(readAll({ stats: s19({ 'GHS 5s': 110000500, 'GHS av': 110000500 }) }).hashrateGhs).toBe(110000.5);
    expect(readAll({ stats: s19({ 'GHS 5s': 110, 'GHS av': 110 }) }).hashrateGhs).toBe(110000);
    const dying = readAll({ stats: s19({ 'GHS 5s': 110, 'GHS av': 110500 }) });
    expect([dying.hashrateGhs, dying.health]).toEqual([110, 'critical']);
    const young = readAll({ stats: s19({ 'GHS 5s': 110, 'GHS av': 60, Elapsed: 40 }) });
    expect(young.hashrateGhs).toBe(110);
  });
});

describe('states of an Antminer', () => {
  const still = { 'GHS 5s': 0, 'GHS av': 0, chain_rate1: '0.00', chain_rate2: '0.00', chain_rate3: '0.00' };

  it.each([
    ['sleeping', { ...still, Elapsed: 4815 }],
    ['starting', { ...still, Elapsed: 90 }],
    ['stopped', { ...still, 'GHS av': 500, Elapsed: 4815 }],
    ['sleeping', { Mode: 254, frequency: '' }],
    ['mining', {}],
    ['mining', { state: 'auto-tuning' }],
    ['starting', { ...still, state: 'auto-tuning', Elapsed: 4815 }],
    ['stopped', { ...still, state: 'stopped', Elapsed: 4815 }],
  ])('is %s', (state, change) => {
    expect(readAll({ stats: s19(change) }).state).toBe(state);
  });

  it('does not hold the chip map of a sleeping machine against its boards', () => {
    const asleep = {
      ...still,
      Elapsed: 4815,
      chain_acs1: ' xx xx',
      chain_acs2: ' xx xx',
      chain_acs3: ' xx xx',
    };
    const sample = readAll({ stats: s19(asleep) });
    expect(sample.health).toBe('healthy');
    expect(sample.boards[0]).toMatchObject({ chipsOk: null, chipsTotal: 114, health: 'healthy' });
  });

  it('is stopped without chips, however long it has stood', () => {
    const lost = {
      chain_acn1: 0,
      chain_acn2: 0,
      chain_acn3: 0,
      chain_acs1: '',
      chain_acs2: '',
      chain_acs3: '',
    };
    const gone = { ...lost, chain_rate1: '', chain_rate2: '', chain_rate3: '' };
    expect(readAll({ stats: s19({ ...still, ...gone, Elapsed: 4815 }) }).state).toBe('stopped');
  });
});

describe('firmware in the Antminer layout', () => {
  it.each([
    ['Antminer S17+ (vnish 2.0.3)', '', 'Antminer S17+', 'VNish', '2.0.3'],
    ['Antminer S21 Pro (Vnish 1.2.7-rc1)', '', 'Antminer S21 Pro', 'VNish', '1.2.7-rc1'],
    ['Antminer S9 Hiveon', '2.0.0 rwglr', 'Antminer S9', 'Hiveon', 'Mon Feb 6 2023'],
    ['Antminer S9', '2.4.0-asicseer-1.1.9-f7b7', 'Antminer S9', 'asicseer', '1.1.9'],
    ['Antminer D3 Blissz v2.06 beta', '', 'Antminer D3', 'Blissz', '2.06'],
    ['S19-88 v.2.6.0.39 ', '4.11.1 rwglr', 'S19-88', 'MSKMiner', '2.6.0.39'],
    ['Antminer S9 Pro (v5.1) ', '', 'Antminer S9 Pro', 'stock', '5.1'],
  ])('names %j', (type, engine, model, firmware, firmwareVersion) => {
    const sample = readAll({ stats: s19({}, { Type: type, BMMiner: engine }) });
    expect(sample.family).toBe('antminer');
    expect(sample.identity).toMatchObject({ vendor: 'Bitmain', model, firmware, firmwareVersion });
  });

  it('is known by stats alone where version is refused', () => {
    const version = { STATUS: [{ STATUS: 'E', Code: 14, Msg: 'Invalid command' }] };
    const sample = readAll({ version, stats: s19({}, { Type: 'Antminer S21 (Vnish 1.2.7)' }) });
    expect(sample).toMatchObject({ family: 'antminer', state: 'mining', errorMessage: null });
  });

  it('reads LuxOS with its power', () => {
    const version = answer(
      'VERSION',
      { LUXminer: '2025.4.8.1-57b3', Type: 'Antminer S19k Pro' },
      'LUXminer 2025.4.8.1-57b3',
    );
    const power = answer('POWER', { PSU: false, Watts: 3300 });
    const config = answer('CONFIG', { MACAddr: '62:F7:5E:B7:10:46', SerialNumber: 'JY1' });
    const sample = readAll({ version, summary, stats: s19(), power, config });
    expect(sample).toMatchObject({ powerW: 3300, powerSource: 'estimated' });
    expect(sample.efficiencyJPerTh).toBeCloseTo(30, 1);
    expect(sample.identity).toMatchObject({ firmware: 'LuxOS', mac: '62:f7:5e:b7:10:46', serial: 'JY1' });
  });

  it('takes power as text or per board, and leaves out a figure no machine can live on', () => {
    expect(readAll({ stats: s19({ chain_power: '3250 W' }) })).toMatchObject({
      powerW: 3250,
      powerSource: 'reported',
    });
    const perBoard = { chain_consumption1: 991, chain_consumption2: 1013, chain_consumption3: 987 };
    expect(readAll({ stats: s19(perBoard) })).toMatchObject({ powerW: 2991, powerSource: 'estimated' });
    expect(readAll({ stats: s19({ chain_power: '34.65 (AB)' }) })).toMatchObject({
      powerW: null,
      powerSource: null,
    });
  });

  it('reads the list layout of new_api', () => {
    const chain = [0, 1, 2].map((index) => ({
      index,
      rate_real: 66000,
      freq_avg: 490,
      asic_num: 108,
      asic: ' oooo '.repeat(27),
      temp_pcb: [40, 41, 50, 51],
      temp_chip: [55, 56, 65, 66],
      hw: 2,
      sn: `SN${index}`,
    }));
    const stats = {
      STATUS: { STATUS: 'S', Msg: 'stats', api_version: '1.0.0' },
      INFO: { miner_version: '49.0.1.3', CompileTime: 'Fri Nov 17 2023', type: 'Antminer S21' },
      STATS: [
        {
          elapsed: 7000,
          rate_5s: 198000,
          rate_avg: 199000,
          rate_ideal: 200000,
          rate_unit: 'GH/s',
          chain,
          fan_num: 4,
          fan: [6000, 6000, 6100, 6100],
        },
      ],
    };
    const sample = readAll({ stats });
    expect(sample).toMatchObject({
      hashrateGhs: 198000,
      hashrateExpectedGhs: 200000,
      uptimeS: 7000,
      hardwareErrors: 6,
    });
    expect(sample.identity).toMatchObject({
      vendor: 'Bitmain',
      model: 'Antminer S21',
      firmwareVersion: 'Fri Nov 17 2023',
    });
    expect(sample.boards[2]).toMatchObject({
      index: 2,
      chipsOk: 108,
      chipTempC: 66,
      boardTempC: 51,
      serial: 'SN2',
    });
    expect(sample.fans).toHaveLength(4);
  });
});
