import { describe, expect, it } from 'vitest';
import { antminerStats } from '../fixtures/antminer-replies.js';
import { answer, readAll } from '../fixtures/miner-replies.js';

const description = 'BOSminer bosminer-plus-am1-s9 0.4.0-908ca41d';
const version = answer('VERSION', { API: '3.7', 'BOSminer+': '0.4.0-908ca41d' }, description);
const ids = [6, 7, 8];
const told = {
  version,
  summary: answer(
    'SUMMARY',
    { Elapsed: 9000, 'MHS 5s': 13500000, 'MHS av': 13400000, Accepted: 9 },
    description,
  ),
  devs: answer(
    'DEVS',
    ids.map((ID) => ({ ID, 'MHS 5s': 4500000, 'Nominal MHS': 4600000, 'Hardware Errors': 2 })),
  ),
  temps: answer(
    'TEMPS',
    ids.map((ID, TEMP) => ({ ID, TEMP, Board: 60 + TEMP, Chip: TEMP === 0 ? 0 : 80 })),
  ),
  fans: answer('FANS', [
    { FAN: 0, ID: 0, RPM: 2820 },
    { FAN: 1, ID: 1, RPM: 0 },
  ]),
  devdetails: answer(
    'DEVDETAILS',
    ids.map((ID) => ({ ID, Model: 'Antminer S9', Chips: 63, Frequency: 650000000, Voltage: 8.8 })),
  ),
  tunerstatus: answer('TUNERSTATUS', {
    ApproximateMinerPowerConsumption: 1290,
    ApproximateChainPowerConsumption: 1200,
    PowerLimit: 1300,
    TunerChainStatus: [{ HashchainIndex: 6, Status: 'Stable' }],
  }),
};
const idle = answer('SUMMARY', { Elapsed: 9000, 'MHS 5s': 0, 'MHS av': 0 }, description);
const unavailable = {
  STATUS: [{ STATUS: 'E', Code: 302, Msg: 'Unavailable', Description: description }],
  id: 1,
};

describe('Braiins OS', () => {
  it('is put together from the commands of its own', () => {
    const sample = readAll(told);
    expect(sample).toMatchObject({
      family: 'braiins',
      state: 'mining',
      hashrateGhs: 13500,
      hashrateExpectedGhs: 13800,
      nominalSource: 'device',
      frequencyAvgMhz: 650,
      hardwareErrors: 6,
      powerW: 1290,
      powerSource: 'estimated',
      temperatureMaxC: 80,
      boardsTotal: 3,
      repairs: [],
    });
    expect(sample.identity).toMatchObject({
      vendor: 'Bitmain',
      model: 'Antminer S9',
      firmware: 'Braiins OS',
      firmwareVersion: '0.4.0-908ca41d',
    });
    expect(sample.boards[0]).toMatchObject({
      index: 6,
      boardTempC: 60,
      chipTempC: null,
      chipsOk: 63,
      nominalGhs: 4600,
      voltageMv: 8800,
    });
    expect(sample.fans).toEqual([{ index: 0, rpm: 2820 }]);
  });

  it.each([
    ['BOSer', 'boser-buildroot 0.1.0-75912fc7', 'BOSer boser-buildroot 0.1.0-75912fc7', '0.1.0-75912fc7'],
    ['BOSminer', 'bosminer 0.9.1-aa11', 'BOSminer bosminer 0.9.1-aa11', '0.9.1-aa11'],
  ])('as %s tells its version', (name, value, text, expected) => {
    const { identity } = readAll({ version: answer('VERSION', { [name]: value }, text) });
    expect(identity).toMatchObject({ firmware: 'Braiins OS', firmwareVersion: expected });
  });

  it('shows a fan that stands still only where four are known to be', () => {
    const devdetails = answer('DEVDETAILS', [{ ID: 1, Model: 'Antminer S19j Pro' }]);
    const fans = (...rpm: number[]) =>
      readAll({
        ...told,
        devdetails,
        fans: answer(
          'FANS',
          rpm.map((RPM, FAN) => ({ FAN, RPM })),
        ),
      }).fans;
    expect(fans(5000, 0).map((fan) => fan.rpm)).toEqual([5000, 0]);
    expect(fans(0, 0)).toEqual([]);
  });

  it('keeps a board that devs has lost', () => {
    const two = answer('DEVS', [
      { ID: 6, 'MHS 5s': 4500000 },
      { ID: 7, 'MHS 5s': 4500000 },
    ]);
    expect(readAll({ ...told, devs: two }).boards.map((it) => [it.index, it.hashrateGhs])).toEqual([
      [6, 4500],
      [7, 4500],
      [8, null],
    ]);
  });

  it.each([
    ['sleeping', { summary: idle, devs: unavailable, temps: unavailable }],
    ['sleeping', { devs: unavailable }],
    ['starting', { summary: answer('SUMMARY', { Elapsed: 60, 'MHS 5s': 0 }), devs: unavailable }],
    [
      'starting',
      {
        summary: idle,
        tunerstatus: answer('TUNERSTATUS', { TunerChainStatus: [{ Status: 'Testing performance profile' }] }),
      },
    ],
    ['no_boards', { summary: idle, devs: answer('DEVS', [], description) }],
    ['stopped', { summary: idle, devs: told.devs }],
    [
      'overheated',
      {
        summary: idle,
        tunerstatus: answer('TUNERSTATUS', { TunerChainStatus: [{ Status: 'Error: overheated' }] }),
      },
    ],
  ])('is %s: %#', (state, replies) => {
    expect(readAll({ version, ...replies }).state).toBe(state);
  });
});

describe('Braiins OS of 2019', () => {
  it('is read in the layout of Bitmain, with the model behind its board name', () => {
    const head = { BMMiner: 'bOS_am1-s9-20190221-0_572dd48c', Type: 'braiins-am1-s9' };
    const sample = readAll({
      version: answer('VERSION', head, 'bmminer bOS_am1-s9-20190221-0_572dd48c'),
      stats: antminerStats(head, { 'GHS 5s': 13500, 'GHS av': 13500, total_rateideal: 13600 }),
    });
    expect(sample).toMatchObject({ family: 'braiins-bmminer', state: 'mining', hashrateGhs: 13500 });
    expect(sample.identity).toMatchObject({
      vendor: 'Bitmain',
      model: 'Antminer S9',
      firmware: 'Braiins OS',
      firmwareVersion: '20190221-0_572dd48c',
    });
  });
});
