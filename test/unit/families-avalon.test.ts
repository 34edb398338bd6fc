import { describe, expect, it } from 'vitest';
import { listOf, readBrackets } from '../../src/miner/families/avalon-brackets.js';
import { avalon } from '../../src/miner/families/avalon.js';
import { answer, readAll, repliesOf } from '../fixtures/miner-replies.js';

const sensors = (first: number) => Array.from({ length: 6 }, (_, at) => first + at).join('  ');

function module(change: Record<string, string> = {}): string {
  const pairs: Record<string, string> = {
    Ver: '1066-19101244_fe411a8_71edeca',
    DNA: '020100002c2af618',
    MEMFREE: '269880 B',
    NETFAIL: '0 0 0 0',
    SYSTEMSTATU: 'Work: In Work, Hash Board: 3 ',
    Elapsed: '6355',
    MH: '0 2 1',
    HW: '3',
    DH: '0.736%',
    Temp: '25',
    TMax: '74',
    TAvg: '66',
    Fan1: '3671',
    Fan2: '3635',
    FanR: '55%',
    PS: '0 1217 1279 221 2834 1280',
    PLL0: '100 300',
    GHSmm: '51062.40',
    GHSavg: '50291.83',
    WU: '702568.70',
    Freq: '632.65',
    MGHS: '16645.36 16761.64 16884.83',
    MTmax: '74 72 73',
    MTavg: '65 63 66',
    TA: '18',
    ECHU: '512 512 512',
    ECMM: '0',
    FAC0: '',
    SF0: '600 640',
    PVT_T0: ` ${sensors(60)}`,
    PVT_T1: ` ${sensors(61)}`,
    PVT_T2: ` ${sensors(59)}`,
    ...change,
  };
  return Object.entries(pairs)
    .map(([name, value]) => `${name}[${value}]`)
    .join(' ');
}

const summary = (change: Record<string, unknown> = {}) =>
  answer('SUMMARY', {
    Elapsed: 6355,
    'MHS av': 51278810.2,
    'MHS 30s': 51423478.12,
    'MHS 5m': 51088640.16,
    'MHS 15m': 51312058.99,
    Accepted: 1740,
    Rejected: 2,
    'Hardware Errors': 10,
    ...change,
  });
const stats = (change: Record<string, string> = {}) =>
  answer('STATS', { STATS: 0, ID: 'AVA100', Elapsed: 6354, 'MM ID0': module(change), 'MM Count': 1 });
const version = answer('VERSION', {
  CGMiner: '4.11.1',
  PROD: 'AvalonMiner 10xx',
  HWTYPE: 'MM3v2',
  VERSION: '19090589_789f8e9t',
  DNA: '020100002c2af618',
  MAC: 'aaa5836a0f14',
});

describe('an Avalon', () => {
  it('is read whole', () => {
    const sample = readAll({ version, summary: summary(), stats: stats() });
    expect(sample).toMatchObject({
      family: 'avalon',
      state: 'mining',
      health: 'healthy',
      hashrateGhs: 51312.05899,
      hashrate5sGhs: 51423.47812,
      hashrateExpectedGhs: 51062.4,
      nominalSource: 'device',
      temperatureAvgC: 66,
      temperatureMinC: 59,
      temperatureMaxC: 74,
      frequencyAvgMhz: 632.65,
      acceptedShares: 1740,
      hardwareErrors: 10,
      uptimeS: 6355,
      powerW: 2834,
      powerSource: 'reported',
      boardsTotal: 3,
      deviceErrors: [],
    });
    expect(sample.identity).toEqual({
      vendor: 'Canaan',
      model: 'AvalonMiner 1066',
      firmware: 'cgminer',
      firmwareVersion: '19090589_789f8e9t',
      mac: 'aa:a5:83:6a:0f:14',
      serial: '020100002c2af618',
    });
    expect(sample.fans).toEqual([
      { index: 1, rpm: 3671 },
      { index: 2, rpm: 3635 },
    ]);
    expect(sample.boards[0]).toMatchObject({
      index: 0,
      hashrateGhs: 16645.36,
      boardTempC: null,
      chipTempC: 74,
      chipTempsC: [60, 74],
      chipsOk: 6,
      chipsTotal: 6,
      frequencyMhz: 630,
      hardwareErrors: 0,
      serial: null,
      health: 'healthy',
    });
    expect(sample.boards[1]).toMatchObject({ frequencyMhz: 632.65, hardwareErrors: 2 });
  });

  it('is read from its text form', () => {
    const text = `STATUS=S,When=1,Code=70,Msg=CGMiner stats,Description=cgminer 4.11.1|STATS=0,ID=AVA100,Elapsed=6354,MM ID0=${module()}|`;
    const sample = readAll({ stats: text });
    expect(sample).toMatchObject({
      family: 'avalon',
      hashrateGhs: 50291.83,
      hashrateExpectedGhs: 51062.4,
      uptimeS: 6354,
    });
    expect(sample.boards).toHaveLength(3);
  });

  it('takes wall power where the supply tells it', () => {
    expect(readAll({ stats: stats({ PS: '0 1209 1187 297 3526 1188 3731' }) })).toMatchObject({
      powerW: 3731,
      powerSource: 'measured',
    });
    expect(readAll({ stats: stats({ PS: '0 0 0 0 0 0' }) })).toMatchObject({
      powerW: null,
      powerSource: null,
    });
  });

  it('tells faults of supply and control board', () => {
    const sample = readAll({ stats: stats({ PS: '16 1217 1279 221 2834 1280', ECMM: '4' }) });
    expect(sample.deviceErrors).toEqual([
      { code: 'PS 16', text: 'power supply: input current too high' },
      { code: 'ECMM 4', text: 'control board: no fan' },
    ]);
    expect(sample.health).toBe('warning');
    // 512, a core that failed its test, stands in machines in order.
    const boards = readAll({ stats: stats({ ECHU: '512 4608 131072' }) });
    expect(boards.deviceErrors).toEqual([
      { code: 'ECHU1 4608', text: 'board 1: temperature sensor' },
      { code: 'ECHU2 131072', text: 'board 2: hash board failed' },
    ]);
    expect(readAll({ stats: stats({ ECMM: '1073741824' }) }).deviceErrors).toEqual([
      { code: 'ECMM 1073741824', text: 'control board: unknown' },
    ]);
  });

  it('leaves out sensors that are absent', () => {
    const sample = readAll({
      stats: stats({ PVT_T0: ' 60 -273 0 63 64 65', MTmax: '-273 72 73', TAvg: '-273' }),
    });
    expect(sample.boards[0]).toMatchObject({ chipTempC: 65, chipsOk: 4, chipsTotal: 6, health: 'critical' });
    expect(sample.temperatureAvgC).not.toBe(-273);
  });

  it('counts every module of older machines as a board', () => {
    const old = (n: number) =>
      `Ver[7411706-3162860] DNA[013${n}] Temp[38] TMax[${80 + n}] Fan[2550] FanR[36%] GHSmm[6836.48] WU[95000] Freq[606.93] TA[88] PVT_T[21-80/14-88/84 0-81/11-89/86]`;
    const record = { ID: 'AV70', 'MM ID1': old(1), 'MM ID2': old(2), 'MM Count': 2, 'AUC Temperature': 33.6 };
    const sample = readAll({ stats: answer('STATS', [record, { STATS: 1, ID: 'AV71', 'MM ID1': old(3) }]) });
    expect(sample.identity.model).toBe('AvalonMiner 741');
    expect(sample.boards.map((board) => [board.index, board.chipTempC, board.chipsTotal])).toEqual([
      [0, 81, 88],
      [1, 82, 88],
      [2, 83, 88],
    ]);
    // 95,000 shares of difficulty 1 a minute are 6.8 TH/s.
    expect(sample.boards[0]?.hashrateGhs).toBeCloseTo(6800.4, 0);
    expect(sample.hashrateGhs).toBeCloseTo(3 * 6800.4, 0);
    expect(sample.hashrateExpectedGhs).toBeCloseTo(20509.44, 6);
    expect(sample.fans).toHaveLength(3);
  });

  it('falls back to the other stats commands when stats is empty', () => {
    const empty = answer('STATS', []);
    const sample = readAll({ summary: summary(), stats: empty, estats: stats() });
    expect(sample).toMatchObject({ family: 'avalon', boardsTotal: 3 });
  });

  it('is asked the other stats commands only when stats does not tell', () => {
    expect(avalon.followUp?.(repliesOf({ stats: stats() }))).toEqual([]);
    const hollow = answer('STATS', [
      { STATS: 0, 'MM ID0:Summary': '' },
      { STATS: 1, ID: 'POOL0' },
    ]);
    expect(avalon.followUp?.(repliesOf({ stats: hollow }))).toEqual(['estats', 'litestats']);
    expect(readAll({ version, stats: hollow, estats: stats() })).toMatchObject({ boardsTotal: 3 });
    expect(readAll({ version, stats: hollow, litestats: stats() })).toMatchObject({ boardsTotal: 3 });
  });

  it('of one board, told inside braces, has the sensors around it', () => {
    const told =
      "'STATS':{Ver[Nano3s-25021401_56abae7] LVer[25021401_56abae7] DNA[020100003f] STATE[1] SYSTEMSTATU[Work: In Work, Hash Board: 1] Elapsed[900] " +
      'ITemp[-273] HBITemp[48] HBOTemp[52] TMax[71] TAvg[66] Fan1[2380] FanR[40%] PS[0 0 27462 4 0 3730 131] GHSspd[6400.10] GHSmm[6600.00] ' +
      'GHSavg[6380.55] MGHS[6380.55] MTmax[71] MTavg[66] MVavg[301.5] TA[12] SoftOFF[0] ECHU[0] ECMM[0] PVT_T0[ 66 71 65] WORKMODE[2]}';
    const sample = readAll({ stats: answer('STATS', { STATS: 0, 'MM ID0:Summary': told }) });
    expect(sample).toMatchObject({
      state: 'mining',
      hashrateGhs: 6380.55,
      hashrateExpectedGhs: 6600,
      temperatureMaxC: 71,
      powerW: 131,
      powerSource: 'measured',
    });
    expect(sample.identity.model).toBe('Avalon Nano3s');
    expect(sample.boards).toHaveLength(1);
    expect(sample.boards[0]).toMatchObject({
      boardTempC: 52,
      boardTempsC: [48, 52],
      chipTempC: 71,
      voltageMv: 301.5,
    });
  });

  it('reads HBinfo of home models into the module', () => {
    const hb = "'HB0':{PVT_T0[ 50 51 52] MW0[1 2 3]},'HB1':{PVT_T1[ 60 61 62]}";
    const text =
      'Ver[Q-25052801_14a19a2] SYSTEMSTATU[Work: In Work, Hash Board: 2 ] GHSavg[90000.1] GHSmm[91000] PS[0 0 27500 58 1600 27480 1710]';
    const sample = readAll({ estats: answer('STATS', { 'MM ID0:Summary': text, HBinfo: hb }) });
    expect(sample).toMatchObject({ family: 'avalon', hashrateGhs: 90000.1, powerW: 1710, boardsTotal: 2 });
    expect(sample.identity.model).toBe('Avalon Q');
    expect(sample.boards.map((board) => board.chipTempC)).toEqual([52, 62]);
  });
});

describe('states of an Avalon', () => {
  const windows = { 'MHS 30s': 0, 'MHS 1m': 0, 'MHS 5m': 0, 'MHS 15m': 0 };

  it('is starting while its average is nan', () => {
    const text = JSON.stringify(summary({ 'MHS av': 'NAN', ...windows, Elapsed: 155 })).replace(
      '"NAN"',
      'nan',
    );
    const sample = readAll({ summary: text, stats: stats() });
    expect(sample).toMatchObject({ state: 'starting', hashrateGhs: 0 });
    expect(sample.repairs.map((repair) => repair.kind)).toEqual(['non_finite']);
  });

  it.each([
    ['sleeping', { SoftOFF: '1' }, {}],
    ['mining', { SoftOFF: '0' }, {}],
    ['sleeping', { SYSTEMSTATU: 'Work: In Idle, Hash Board: 3 ' }, windows],
    ['starting', { SYSTEMSTATU: 'Work: In Init, Hash Board: 3 ' }, windows],
    ['stopped', {}, windows],
  ])('is %s with %j', (state, change, rates) => {
    expect(readAll({ summary: summary(rates), stats: stats(change) }).state).toBe(state);
  });
});

describe('an Avalon that does not hash now', () => {
  const idle = { SYSTEMSTATU: 'Work: In Idle, Hash Board: 3 ', GHSspd: '0.00', TMax: '0', TAvg: '0' };

  it('asleep goes on telling its averages, which are not its rate', () => {
    const sample = readAll({ summary: summary(), stats: stats({ ...idle, SoftOFF: '4' }) });
    expect(sample).toMatchObject({ state: 'sleeping', hashrateGhs: 0, repairs: [] });
    expect(sample.boards.map((board) => board.hashrateGhs)).toEqual([0, 0, 0]);
  });

  it('is awake again as soon as it hashes', () => {
    expect(readAll({ summary: summary(), stats: stats({ SoftOFF: '4', GHSspd: '50100.5' }) }).state).toBe(
      'mining',
    );
  });

  it('has shut down for heat when a board or the supply says so', () => {
    expect(readAll({ stats: stats({ ...idle, ECHU: '0 64 0' }) }).state).toBe('overheated');
    expect(readAll({ stats: stats({ ...idle, PS: '2 0 0 0 0 0' }) }).state).toBe('overheated');
    expect(readAll({ stats: stats({ ...idle, ECHU: '0 128 0' }) }).state).toBe('sleeping');
  });

  it('finds no boards', () => {
    const none = { SYSTEMSTATU: 'Work: In Work, Hash Board: 0 ', GHSspd: '0.00', GHSavg: '0' };
    expect(readAll({ stats: stats(none) }).state).toBe('no_boards');
  });
});

describe('bracket strings', () => {
  it('read names, nested values, and values without a blank between', () => {
    const read = readBrackets(
      'Elapsed[10]BOOTBY[0x0C.0] HS[PS[1 2] T[3]],FAC0[] MEMFREE[269880 B] HS_RCD0[Tenv:28 Fan1:3171]',
    );
    expect(Object.fromEntries(read)).toEqual({
      Elapsed: '10',
      BOOTBY: '0x0C.0',
      HS: 'PS[1 2] T[3]',
      FAC0: '',
      MEMFREE: '269880 B',
      HS_RCD0: 'Tenv:28 Fan1:3171',
      PS: '1 2',
      T: '3',
    });
    expect(listOf(' 59  58 -273')).toEqual([59, 58, -273]);
    expect(listOf('55%')).toEqual([55]);
    expect(listOf('')).toEqual([]);
  });

  it('may have a colon before the bracket', () => {
    expect(Object.fromEntries(readBrackets('Fan1:[2380] TAvg: 5 Temp:[31]'))).toEqual({
      Fan1: '2380',
      Temp: '31',
    });
  });

  it('keep what stands before a cut', () => {
    expect(Object.fromEntries(readBrackets('Temp[25] PVT_T0[ 60 61'))).toEqual({
      Temp: '25',
      PVT_T0: ' 60 61',
    });
  });

  it('stay linear on hostile text', () => {
    const started = performance.now();
    readBrackets('a['.repeat(200_000));
    readBrackets('a'.repeat(400_000));
    readBrackets(`${'x]'.repeat(200_000)}[`);
    expect(performance.now() - started).toBeLessThan(2000);
  });
});
