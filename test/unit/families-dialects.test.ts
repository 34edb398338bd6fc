import { describe, expect, it } from 'vitest';
import type { MinerSample } from '../../src/domain/telemetry.js';
import { decodeReply } from '../../src/miner/decode-reply.js';
import { readIdentified } from '../../src/miner/read-identified.js';
import { contextOf } from '../fixtures/miner-replies.js';

type Replies = Readonly<Record<string, string | object>>;

function read(replies: Replies): MinerSample {
  const map = new Map(
    Object.entries(replies).map(([command, reply]) => [
      command,
      decodeReply(command, Buffer.from(typeof reply === 'string' ? reply : JSON.stringify(reply))),
    ]),
  );
  return readIdentified(map, contextOf()).sample;
}

const reply = (software: string, section: string, ...records: readonly object[]): object => ({
  STATUS: [{ STATUS: 'S', When: 1, Code: 9, Msg: section, Description: software }],
  [section]: records,
  id: 1,
});

const stick = (at: number) => ({
  PGA: at,
  Name: 'ICA',
  ID: at,
  Enabled: 'Y',
  Status: 'Alive',
  'Device Elapsed': 5000,
  'MHS av': 379.1,
  'MHS 20s': 380.5,
  'MHS rolling': 380.2,
  Accepted: 10,
  Rejected: 1,
  'Hardware Errors': 2,
  Temperature: 41.2,
});

const card = (at: number) => ({
  GPU: at,
  Enabled: 'Y',
  Status: 'Alive',
  Temperature: 71,
  'Fan Speed': 3000 + at,
  'Fan Percent': 60,
  'GPU Clock': 1000,
  'GPU Voltage': 1.1,
  'KHS av': 600,
  'KHS 5s': 605,
  Accepted: 4,
  Rejected: 0,
  'Hardware Errors': 0,
});

const text = (kind: string, record: object): string =>
  `STATUS=S,When=1,Code=9,Msg=1 ${kind}(s),Description=bfgminer 3.10.0|${Object.entries(record)
    .map(([name, value]) => `${name}=${value}`)
    .join(',')}|\0`;

describe('old dialects of the CGMiner API', () => {
  it('of FPGA boards and sticks tell devices alone', () => {
    expect(read({ devs: reply('bfgminer 3.10.0', 'DEVS', stick(0), stick(1)) })).toMatchObject({
      state: 'mining',
      hashrateGhs: 0.761,
      acceptedShares: 20,
      rejectedShares: 2,
      hardwareErrors: 4,
      uptimeS: 5000,
      temperatureMaxC: 41.2,
      identity: { firmware: 'bfgminer', firmwareVersion: '3.10.0' },
    });
  });

  it('read the same in text form', () => {
    expect(read({ devs: text('PGA', stick(0)) })).toMatchObject({
      hashrateGhs: 0.3805,
      acceptedShares: 10,
      uptimeS: 5000,
      boards: [{ index: 0, boardTempC: 41.2 }],
    });
    expect(read({ devs: text('GPU', card(0)) })).toMatchObject({
      hashrateGhs: 0.000605,
      fans: [{ index: 0, rpm: 3000 }],
      frequencyAvgMhz: 1000,
    });
  });

  it('of graphics cards count in KH/s, each with its fan and clock', () => {
    const summary = { Elapsed: 1000, 'KHS av': 1200, 'KHS 5s': 1210, Accepted: 9, Rejected: 0 };
    const sample = read({
      summary: reply('sgminer 5.0.1', 'SUMMARY', summary),
      devs: reply('sgminer 5.0.1', 'DEVS', card(0), card(1)),
    });
    expect(sample).toMatchObject({
      hashrateGhs: 0.00121,
      acceptedShares: 9,
      frequencyAvgMhz: 1000,
      fans: [{ rpm: 3000 }, { rpm: 3001 }],
      repairs: [],
    });
    expect(sample.boards.map((board) => [board.hashrateGhs, board.voltageMv])).toEqual([
      [0.000605, 1100],
      [0.000605, 1100],
    ]);
  });

  it('of Goldshell number their sensors, and repeat the fans on each board', () => {
    const board = (ID: number) => ({
      PGA: ID,
      ID,
      'MHS 20s': 2.65e6,
      'MHS av': 2.7e6,
      'tstemp-0': 70,
      'tstemp-1': 72,
      'tstemp-2': 55,
      fan0: 2700,
      fan1: 2710,
    });
    expect(
      read({
        summary: reply('bfgminer 5.4.2', 'SUMMARY', { Elapsed: 900, 'MHS 20s': 5.3e6, Accepted: 7 }),
        devs: reply('bfgminer 5.4.2', 'DEVS', board(0), board(1)),
      }),
    ).toMatchObject({
      hashrateGhs: 5300,
      temperatureMaxC: 72,
      fans: [{ rpm: 2700 }, { rpm: 2710 }],
      boards: [{ boardTempC: 55, chipTempC: 72, hashrateGhs: 2650 }, { hashrateGhs: 2650 }],
    });
  });

  it('have figures with units and thousands apart', () => {
    const summary = { Elapsed: '1,000', 'MHS av': '2,510.55 MH/s', 'MHS 5s': '2520MH/s', Accepted: ' 4 ' };
    expect(read({ summary: reply('cgminer 4.9.0', 'SUMMARY', summary) })).toMatchObject({
      hashrateGhs: 2.52,
      uptimeS: 1000,
      acceptedShares: 4,
    });
  });

  it('are read under a section nobody knows, where it is the only one', () => {
    const record = { Elapsed: 100, 'MHS av': 25_000, Accepted: 1 };
    const renamed = reply('cgminer 4.9.0', 'TOTALS', record);
    expect(read({ summary: renamed })).toMatchObject({
      hashrateGhs: 25,
      uptimeS: 100,
      repairs: [{ command: 'summary', kind: 'key_name' }],
    });
    expect(read({ summary: { ...renamed, MORE: [record] } }).hashrateGhs).toBeNull();
  });

  it('of KnC name themselves', () => {
    const device = { ASC: 0, Name: 'KnC', ID: 0, 'MHS av': 540_123 };
    expect(read({ devs: reply('cgminer 3.8.1', 'DEVS', device) })).toMatchObject({
      hashrateGhs: 540.123,
      identity: { vendor: 'KnCMiner' },
    });
  });
});
