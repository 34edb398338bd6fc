import { describe, expect, it } from 'vitest';
import { antminer } from '../../src/miner/families/antminer.js';
import { answer, readAll, repliesOf } from '../fixtures/miner-replies.js';

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
    ['sleeping', { ...still, state: 'stopped', Elapsed: 4815 }],
    ['stopped', { ...still, state: 'failure', Elapsed: 4815 }],
    ['overheated', { ...still, state: 'failure: chip temperature too high', Elapsed: 4815 }],
    ['mining', { Mode: 1, frequency: '' }],
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

  it('finds no boards where none has a chip or a sensor, unless told to sleep', () => {
    const lost = {
      chain_acn1: 0,
      chain_acn2: 0,
      chain_acn3: 0,
      chain_acs1: '',
      chain_acs2: '',
      chain_acs3: '',
    };
    const gone = { ...lost, chain_rate1: '', chain_rate2: '', chain_rate3: '' };
    const cold = { temp_chip1: '0-0-0-0', temp_chip2: '0-0-0-0', temp_chip3: '0-0-0-0' };
    const bare = { ...cold, temp_pcb1: '0-0-0-0', temp_pcb2: '0-0-0-0', temp_pcb3: '0-0-0-0' };
    const none = { ...still, ...gone, ...bare, miner_count: 0 };
    expect(readAll({ stats: s19({ ...still, ...gone, Elapsed: 4815 }) }).state).toBe('stopped');
    expect(readAll({ stats: s19({ ...none, Elapsed: 4815 }) })).toMatchObject({
      state: 'no_boards',
      boards: [],
      boardsTotal: 3,
      health: 'critical',
    });
    expect(readAll({ stats: s19({ ...none, 'GHS av': 90000, Elapsed: 4815 }) }).state).toBe('no_boards');
    expect(readAll({ stats: s19({ ...none, Elapsed: 90 }) }).state).toBe('starting');
    expect(readAll({ stats: s19({ ...none, Mode: 1, Elapsed: 4815 }) }).state).toBe('sleeping');
    // A summary alone does not tell of boards.
    const idle = answer('SUMMARY', { Elapsed: 4815, 'GHS 5s': 0, 'GHS av': 0 });
    expect(readAll({ version: answer('VERSION', header), summary: idle }).state).toBe('stopped');
  });
});

describe('what a board tells', () => {
  it('keeps its map with its groups, serial, nominal rate and voltage', () => {
    const sample = readAll({
      summary,
      stats: s19({
        chain_acs1: '  OOO  oox\too- ',
        chain_sn1: 'BRD1',
        chain_rateideal1: 36500,
        chain_vol1: 13000,
        chain_vol2: 920,
        chain_voltage3: 15.7,
      }),
    });
    expect(sample.boards[0]).toMatchObject({
      chipMap: 'ooo oox oo-',
      chipsOk: 7,
      chipsTotal: 114,
      serial: 'BRD1',
      nominalGhs: 36500,
      boardTempsC: [50, 52, 60, 61],
    });
    expect(sample.boards.map((board) => board.voltageMv)).toEqual([13000, 9200, 15700]);
    expect(sample.boards[2]?.nominalGhs).toBeNull();
  });

  it('counts four boards of a hydro machine and expects no number of them', () => {
    const fourth = {
      chain_rate4: '37000',
      chain_acn4: 114,
      chain_acs4: map(114),
      temp_pcb4: '50',
      temp_chip4: '60',
    };
    const sample = readAll({ stats: s19({ ...fourth, fan_num: 0 }, { Type: 'Antminer S19 Pro+ Hyd.' }) });
    expect(sample.boards.map((board) => board.index)).toEqual([1, 2, 3, 4]);
    expect([sample.boardsTotal, sample.boardsHealthy]).toEqual([4, 4]);
  });

  it('has a serial from the controller and a MAC from what the web page tells', () => {
    expect(readAll({ stats: s19({ miner_id: '8144D5CA79104814' }) }).identity.serial).toBe(
      '8144d5ca79104814',
    );
    expect(readAll({ stats: s19({ miner_id: 'no miner id now' }) }).identity.serial).toBeNull();
    const info = { minertype: 'Antminer S19 Pro', macaddr: '02:55:97:22:30:72', serinum: 'SN7' };
    const sample = readAll({
      stats: s19(),
      get_system_info: { ...info, system_filesystem_version: 'FR-1.12' },
    });
    expect(sample.identity).toMatchObject({
      mac: '02:55:97:22:30:72',
      serial: 'SN7',
      firmwareVersion: 'FR-1.12',
    });
  });
});

describe('a nominal hashrate', () => {
  it("is the device's, else the sum of its boards, else the model's where that is one figure", () => {
    expect(readAll({ stats: s19() })).toMatchObject({ hashrateExpectedGhs: 110000, nominalSource: 'device' });
    const perBoard = { chain_rateideal1: 36000, chain_rateideal2: 37000, chain_rateideal9: 31000 };
    const byBoards = readAll({ stats: s19({ total_rateideal: '', ...perBoard }) });
    expect(byBoards).toMatchObject({ hashrateExpectedGhs: 73000, nominalSource: 'device' });
    const t17 = readAll({ stats: s19({ total_rateideal: 0 }, { Type: 'Antminer T17' }) });
    expect(t17).toMatchObject({ hashrateExpectedGhs: 40000, nominalSource: 'model' });
    const unknown = readAll({ stats: s19({ total_rateideal: 0 }) });
    expect(unknown).toMatchObject({ hashrateExpectedGhs: null, nominalSource: null });
  });

  it('in TH/s does not drag the rate down, and without one the model tells the unit', () => {
    const inTh = readAll({ stats: s19({ total_rateideal: 110, rate_unit: '' }) });
    expect(inTh).toMatchObject({ hashrateGhs: 110000.5, hashrateExpectedGhs: 110000 });
    expect(inTh.repairs.map((repair) => repair.kind)).toEqual(['unit_scale']);
    const none = { total_rateideal: '', rate_unit: '' };
    expect(readAll({ stats: s19({ ...none, 'GHS 5s': 110, 'GHS av': 110.5 }) }).hashrateGhs).toBe(110000);
    expect(readAll({ stats: s19({ ...none, 'GHS 5s': 110, 'GHS av': 110500 }) }).hashrateGhs).toBe(110);
  });

  it('is not needed to see that devs of an S21 count GH/s as MH/s', () => {
    const devs = answer('DEVS', { ASC: 0, ID: 0, 'MHS av': 203676.57, 'MHS 5s': 203000 });
    const version = answer('VERSION', { ...header, Type: 'Antminer S21' });
    const sample = readAll({ version, devs });
    expect(sample).toMatchObject({ hashrateGhs: 203000, boards: [] });
    expect(sample.repairs.map((repair) => repair.kind)).toEqual(['unit_scale']);
  });
});

describe('the new_api flag', () => {
  it('stands beside the command, and is used where the firmware is new enough to tell power with it', () => {
    const request = JSON.parse(antminer.request('stats_new_api')) as unknown;
    expect(request).toEqual({ command: 'stats', new_api: true });
    expect(antminer.request('stats')).toBe('{"command":"stats"}');
    const asked = (CompileTime: string, change = {}) =>
      antminer.followUp?.(repliesOf({ stats: s19(change, { CompileTime }) }));
    expect(asked('Fri Aug 16 17:37:21 CST 2024')).toEqual(['stats_new_api']);
    expect(asked('Thu Oct 9 18:55:45 CST 2025')).toEqual(['stats_new_api']);
    expect(asked('Fri Nov 17 17:37:21 CST 2023')).toEqual([]);
    expect(asked('Fri Mar 1 17:37:21 CST 2024')).toEqual([]);
    expect(asked('Mon Feb 6 2023')).toEqual([]);
    expect(asked('Fri Aug 16 17:37:21 CST 2024', { power: 3300 })).toEqual([]);
  });

  it.each([{ watt: 3651 }, { power: 3651 }])('brings the power: %j', (told) => {
    const stats_new_api = answer('STATS', { elapsed: 5, rate_5s: 1, rate_unit: 'GH/s', ...told });
    const sample = readAll({ summary, stats: s19(), stats_new_api });
    expect(sample).toMatchObject({ hashrateGhs: 110000.5, powerW: 3651, powerSource: 'reported' });
    expect(sample.boards).toHaveLength(3);
  });

  it('brings what is wrong, and a shutdown for heat', () => {
    const status = [
      { type: 'rate', status: 's', code: 0, msg: '' },
      { type: 'temp', status: 'e', code: 3, msg: 'over max temp' },
    ];
    const hot = answer('SUMMARY', { elapsed: 5000, rate_5s: 0, rate_avg: 100, status });
    const version = answer('VERSION', { ...header, Type: 'Antminer S21' });
    expect(readAll({ version, summary: hot })).toMatchObject({
      state: 'overheated',
      deviceErrors: [{ code: 'temp 3', text: 'over max temp' }],
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
