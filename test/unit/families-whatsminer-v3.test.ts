import { describe, expect, it } from 'vitest';
import { whatsminerV3 } from '../../src/miner/families/whatsminer-v3.js';
import { reportMiner } from '../../src/miner/report.js';
import { readAll, repliesOf } from '../fixtures/miner-replies.js';

const reply = (msg: unknown, code = 0) => ({ code, when: 1750000000, msg, desc: 'get.miner.status' });

const told = {
  elapsed: 48_000,
  'bootup-time': 48_200,
  'freq-avg': 610.5,
  'target-freq': 612,
  'factory-hash': 186.4,
  'hash-average': 184.9,
  'hash-1min': 187.2,
  'hash-15min': 185.6,
  'hash-realtime': 186.9,
  'power-rate': 18.5,
  'power-5min': 3466.2,
  'power-realtime': 3460,
  'environment-temperature': 27.4,
  'board-temperature': [61.5, 62, 60.5],
  'chip-temp-min': 58.1,
  'chip-temp-avg': 71.3,
  'chip-temp-max': 82.6,
  'power-limit': 3600,
  'up-freq-finish': 1,
  'fan-speed-in': 5010,
  'fan-speed-out': 5070,
};

const board = (slot: number, change: object = {}) => ({
  id: slot,
  slot,
  'hash-average': 61.6,
  'factory-hash': 62.1,
  freq: 611,
  'effective-chips': 148,
  'chip-temp-min': 58.1 + slot,
  'chip-temp-avg': 71,
  'chip-temp-max': 80.6 + slot,
  ...change,
});

const info = (change: { miner?: object; errors?: unknown } = {}) => ({
  network: { ip: '127.0.0.9', mac: 'C8:11:04:01:3C:75', hostname: 'WhatsMiner' },
  miner: {
    working: 'true',
    type: 'M61_VK30',
    'miner-sn': 'HM61S1',
    pcbsn0: 'B0',
    pcbsn2: 'B2',
    ...change.miner,
  },
  system: { api: '3.0.1', platform: 'H616', fwversion: '20250214.16.Rel' },
  power: { type: 'P464', model: 'P464', iin: 15.8, vin: 229, pin: 3480, fanspeed: 6480 },
  salt: 'abcdefgh',
  'error-code': change.errors ?? [],
});

const pools = [
  {
    id: 1,
    url: 'stratum+tcp://a.example:3333',
    status: 'alive',
    account: 'w.1',
    'stratum-active': true,
    'reject-rate': 0,
    'last-share-time': 1749999990,
  },
  { id: 2, url: 'stratum+tcp://b.example:3333', status: 'alive', account: 'w.2', 'stratum-active': false },
  { id: 3, url: '', status: 'dead', account: '' },
];

const machine = (change: object = {}, device: unknown = info()) => ({
  'get.miner.status:summary': reply({ summary: { ...told, ...change } }),
  'get.miner.status:edevs': reply({ edevs: [0, 1, 2].map((slot) => board(slot)) }),
  'get.miner.status:pools': reply({ pools }),
  'get.device.info': reply(device),
});

describe('a Whatsminer of API v3', () => {
  it('names where each of its fields stands', () => {
    const { sources } = reportMiner(repliesOf(machine()));
    expect(sources).toMatchObject({
      hashrate_ghs: 'get.miner.status:summary/msg.summary.hash-realtime',
      fan_speeds: 'get.miner.status:summary/msg.summary.fan-speed-in',
      power_consumption: 'get.miner.status:summary/msg.summary.power-realtime',
      boards_total: 'get.miner.status:edevs/msg.edevs',
      worker_name: 'get.miner.status:pools/msg.pools.account',
      model: 'get.device.info/msg.miner.type',
      serial: 'get.device.info/msg.miner.miner-sn',
    });
  });

  it('is asked with a command and its parameter', () => {
    expect(whatsminerV3).toMatchObject({ transport: 'whatsminer-v3', port: 4433, mayJoin: false });
    expect(whatsminerV3.commands.map((command) => whatsminerV3.request(command))).toEqual([
      '{"cmd":"get.miner.status","param":"summary"}',
      '{"cmd":"get.miner.status","param":"edevs"}',
      '{"cmd":"get.miner.status","param":"pools"}',
      '{"cmd":"get.device.info"}',
    ]);
  });

  it('is read whole', () => {
    const sample = readAll(machine());
    expect(sample).toMatchObject({
      family: 'whatsminer-v3',
      state: 'mining',
      health: 'healthy',
      hashrateGhs: 186_900,
      hashrateExpectedGhs: 186_400,
      nominalSource: 'device',
      temperatureMinC: 58.1,
      temperatureAvgC: 71.3,
      temperatureMaxC: 82.6,
      frequencyAvgMhz: 610.5,
      uptimeS: 48_000,
      powerW: 3460,
      powerSource: 'reported',
      acceptedShares: null,
      poolUrl: 'stratum+tcp://a.example:3333',
      workerName: 'w.1',
      boardsTotal: 3,
      deviceErrors: [],
      repairs: [],
      errorMessage: null,
    });
    expect(sample.identity).toEqual({
      vendor: 'MicroBT',
      model: 'M61_VK30',
      firmware: 'btminer',
      firmwareVersion: '20250214.16.Rel',
      mac: 'c8:11:04:01:3c:75',
      serial: 'HM61S1',
    });
    expect(sample.fans).toEqual([
      { index: 0, rpm: 5010 },
      { index: 1, rpm: 5070 },
      { index: 2, rpm: 6480 },
    ]);
    expect(sample.boards[2]).toMatchObject({
      index: 2,
      hashrateGhs: 61_600,
      nominalGhs: 62_100,
      boardTempC: 60.5,
      boardTempsC: [60.5],
      chipTempC: 82.6,
      chipTempsC: [60.1, 82.6],
      chipsOk: 148,
      frequencyMhz: 611,
      serial: 'B2',
    });
    expect(sample.pools.map((it) => [it.index, it.isActive])).toEqual([
      [1, true],
      [2, false],
    ]);
  });

  it('answered in one message is the same', () => {
    const { summary, edevs } = { summary: told, edevs: [board(0), board(1), board(2)] };
    const sample = readAll({
      'get.miner.status': reply({ summary, edevs, pools }),
      'get.device.info': reply(info()),
    });
    expect(sample).toMatchObject({ family: 'whatsminer-v3', hashrateGhs: 186_900, boardsTotal: 3 });
  });

  it('tells a figure in GH/s from one in TH/s by what no machine can do', () => {
    const sample = readAll(machine({ 'factory-hash': 186_400 }));
    expect(sample.hashrateExpectedGhs).toBe(186_400);
    expect(sample.repairs).toEqual([{ command: 'get.miner.status:summary', kind: 'unit_scale', count: 1 }]);
  });

  it('with liquid cooling has no fans but the supply’s', () => {
    const power = { pin: 7480, 'liquid-temperature': 44.1, fanspeed: 6000 };
    const sample = readAll(machine({ 'fan-speed-in': 0, 'fan-speed-out': 0 }, { ...info(), power }));
    expect(sample.fans).toEqual([{ index: 2, rpm: 6000 }]);
  });

  it('tells its errors with the device’s words where ours are missing', () => {
    const errors = [
      { '531': '2025-03-12 14:52:35', reason: 'Slot1 not found.' },
      { '65000': '2025-03-12 14:52:35', reason: 'Odd thing.' },
    ];
    expect(readAll(machine({}, info({ errors }))).deviceErrors).toEqual([
      { code: '531', text: 'board 1 not found' },
      { code: '65000', text: 'Odd thing.' },
    ]);
  });

  it.each([
    ['sleeping', { 'hash-realtime': 0 }, info({ miner: { working: 'false' } })],
    ['starting', { 'hash-realtime': 120, elapsed: 489, 'up-freq-finish': 0 }, info()],
    ['mining', { 'hash-realtime': 150, 'up-freq-finish': 0 }, info()],
    ['stopped', { 'hash-realtime': 0 }, info()],
    ['overheated', { 'hash-realtime': 0 }, info({ errors: [{ '351': 't' }] })],
  ])('is %s', (state, change, device) => {
    expect(readAll(machine(change, device)).state).toBe(state);
  });

  it('asleep may refuse everything but who it is', () => {
    const sleeping = {
      'get.miner.status:summary': reply('btminer is off', -1),
      'get.miner.status:pools': reply('fail', -1),
      'get.device.info': reply(info({ miner: { working: 'false' } })),
    };
    expect(readAll(sleeping)).toMatchObject({ state: 'sleeping', identity: { model: 'M61_VK30' } });
    const refused = { ...sleeping, 'get.device.info': reply(info()) };
    expect(readAll(refused).state).toBe('stopped');
    const denied = { ...refused, 'get.miner.status:summary': reply('no permission', -4) };
    expect(readAll(denied).state).toBe('denied');
  });
});
