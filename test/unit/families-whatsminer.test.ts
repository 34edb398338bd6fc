import { describe, expect, it } from 'vitest';
import { whatsminer } from '../../src/miner/families/whatsminer.js';
import { whatsminerErrorText } from '../../src/miner/families/whatsminer-error-texts.js';
import { identifyFamily } from '../../src/miner/registry.js';
import { answer, readAll, repliesOf } from '../fixtures/miner-replies.js';

const told = {
  Elapsed: 66295,
  'MHS av': 68000000,
  'MHS 5s': 61000000.25,
  'MHS 1m': 67200000,
  'MHS 5m': 67800000,
  'MHS 15m': 67500000,
  'HS RT': 67394800.97,
  Accepted: 5018,
  Rejected: 29,
  'Hardware Errors': 912,
  Temperature: 72,
  freq_avg: 622,
  'Fan Speed In': 4950,
  'Fan Speed Out': 4920,
  'Power Fanspeed': 8880,
  Power: 3417,
  Power_RT: 3427,
  Uptime: 66892,
  'Error Code Count': 0,
  'Factory Error Code 0': 208,
  'Env Temp': 28.5,
  'Firmware Version': "'20210322.22.REL'",
  MAC: 'C4:11:04:01:3C:75',
  'Factory GHS': 68796,
  'Chip Temp Min': 65,
  'Chip Temp Max': 80,
  'Chip Temp Avg': 74.5,
};

const board = (slot: number) => ({
  ASC: slot,
  Slot: slot,
  Temperature: 70 + slot,
  'Chip Frequency': 620,
  'MHS av': 22000000,
  'MHS 15m': 22500000,
  'Hardware Errors': 3,
  'Device Elapsed': 66295,
  'Upfreq Complete': 1,
  'Effective Chips': 111,
  'PCB SN': `SN${slot}`,
  'Chip Temp Min': 65,
  'Chip Temp Max': 78 + slot,
  'Chip Temp Avg': 74,
});

const reading = (change: Record<string, unknown> = {}, boards: object[] = [0, 1, 2].map(board)) => ({
  summary: answer('SUMMARY', { ...told, ...change }, 'btminer'),
  edevs: answer('DEVS', boards, 'btminer'),
});

describe('a Whatsminer', () => {
  it('is read whole', () => {
    const version = {
      STATUS: 'S',
      Code: 131,
      Msg: { api_ver: '2.0.5', fw_ver: '20230803.11.REL', miner_type: 'M50S_VH50' },
    };
    const sample = readAll({ ...reading(), get_version: version });
    expect(sample).toMatchObject({
      family: 'whatsminer',
      state: 'mining',
      health: 'healthy',
      hashrateGhs: 67394.80097,
      hashrate5sGhs: 61000.00025,
      hashrateExpectedGhs: 68796,
      nominalSource: 'device',
      temperatureAvgC: 74.5,
      temperatureMinC: 65,
      temperatureMaxC: 80,
      frequencyAvgMhz: 622,
      hardwareErrors: 912,
      uptimeS: 66295,
      powerW: 3417,
      powerSource: 'reported',
      boardsTotal: 3,
      boardsHealthy: 3,
      deviceErrors: [],
      repairs: [],
    });
    expect(sample.efficiencyJPerTh).toBeCloseTo(50.7, 1);
    expect(sample.identity).toEqual({
      vendor: 'MicroBT',
      model: 'M50S_VH50',
      firmware: 'btminer',
      firmwareVersion: '20230803.11.REL',
      mac: 'c4:11:04:01:3c:75',
      serial: null,
    });
    expect(sample.fans.map((fan) => fan.rpm)).toEqual([4950, 4920, 8880]);
    expect(sample.boards[2]).toMatchObject({
      index: 2,
      hashrateGhs: 22500,
      boardTempC: 72,
      chipTempC: 80,
      chipTempsC: [65, 80],
      chipsOk: 111,
      chipsTotal: null,
      frequencyMhz: 620,
      hardwareErrors: 3,
      serial: 'SN2',
      health: 'healthy',
    });
  });

  it('is asked in a way that old and new firmware read, also joined', () => {
    expect(JSON.parse(whatsminer.request('pools+summary+edevs'))).toEqual({
      cmd: 'pools+summary+edevs',
      command: 'pools+summary+edevs',
    });
  });

  it('has its HS RT in TH/s on some firmware: the rest of the record tells', () => {
    const sample = readAll(reading({ 'HS RT': 67.39 }));
    expect(sample.hashrateGhs).toBeCloseTo(67390, 6);
    expect(sample.repairs).toEqual([{ command: 'summary', kind: 'unit_scale', count: 1 }]);
  });

  it('without HS RT shows a wide window, and the average only in its first hour', () => {
    expect(readAll(reading({ 'HS RT': '' })).hashrateGhs).toBe(67500);
    expect(readAll(reading({ 'HS RT': '', Elapsed: 1200 })).hashrateGhs).toBe(68000);
    const standing = { 'MHS 5s': 0, 'MHS 1m': 0, 'MHS 5m': 0, 'MHS 15m': 0 };
    expect(readAll(reading({ 'HS RT': '', ...standing }))).toMatchObject({
      hashrateGhs: 0,
      state: 'stopped',
    });
  });

  it('takes the summary from Msg on firmware that puts it there', () => {
    const summary = { STATUS: 'S', When: 1, Code: 131, Msg: told, Description: 'whatsminer v1.4' };
    expect(readAll({ summary })).toMatchObject({
      family: 'whatsminer',
      hashrateGhs: 67394.80097,
      powerW: 3417,
    });
  });

  it('reads the version in quotes that a wrong escape breaks', () => {
    const summary = JSON.stringify(reading().summary).replace("'20210322.22.REL'", "\\'20210322.22.REL\\'");
    const sample = readAll({ summary });
    expect(sample.identity.firmwareVersion).toBe('20210322.22.REL');
    expect(sample.repairs.map((repair) => repair.kind)).toEqual(['bad_escape']);
  });

  it('with liquid cooling has no fans, with air a fan at 0 has failed', () => {
    expect(
      readAll(reading({ 'Fan Speed In': 0, 'Fan Speed Out': 0, 'Power Fanspeed': 0, 'Liquid Cooling': true }))
        .fans,
    ).toEqual([]);
    const failed = readAll(reading({ 'Fan Speed Out': 0 }));
    expect(failed.fans[1]).toEqual({ index: 1, rpm: 0 });
    expect(failed.health).toBe('warning');
  });

  it.each([
    ['v1 summary', { 'Error Code 0': 110, 'Error Code 1': 600, 'Error Code Count': 2 }, null],
    ['list of objects', {}, '[{"110":"2024-06-15 10:30:00"},{"600":"2024-06-15 10:30:00"}]'],
    ['list shaped like an object', {}, '["110":"2024-06-15 10:30:00","600":"2024-06-15 10:30:00"]'],
    ['flat list', {}, '["110","2022-01-17 11:28:11","600","2022-01-17 11:28:11"]'],
    ['object with reasons', {}, '[{"110":"t","reason":"x"},{"600":"t"}]'],
  ])('tells its errors from a %s', (_, change, codes) => {
    const errors =
      codes === null ? {} : { get_error_code: `{"STATUS":"S","Code":131,"Msg":{"error_code":${codes}}}` };
    const sample = readAll({ ...reading(change), ...errors });
    expect(sample.deviceErrors).toEqual([
      { code: '110', text: 'intake fan speed' },
      { code: '600', text: 'surroundings too hot' },
    ]);
    expect(sample.health).toBe('warning');
  });

  it('tells errors it has no words for with the words of the device', () => {
    const codes = '["btminer process is down err", null, 7777, [{"12345":"t","reason":"Slot0 odd."}]]';
    const flat = codes.replace('[{', '{').replace('}]]', '}]');
    const reply = `{"STATUS":"S","Code":131,"Msg":{"error_code":${flat}},"Description":""}`;
    expect(readAll({ ...reading(), get_error_code: reply }).deviceErrors).toEqual([
      { code: '', text: 'btminer process is down err' },
      { code: '7777', text: '' },
      { code: '12345', text: 'Slot0 odd.' },
    ]);
    const word = '{"STATUS":"S","Code":131,"Msg":{"error_code":"540"},"Description":""}';
    expect(readAll({ ...reading(), get_error_code: word }).deviceErrors).toEqual([
      { code: '540', text: 'board 0 chips cannot be read' },
    ]);
  });

  it.each([
    [218, 'mains voltage too low for high power mode'],
    [222, 'power supply fault'],
    [302, 'board 2 temperature sensor not found'],
    [329, 'control board temperature sensor does not answer'],
    [531, 'board 1 not found'],
    [2021, 'pool 1 cannot be reached'],
    [531045, 'board 1 chip 45: too few nonces'],
    [110001, 'system files have been tampered with, needs new firmware'],
    [42, ''],
  ])('means by code %i: %s', (code, text) => {
    expect(whatsminerErrorText(code)).toBe(text);
  });

  it('is asked for its errors each time when the summary does not count them', () => {
    const { summary } = reading({ 'Error Code Count': undefined });
    expect(whatsminer.followUp?.(repliesOf({ summary }))).toEqual(['get_error_code']);
    expect(whatsminer.followUp?.(repliesOf(reading()))).toEqual([]);
    const idle = reading({ 'HS RT': 0, 'MHS 1m': 0, 'MHS av': 0 });
    expect(whatsminer.followUp?.(repliesOf(idle))).toEqual(['status']);
    expect(whatsminer.followUp?.(new Map())).toEqual(['status', 'get_error_code']);
  });

  it('is known by the shape of its answers alone', () => {
    const version = '{"STATUS":"E","When":1,"Code":14,"Msg":"invalid cmd","Description":""}';
    expect(identifyFamily(repliesOf({ version })).name).toBe('whatsminer');
  });

  it('has its identity, its supply and a nominal rate from where newer firmware puts them', () => {
    const reply = (message: object) => ({ STATUS: 'S', Code: 131, Msg: message, Description: '' });
    const boards = [0, 1, 2].map((slot) => ({ ...board(slot), 'HS Factory': 23000 }));
    const sample = readAll({
      ...reading({ MAC: '', 'Factory GHS': null, Power: null, Power_RT: '' }, boards),
      get_miner_info: reply({ mac: 'D4:01:02:03:04:05', minersn: 'HM1', hostname: 'WhatsMiner' }),
      get_psu: reply({ name: 'P222B', vin: '22400', iin: '15100', pin: '3382', fan_speed: '6480' }),
    });
    expect(sample).toMatchObject({
      hashrateExpectedGhs: 69000,
      nominalSource: 'device',
      powerW: 3382,
      powerSource: 'measured',
    });
    expect(sample.identity).toMatchObject({ mac: 'd4:01:02:03:04:05', serial: 'HM1' });
    expect(sample.boards[1]).toMatchObject({ nominalGhs: 23000, boardTempsC: [71] });
  });

  it('has its summary as a section in Msg too', () => {
    const summary = { STATUS: 'S', Code: 131, Msg: { SUMMARY: [told] }, Description: '' };
    expect(readAll({ summary })).toMatchObject({ family: 'whatsminer', hashrateGhs: 67394.80097 });
  });

  it('reads boards of the first firmware from stats', () => {
    const record = (slot: number) => ({
      ID: `SM${slot}`,
      slot,
      chip_num: 63,
      ok_chips: 62,
      temp_1: 75.5,
      temp_2: 0,
      freqs_avg: 635,
    });
    const stats = answer('STATS', [record(0), record(1), { ID: 'POOL0' }]);
    const sample = readAll({ summary: reading().summary, stats });
    expect(sample.boards).toHaveLength(2);
    expect(sample.boards[1]).toMatchObject({
      index: 1,
      boardTempC: 75.5,
      chipsOk: 62,
      chipsTotal: 63,
      health: 'warning',
    });
  });

  it('without HS RT and average takes the sum of its boards', () => {
    const { edevs } = reading();
    expect(readAll({ edevs }).hashrateGhs).toBe(67500);
  });
});

describe('states of a Whatsminer', () => {
  const down = { STATUS: 'E', Code: 132, Msg: 'btminer process is down', Description: 'whatsminer v1.4' };
  const status = (off: string, key = 'btmineroff') => ({
    STATUS: 'S',
    Code: 131,
    Msg: { [key]: off },
    Description: 'whatsminer v1.4',
  });

  it('is sleeping when status says so and nothing else answers', () => {
    expect(readAll({ summary: down, edevs: down, status: status('true') })).toMatchObject({
      family: 'whatsminer',
      state: 'sleeping',
    });
    expect(readAll({ summary: down, status: status('true', 'mineroff') }).state).toBe('sleeping');
    expect(readAll({ summary: down, status: status('false') })).toMatchObject({
      state: 'stopped',
      health: 'critical',
    });
  });

  it('is asleep when it answers with zeros and status says so', () => {
    const zeros = { 'HS RT': 0, 'MHS av': 0, 'MHS 5s': 0, 'MHS 1m': 0, 'MHS 5m': 0, 'MHS 15m': 0 };
    expect(readAll({ ...reading(zeros), status: status('true') }).state).toBe('sleeping');
    expect(readAll({ ...reading(zeros), status: status('false') }).state).toBe('stopped');
  });

  it('has shut down for heat, or finds no boards, when its errors say so and it does not hash', () => {
    const zeros = { 'HS RT': 0, 'MHS av': 0, 'MHS 5s': 0, 'MHS 1m': 0, 'MHS 5m': 0, 'MHS 15m': 0 };
    const hot = { 'Error Code 0': 352, 'Error Code Count': 1 };
    expect(readAll(reading({ ...zeros, ...hot })).state).toBe('overheated');
    expect(readAll(reading(hot))).toMatchObject({ state: 'mining', health: 'warning' });
    const gone = { 'Error Code 0': 530, 'Error Code 1': 531, 'Error Code Count': 2 };
    expect(readAll(reading({ ...zeros, ...gone }, [])).state).toBe('no_boards');
    expect(readAll(reading({ ...zeros, ...gone }, [board(2)])).state).toBe('stopped');
  });

  it('is starting while its boards are tuned', () => {
    const tuning = [0, 1, 2].map((slot) => ({ ...board(slot), 'Upfreq Complete': 0 }));
    expect(readAll(reading({}, tuning)).state).toBe('starting');
    const one = [board(0), board(1), { ...board(2), 'Upfreq Complete': 0 }];
    expect(readAll(reading({}, one)).state).toBe('mining');
    expect(readAll(reading({ Elapsed: 300 }, one)).state).toBe('starting');
  });

  it('is starting with no rate just after the start', () => {
    const none = Object.fromEntries(
      Object.keys(told)
        .filter((key) => /^MHS|HS RT/.test(key))
        .map((key) => [key, null]),
    );
    expect(readAll({ summary: answer('SUMMARY', { ...told, ...none, Elapsed: 20 }) }).state).toBe('starting');
  });
});

describe('a Whatsminer that refuses its summary', () => {
  it.each([
    [23, 'enc json load err', 'wrong_password'],
    [135, 'check token err', 'denied'],
    [136, 'token over max times', 'denied'],
    [132, 'btminer process is down err', 'stopped'],
  ])('with code %i: %s', (Code, Msg, state) => {
    const refusal = { STATUS: 'E', When: 1, Code, Msg, Description: 'whatsminer v2.0.5' };
    expect(readAll({ summary: refusal })).toMatchObject({ family: 'whatsminer', state });
  });
});
