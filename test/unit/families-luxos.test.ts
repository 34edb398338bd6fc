import { describe, expect, it } from 'vitest';
import { luxos } from '../../src/miner/families/luxos.js';
import { antminerStats, still } from '../fixtures/antminer-replies.js';
import { answer, readAll, repliesOf } from '../fixtures/miner-replies.js';

const description = 'LUXminer 2025.4.8.1-57b3';
const version = answer(
  'VERSION',
  { LUXminer: '2025.4.8.1-57b3', Miner: '2025.4.8.1', Type: 'Antminer S19k Pro' },
  description,
);
const device = (ID: number, change: object = {}) => ({
  ASC: ID,
  ID,
  'MHS 5s': 36000000 + ID * 1000,
  'MHS av': 30000000,
  'Nominal MHS': 37000000,
  SerialNumber: `B${ID}`,
  ...change,
});
// Told in another order than the boards'.
const devs = answer('DEVS', [device(2), device(0), device(1)], description);
const stats = (change: object = {}) =>
  antminerStats({ Type: 'Antminer S19k Pro' }, { ...change }, description);

describe('LuxOS', () => {
  it('has present board rates and serials from devs, numbered from 0', () => {
    const sample = readAll({ version, stats: stats({ miner_id: '62f75eb71046' }), devs });
    expect(sample).toMatchObject({ family: 'luxos', state: 'mining', hashrateGhs: 108000, repairs: [] });
    expect(sample.boards.map((it) => [it.index, it.hashrateGhs, it.serial, it.nominalGhs])).toEqual([
      [0, 36000, 'B0', 37000],
      [1, 36001, 'B1', 37000],
      [2, 36002, 'B2', 37000],
    ]);
    expect(sample.identity).toMatchObject({
      vendor: 'Bitmain',
      model: 'Antminer S19k Pro',
      firmware: 'LuxOS',
      firmwareVersion: '2025.4.8.1',
      mac: '62:f7:5e:b7:10:46',
    });
  });

  it('keeps the numbers when devs is missing', () => {
    expect(readAll({ version, stats: stats() }).boards.map((it) => it.index)).toEqual([0, 1, 2]);
  });

  it('reads sensors with decimals, and the corners of temps where stats has NaN', () => {
    const temps = answer('TEMPS', [
      { ID: 0, TopLeft: 47.5, TopRight: 34, BottomLeft: 47, BottomRight: 0 },
      { ID: 1, TopLeft: 50 },
    ]);
    const broken = { temp_chip1: 'NaN-NaN-NaN-NaN', temp_pcb1: 'NaN-NaN-NaN-NaN', temp_chip2: '47.5-34.25' };
    const { boards } = readAll({ version, stats: stats(broken), temps });
    expect(boards[0]).toMatchObject({ chipTempsC: [47.5, 34, 47], boardTempC: 47.5 });
    expect(boards[1]).toMatchObject({ chipTempsC: [47.5, 34.25], chipTempC: 47.5 });
  });

  it.each([
    [false, 'estimated'],
    [true, 'measured'],
  ])('with a supply that measures %s has its power %s', (PSU, powerSource) => {
    const power = answer('POWER', { PSU, Watts: 3300 }, description);
    expect(readAll({ version, stats: stats(), power })).toMatchObject({ powerW: 3300, powerSource });
  });

  it('tells its events as errors', () => {
    const events = answer('EVENTS', [
      { Code: 'NOPIC_PROTECTION', Description: 'Shut down.', Target: 'MINER' },
      { Code: 'REBOOT_NOT_HASHING', Description: 'Rebooted.', Target: 'BOARD', ID: 0 },
      {},
    ]);
    expect(readAll({ version, stats: stats(), events }).deviceErrors).toEqual([
      { code: 'NOPIC_PROTECTION', text: 'Shut down.' },
      { code: 'REBOOT_NOT_HASHING', text: 'Rebooted. (board 0)' },
    ]);
  });

  it.each([
    ['sleeping', { CurtailMode: 'Sleep' }, {}],
    ['starting', { CurtailMode: 'None' }, { IsRamping: true }],
    ['sleeping', { CurtailMode: 'None' }, { IsUserShutdown: true }],
    ['stopped', { CurtailMode: 'None', IsPowerSupplyOn: false }, {}],
  ])('is %s: %j %j', (state, config, change) => {
    const sample = readAll({
      version,
      stats: stats({ ...still, Elapsed: 5000 }),
      devs: answer('DEVS', [device(0, change), device(1, change)]),
      config: answer('CONFIG', config),
    });
    expect(sample.state).toBe(state);
  });

  it('is overheated when an event says so and nothing is hashed', () => {
    const events = answer('EVENTS', [{ Code: 'OVERHEAT_SHUTDOWN', Description: 'Miner too hot' }]);
    expect(readAll({ version, stats: stats({ ...still, Elapsed: 5000 }), events }).state).toBe('overheated');
    expect(readAll({ version, stats: stats(), events }).state).toBe('mining');
  });

  it('asks why only when it does not hash', () => {
    const idle = answer('SUMMARY', { Elapsed: 9, 'GHS 5s': 0, 'GHS av': 0 });
    expect(luxos.followUp?.(repliesOf({ summary: idle }))).toEqual(['config']);
    expect(luxos.followUp?.(repliesOf({ summary: answer('SUMMARY', { 'GHS 5s': 5 }) }))).toEqual([]);
  });
});
