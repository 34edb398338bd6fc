import { describe, expect, it } from 'vitest';
import { auradine } from '../../src/miner/families/auradine.js';
import { presentGhs, ratesOf, sumRates } from '../../src/miner/families/units.js';
import { identifyFamily } from '../../src/miner/registry.js';
import { answer, readAll, repliesOf } from '../fixtures/miner-replies.js';

const device = (n: number, change: object = {}) => ({
  ASC: n,
  ID: n,
  Name: 'X',
  Enabled: 'Y',
  Status: 'Alive',
  'MHS av': 2_000_000,
  'MHS 5s': 2_010_000,
  'Device Elapsed': 9000,
  ...change,
});
const devs = (...changes: object[]) =>
  answer(
    'DEVS',
    changes.map((change, at) => device(at, change)),
  );

describe('the rate of a machine of unknown make', () => {
  it.each([
    [{ 'MHS 5s': 99_000, 'MHS 1m': 100_000, 'MHS av': 90_000 }, 99],
    [{ 'MHS 5s': 75_000, 'MHS 1m': 100_000, 'MHS av': 90_000 }, 100],
    [{ 'MHS 5s': 100_000, 'MHS 1m': 0, 'MHS av': 50_000 }, 100],
    [{ 'MHS 30S': 3_355, 'MHS 5m': 4_697 }, 3.355],
    [{ 'MHS 20s': 2.962, 'MHS av': 3.245, 'MHS rolling': 2.9 }, 0.002962],
    [{ 'MHS 5m': 4_697, 'MHS av': 4_000 }, 4],
    [{}, null],
  ])('of %j is %s GH/s', (record, ghs) => {
    expect(presentGhs(ratesOf(record))).toBe(ghs);
  });

  it('costs little however many rates a record has, the longest window first', () => {
    const windows = Array.from({ length: 60_000 }, (_, n) => [`GHS ${60_000 - n}s`, 1] as const);
    const startMs = performance.now();
    expect(ratesOf(Object.fromEntries(windows)).windows.length).toBeLessThan(100);
    // Keeping all of them in order took seconds.
    expect(performance.now() - startMs).toBeLessThan(1_000);
  });

  it('is added up window by window', () => {
    const boards = [
      { 'MHS 5s': 90_000, 'MHS 1m': 100_000, 'MHS av': 99_000 },
      { 'MHS 5s': 110_000, 'MHS 1m': 100_000, 'MHS 15m': 100_000 },
    ];
    expect(sumRates(boards.map(ratesOf))).toEqual({
      nowGhs: 200,
      averageGhs: null,
      windows: [
        { seconds: 5, ghs: 200 },
        { seconds: 60, ghs: 200 },
      ],
    });
    expect(sumRates([])).toEqual({ nowGhs: null, averageGhs: null, windows: [] });
  });
});

describe('a maker is named by', () => {
  it.each([
    ['Baikal', null, { devs: devs({ Name: 'BKLU' }) }],
    ['StrongU', 'STU-U6', { devs: devs({ Name: 'u6000' }) }],
    [
      'Cheetah',
      'C3012',
      { devdetails: answer('DEVDETAILS', { Name: 'C3012', Driver: 'C3012', Model: '0' }) },
    ],
    ['HonorKnight', null, { stats: answer('STATS', { ID: 'IT10', 'Num chips': 72 }) }],
    ['Minerva', null, { stats: answer('STATS', { ID: 'C120', Name: 'C12', 'Chip Count': 102 }) }],
    ['iBeLink', 'BM-K3', { devs: devs({ Name: 'BM-K3' }) }],
    ['FutureBit', 'Moonlander 2', { devs: devs({ Name: 'MLD' }) }],
    ['HyperBit', null, { devs: devs({ Name: 'ttyS1' }) }],
    ['GekkoScience', null, { devs: devs({ Name: 'GSF' }) }],
    ['Innosilicon', 'T3', { summary: answer('SUMMARY', { 'MHS av': 1 }, 'innominer t3-1.2.0') }],
    ['Innosilicon', 'T3H+', { summary: answer('SUMMARY', { 'MHS av': 1 }, 'innominer T3H+_soc_1.2.0') }],
    ['Innosilicon', 'A9', { stats: answer('STATS', { ID: 'HLT0', 'Num chips': 12 }) }],
    ['Jasminer', null, { summary: answer('SUMMARY', { 'MHS av': 1 }, 'jasminer 1.0') }],
    [null, null, { summary: answer('SUMMARY', { 'MHS av': 1 }, 'cgminer 4.10.0') }],
  ])('its mark: %s %s', (vendor, model, told: Record<string, object>) => {
    expect(readAll(told)).toMatchObject({ family: 'generic', identity: { vendor, model } });
  });
});

describe('a machine in cgminer’s plain layout', () => {
  it('has what stats tells of a board beside what devs tells', () => {
    const details = [0, 1].map((at) => ({
      STATS: at,
      ID: `C12${at}`,
      'MHS av': 22_000_000,
      'Chip Count': 102,
      'Device Freq': 600,
      Voltage: 12_170,
      'Voltage Avg': 345.2,
      'Fan0 Speed': 3090,
      'Fan1 Speed': 3330,
    }));
    const pool = { STATS: 2, ID: 'POOL0', 'Pool Calls': 0 };
    const sample = readAll({
      devs: devs({ Temperature: 61 }, { temperature: 62, 'Chain SN': 'S2' }),
      stats: answer('STATS', [...details, pool]),
    });
    expect(sample.boards).toHaveLength(2);
    expect(sample.boards[1]).toMatchObject({
      boardTempC: 62,
      boardTempsC: [62],
      chipsTotal: 102,
      frequencyMhz: 600,
      voltageMv: 12_170,
      serial: 'S2',
    });
    expect(sample.fans.map((fan) => fan.rpm)).toEqual([3090, 3330]);
    expect(readAll({ devs: devs({ volt: 10.5 }) }).boards[0]?.voltageMv).toBe(10_500);
  });

  it('has its boards in STATS0, STATS1 and its pools in POOL0 on some sgminer', () => {
    const board = { 'Num chips': 12, 'Num active chips': 11, 'Temp max': 71, 'Temp min': 57, Temp: 62 };
    const stats = {
      STATUS: [{ STATUS: 'S', Code: 70, Description: 'sgminer 4.4.2' }],
      STATS0: [{ STATS: 0, ...board, 'MHS av': 500_000 }],
      STATS1: [{ STATS: 1, ...board, 'MHS av': 500_000 }],
      STATS2: [{ STATS: 2 }],
    };
    const sample = readAll({ summary: answer('SUMMARY', { 'MHS 5s': 1_000_000, Elapsed: 99 }), stats });
    expect(sample.boards).toHaveLength(2);
    expect(sample.boards[0]).toMatchObject({
      hashrateGhs: 500,
      boardTempC: 62,
      chipTempC: 71,
      chipTempsC: [57, 71],
      chipsOk: 11,
      chipsTotal: 12,
    });
  });

  it('of equihash writes solutions under MHS: one is one hash, and boards that cannot be are null', () => {
    const description = 'innominer a9-1.1.0';
    const sample = readAll({
      summary: answer('SUMMARY', { Elapsed: 48_768, 'MHS av': 50_100.5, 'MHS 5s': 50_000 }, description),
      stats: answer('STATS', { STATS: 0, ID: 'HLT0', 'MHS av': 995_328, 'Num chips': 12 }, description),
    });
    expect(sample.hashrateGhs).toBeCloseTo(5e-5, 12);
    expect(sample.boards[0]?.hashrateGhs).toBeNull();
    expect(sample).toMatchObject({ state: 'mining', identity: { vendor: 'Innosilicon', model: 'A9' } });
    expect(sample.repairs).toEqual([{ command: 'summary', kind: 'unit_scale', count: 1 }]);
    const pool = { POOL: 0, URL: 'stratum+tcp://z.example:1', Status: 'Alive', Algorithm: 'Equihash' };
    const byPool = readAll({
      summary: answer('SUMMARY', { 'MHS 5s': 50_000 }),
      pools: answer('POOLS', { ...pool, 'Stratum Active': true }),
    });
    expect(byPool.hashrateGhs).toBeCloseTo(5e-5, 12);
  });

  it('may put its boards as JSON into a string', () => {
    const board = {
      power: 2170,
      'reported-hashrate': 270_000,
      'min-temp': 47,
      'max-temp': 97,
      'rear-temp': 66,
    };
    const told = JSON.stringify({
      'top-board': { ...board, 'front-temp': 44, 'working-asics': 75 },
      'bottom-board': { ...board, 'working-asics': 74 },
      'fan-speeds': [12_028, 11_094],
      'fan-percent': 100,
    });
    const sample = readAll({
      summary: answer(
        'SUMMARY',
        { Elapsed: 9000, 'MHS 5s': 380_000, 'MHS 1m': 540_000 },
        'cgminer 4.10.0-spx',
      ),
      stats: answer('STATS', [{ ID: 'SP360', Elapsed: 9000, 'json-stats': told }, { ID: 'POOL0' }]),
    });
    expect(sample).toMatchObject({
      hashrateGhs: 540,
      powerW: 4340,
      powerSource: 'reported',
      identity: { vendor: 'Spondoolies', model: 'SPx36' },
    });
    expect(sample.boards[0]).toMatchObject({
      hashrateGhs: 270,
      boardTempC: 66,
      boardTempsC: [44, 66],
      chipTempsC: [47, 97],
      chipsOk: 75,
    });
    expect(sample.fans.map((fan) => fan.rpm)).toEqual([12_028, 11_094]);
    const broken = answer('STATS', { ID: 'SP360', 'json-stats': told.slice(0, 40) });
    expect(readAll({ stats: broken, devs: devs({}) }).boards).toHaveLength(1);
  });

  it('may have an object a channel, and a total beside them', () => {
    const channel = (temp: number, mhs: number) => ({
      Temperature: temp,
      'MHS 30S': mhs,
      status: [{ x: 0, y: 0 }],
    });
    const record = {
      STATS: 0,
      ID: 'lyra2rev20',
      Elapsed: 5000,
      'MHS 30S': 3355.44,
      'MHS 5m': 4697.62,
      'Fan Nunber': 2,
      'Fan In': 3570,
      'Fan Out': 3540,
      CH1: channel(26, 2236),
      CH2: channel(22, 1119.44),
    };
    const sample = readAll({ stats: answer('STATS', [record, { STATS: 1, ID: 'POOL0' }], 'cgminer 4.11.1') });
    expect(sample).toMatchObject({
      hashrateGhs: 3.35544,
      uptimeS: 5000,
      identity: { vendor: 'Dayun', model: 'Zig Z1' },
    });
    expect(sample.boards.map((it) => [it.index, it.hashrateGhs, it.boardTempC])).toEqual([
      [0, 2.236, 26],
      [1, 1.11944, 22],
    ]);
    expect(sample.fans.map((fan) => fan.rpm)).toEqual([3570, 3540]);
  });

  it('keeps a user’s pool whose priority has flags in its upper bytes', () => {
    const pool = {
      POOL: 0,
      URL: 'stratum+tcp://a.example:1',
      User: 'w',
      Status: 'Alive',
      Priority: 16_777_216,
    };
    expect(readAll({ pools: answer('POOLS', [pool]) }).pools[0]).toMatchObject({
      isDevFee: false,
      isActive: true,
    });
  });

  const idle = answer('SUMMARY', { Elapsed: 9000, 'MHS 5s': 0, 'MHS av': 0 });
  it.each([
    ['no_boards', { devs: { STATUS: [{ STATUS: 'E', Code: 10, Msg: 'No ASCs' }] } }],
    ['sleeping', { devs: devs({ Enabled: 'N', 'MHS 5s': 0 }, { Enabled: 'N', 'MHS 5s': 0 }) }],
    ['starting', { devs: devs({ Status: 'Initialising', 'MHS 5s': 0 }) }],
    ['stopped', { devs: devs({ Status: 'Dead', 'MHS 5s': 0 }) }],
  ])('is %s by cgminer’s own words', (state, told: Record<string, object>) => {
    expect(readAll({ summary: idle, ...told }).state).toBe(state);
  });
});

describe('a SealMiner', () => {
  const board = (at: number) => ({
    [`${at} Online`]: true,
    [`${at} Chip Count`]: 153,
    [`${at} Bad Chip Count`]: at === 1 ? 2 : 0,
    [`${at} SN`]: `HB${at}`,
    [`${at} Freq`]: 540,
    [`${at} Temp 0`]: 55,
    [`${at} Temp 1`]: 0,
    [`${at} Temp 2`]: 61.5,
    [`${at} MHS(Sample)`]: 75_000_000 + at,
    [`${at} MHS(Ideal)`]: 75_300_000,
    [`${at} Tune Status`]: 'Done',
    [`${at} Speed`]: 5200 + at,
  });
  const stats = {
    STATS: 0,
    ID: 'BDM0',
    Model: 'SealMiner A2',
    Firmware: '2025031409',
    'Ctrl Board SN': 'CB77',
    MAC: '02:1b:aa:00:10:77',
    'Board Count': 3,
    'Fan Count': 3,
    'MHS(Rated)': 226_000_000,
    'PSU Input Power': 3720,
    'Power Limit': 3800,
    'System Uptime': 7300,
    'PM State': 'Running',
    'Error Code': '',
    ...board(0),
    ...board(1),
    ...board(2),
  };
  const summary = { Elapsed: 7200, 'MHS 5s': 225_100_000, 'MHS av': 224_000_000, Accepted: 90, Rejected: 1 };
  const read = (change: object = {}, rates: object = {}) =>
    readAll({
      summary: answer('SUMMARY', { ...summary, ...rates }, 'bdminer 1.0.0'),
      stats: answer('STATS', [{ ...stats, ...change }], 'bdminer 1.0.0'),
    });

  it('is read from one flat record', () => {
    const sample = read();
    expect(sample).toMatchObject({
      family: 'sealminer',
      state: 'mining',
      hashrateGhs: 224_000,
      hashrate5sGhs: 225_100,
      hashrateExpectedGhs: 226_000,
      nominalSource: 'device',
      powerW: 3720,
      powerSource: 'measured',
      uptimeS: 7200,
      deviceErrors: [],
    });
    expect(sample.identity).toEqual({
      vendor: 'Bitdeer',
      model: 'SealMiner A2',
      firmware: 'bdminer',
      firmwareVersion: '2025031409',
      mac: '02:1b:aa:00:10:77',
      serial: 'CB77',
    });
    expect(sample.boards).toHaveLength(3);
    expect(sample.boards[1]).toMatchObject({
      index: 1,
      hashrateGhs: 75_000.001,
      nominalGhs: 75_300,
      boardTempC: 61.5,
      boardTempsC: [55, 61.5],
      chipsOk: 151,
      chipsTotal: 153,
      frequencyMhz: 540,
      serial: 'HB1',
    });
    expect(sample.fans.map((fan) => fan.rpm)).toEqual([5200, 5201, 5202]);
  });

  it('is known by the names in stats alone, and tells its error', () => {
    expect(identifyFamily(repliesOf({ stats: answer('STATS', stats, 'cgminer 4.11.1') })).name).toBe(
      'sealminer',
    );
    expect(read({ 'Error Code': 'E205' }).deviceErrors).toEqual([{ code: 'E205', text: '' }]);
  });

  it.each([
    ['sleeping', { 'PM State': 'Suspend' }],
    ['starting', { 'PM State': 'Tuning' }],
    ['overheated', { 'PM State': 'OverHeat' }],
    ['stopped', {}],
    ['no_boards', { 'Board Count': 0 }],
  ])('is %s with %j at rate 0', (state, change) => {
    expect(read(change, { 'MHS 5s': 0, 'MHS av': 0 }).state).toBe(state);
    expect(read(change).state).toBe('mining');
  });
});

describe('an Elphapex', () => {
  const info = { miner_version: 'DG2_SW_V1.0.7', dev_sn: '28HY9', type: 'DG2', hw_version: 'DG2_HW_V1.0' };
  const head = { STATUS: { STATUS: 'S', when: 1, Msg: 'stats', api_version: '1.0.0' }, INFO: info };
  const chain = (index: number, change: object = {}) => ({
    index,
    sn: `B${index}`,
    freq_avg: 62_000,
    temp_chip: ['47125', '50500', '', ''],
    temp_pcb: [47, 46, 67, 66],
    asic: 'ooooooooo oooooooo',
    asic_num: 204,
    hw: 204,
    rate_real: 3553.5,
    rate_ideal: 3557.25,
    ...change,
  });
  const machine = (
    change: object = {},
    chains = [chain(0), chain(1), chain(2, { asic_num: 0, rate_real: 0 })],
  ) => ({
    summary: {
      ...head,
      SUMMARY: [{ elapsed: 4000, rate_unit: 'MH/s', status: [{ type: 'fans', code: 0 }], ...change }],
    },
    stats: {
      ...head,
      STATS: [
        {
          rate_unit: 'MH/s',
          elapsed: 4000,
          rate_5s: 7100,
          rate_avg: 7090,
          rate_ideal: 7114.5,
          fan: ['5340', '5400'],
          chain: chains,
          ...change,
        },
      ],
    },
  });

  it('is read without what it tells of every board alike', () => {
    const sample = readAll(machine());
    expect(sample).toMatchObject({
      family: 'elphapex',
      state: 'mining',
      hashrateGhs: 7.1,
      hashrateExpectedGhs: 7.1145,
      hardwareErrors: null,
      uptimeS: 4000,
      temperatureMaxC: 50.5,
      identity: { vendor: 'Elphapex', model: 'DG2', firmwareVersion: '1.0.7', serial: '28HY9' },
    });
    expect(sample.boards).toHaveLength(2);
    expect(sample.boards[0]).toMatchObject({
      hashrateGhs: 3.5535,
      nominalGhs: 3.55725,
      boardTempC: null,
      chipTempsC: [47.125, 50.5],
      chipsOk: 204,
      chipMap: null,
      serial: 'B0',
    });
    expect(sample.fans.map((fan) => fan.rpm)).toEqual([5340, 5400]);
  });

  it('has shut down for heat, or finds no boards, by its own words', () => {
    const still = { rate_5s: 0, rate_avg: 0 };
    const hot = { ...still, status: [{ type: 'temp', code: 3, msg: 'over temperature' }] };
    expect(readAll(machine(hot))).toMatchObject({
      state: 'overheated',
      deviceErrors: [{ code: 'temp 3', text: 'over temperature' }],
    });
    expect(readAll(machine(still, [chain(0, { asic_num: 0 })])).state).toBe('no_boards');
  });
});

describe('an Auradine', () => {
  const build = 'FluxOS-2025-02.11-0123456789abcdef0123456789abcdef01234567';
  const part = (name: string, records: object[]) => answer(name, records, build);
  const machine = (rates: object = {}) => ({
    summary: part('SUMMARY', [
      { Elapsed: 9000, 'MHS 5s': 150_000_000.5, 'MHS av': 149_000_000, Accepted: 7, ...rates },
    ]),
    devs: part(
      'DEVS',
      [1, 2, 3].map((id) => ({ DEV: id, ID: id, 'MHS 5s': 50_000_000, Temperature: 41, Status: 'Alive' })),
    ),
    temperature: part('Temperature', [
      { ID: 0, Name: 'Control Board', BoardTemp: [{ ID: 0, Temperature: 24 }], ChipTemp: null },
      {
        ID: 2,
        BoardTemp: [{ Temperature: 40 }, { Temperature: 44.5 }],
        ChipTemp: [{ Temperature: 61.2 }, { Temperature: 58 }],
      },
    ]),
    fan: part('Fan', [
      { ID: 1, Speed: 7080, Max: 7700 },
      { ID: 2, Speed: 7020 },
    ]),
    psu: part('PSU', [{ PowerIn: '3358.94W', Vin: '245.00V' }]),
    frequency: part('Frequency', [{ ID: 2, ChipFrequency: [{ Frequency: 280 }, { Frequency: 300 }] }]),
    voltage: part('Voltage', [{ ID: 2, ChipVoltage: [{ Voltage: 0.24 }, { Voltage: 0.26 }] }]),
    asccount: part('ASCCount', [{ AsicCount: 396, BoardCount: 3 }]),
    ipreport: part('IPReport', [
      {
        SerialNo: 'AU1',
        HBSerialNo: ['A', 'B', 'C'],
        mac: '1c:00:00:0e:3b:2b',
        model: 'AT1500',
        version: '2025-02.11',
      },
    ]),
  });

  it('is read from the commands of its parts', () => {
    const sample = readAll(machine());
    expect(sample).toMatchObject({
      family: 'auradine',
      state: 'mining',
      hashrateGhs: 150_000.0005,
      powerW: 3358.94,
      powerSource: 'measured',
      temperatureMaxC: 61.2,
    });
    expect(sample.identity).toEqual({
      vendor: 'Auradine',
      model: 'AT1500',
      firmware: 'FluxOS',
      firmwareVersion: '2025-02.11',
      mac: '1c:00:00:0e:3b:2b',
      serial: 'AU1',
    });
    expect(sample.boards[1]).toMatchObject({
      index: 2,
      hashrateGhs: 50_000,
      boardTempC: 44.5,
      boardTempsC: [40, 44.5],
      chipTempC: 61.2,
      chipsOk: 132,
      frequencyMhz: 290,
      voltageMv: 250,
      serial: 'B',
    });
    expect(sample.fans).toEqual([
      { index: 1, rpm: 7080 },
      { index: 2, rpm: 7020 },
    ]);
  });

  it('is asked for its mode only while it does not hash, and sleeps when that says so', () => {
    expect(auradine.followUp?.(repliesOf(machine()))).toEqual([]);
    const idle = machine({ 'MHS 5s': 0, 'MHS av': 0 });
    expect(auradine.followUp?.(repliesOf(idle))).toEqual(['mode']);
    const mode = part('Mode', [{ Mode: 'custom', Sleep: 'on', Ths: 160 }]);
    expect(readAll({ ...idle, mode })).toMatchObject({ state: 'sleeping', hashrateExpectedGhs: 160_000 });
    expect(readAll({ summary: machine().summary }).identity.firmwareVersion).toBe('2025-02.11');
  });
});
