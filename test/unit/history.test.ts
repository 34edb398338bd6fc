import { describe, expect, it } from 'vitest';
import { minerResolutions, siteResolution } from '../../src/domain/history.js';
import { readRackMap } from '../../src/domain/rack-map.js';

const dayMs = 86_400_000;
const nowMs = Date.UTC(2026, 0, 31);
const last = (days: number, endMs = nowMs) => ({ fromMs: endMs - days * dayMs, toMs: endMs });

describe('the resolution', () => {
  it('of a miner follows the length of the range', () => {
    expect(minerResolutions('hashrate', last(1), nowMs, 30)).toEqual(['raw', '5m', '1h']);
    expect(minerResolutions('hashrate', last(1.01), nowMs, 30)).toEqual(['5m', '1h']);
    expect(minerResolutions('hashrate', last(7.01), nowMs, 30)).toEqual(['1h']);
  });

  it('of a miner is what is still kept', () => {
    expect(minerResolutions('hashrate', last(1, nowMs - 29.5 * dayMs), nowMs, 30)).toEqual(['1h']);
    expect(minerResolutions('frequency', last(1, nowMs - 40 * dayMs), nowMs, 30)).toEqual([]);
    expect(minerResolutions('frequency', last(8), nowMs, 30)).toEqual([]);
    expect(minerResolutions('accepted_delta', last(0.5), nowMs, 30)).toEqual(['1h']);
  });

  it('of a site keeps the points few', () => {
    expect([1, 7, 7.01, 62, 62.01, 1_800].map((days) => siteResolution(last(days)))).toEqual([
      '5m',
      '5m',
      '1h',
      '1h',
      '1d',
      '1d',
    ]);
  });
});

describe('a rack map', () => {
  it('is read in any order of columns, with names in small letters', () => {
    expect(readRackMap('Column;Row;Rack;Miner\n2;1;A 1;02:00:00:AA:BB:CC\n')).toEqual({
      places: [{ miner: '02:00:00:aa:bb:cc', rack: 'A 1', row: 1, column: 2 }],
      faults: [],
    });
  });

  it('names the line of each fault, and gives no place then', () => {
    const text = [
      'miner,rack,row,column',
      '10.0.0.1,A,1,1',
      '',
      '10.0.0.2,A,1,1',
      '10.0.0.1,B,2,2',
      ',A,1,2',
      '10.0.0.3,,1,3',
      '10.0.0.4,A,one,4',
      '10.0.0.5,A,1,-1',
      '10.0.0.6,A',
    ].join('\n');
    expect(readRackMap(text)).toEqual({
      places: [],
      faults: [
        'line 4: place A/1/1 is on line 2 too',
        'line 5: miner 10.0.0.1 is on line 2 too',
        'line 6: miner is not a name, address or MAC',
        'line 7: rack is not a name of 1 to 64 characters',
        'line 8: row is "one", not a whole number from 0 to 9999',
        'line 9: column is "-1", not a whole number from 0 to 9999',
        'line 10: row is "", not a whole number from 0 to 9999',
      ],
    });
  });

  it('stops after twenty faults, and wants its columns', () => {
    const many = `miner,rack,row,column\n${'x,y,z,z\n'.repeat(100)}`;
    expect(readRackMap(many).faults).toHaveLength(20);
    expect(readRackMap('miner,rack\na,b').faults).toEqual(['line 1: no column row, column']);
    expect(readRackMap('').faults).toEqual(['line 1: no column miner, rack, row, column']);
  });
});
