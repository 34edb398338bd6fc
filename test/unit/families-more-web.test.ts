import { describe, expect, it } from 'vitest';
import type { MinerSample } from '../../src/domain/telemetry.js';
import { decodeReply } from '../../src/miner/decode-reply.js';
import { cookieToken } from '../../src/miner/http/web-access.js';
import { toSeconds, toTemperature } from '../../src/miner/numbers.js';
import { readMiner } from '../../src/miner/read-miner.js';
import { familyByName, identifyFamily } from '../../src/miner/registry.js';
import { contextOf } from '../fixtures/miner-replies.js';
import * as web from '../fixtures/more-web-replies.js';

function read(pages: Readonly<Record<string, unknown>>): MinerSample {
  const replies = new Map(
    Object.entries(pages).map(([command, page]) => [
      command,
      decodeReply(command, Buffer.from(JSON.stringify(page))),
    ]),
  );
  return readMiner(identifyFamily(replies), replies, contextOf());
}

describe('Marathon’s firmware', () => {
  it('has its rate in TH/s and all else in GH/s', () => {
    expect(read(web.marathonPages)).toMatchObject({
      family: 'marathon',
      hashrateGhs: 138_400,
      hashrateExpectedGhs: 141_000,
      powerW: 3011.4,
      powerSource: 'estimated',
      uptimeS: 7300,
      acceptedShares: 40,
      poolUrl: 'stratum+tcp://a.example:3333',
      temperatureMaxC: 72,
      fans: [{ rpm: 5900 }, { rpm: 5910 }, { rpm: 6000 }, { rpm: 6010 }],
      identity: { vendor: 'Bitmain', model: 'Antminer S19 XP', firmware: 'MaraFW', firmwareVersion: '2.1.0' },
      repairs: [],
    });
    expect(read(web.marathonPages).boards[1]).toMatchObject({
      index: 1,
      hashrateGhs: 46_001,
      nominalGhs: 47_000,
      chipsOk: 108,
      chipsTotal: 110,
      voltageMv: 13_100,
      serial: 'MARA1',
    });
  });

  it('of another build writes GH/s, which is told as a repair', () => {
    const brief = { ...web.marathonPages['/kaonsu/v1/brief'], hashrate_realtime: 138_400 };
    expect(read({ ...web.marathonPages, '/kaonsu/v1/brief': brief })).toMatchObject({
      hashrateGhs: 138_400,
      repairs: [{ command: '/kaonsu/v1/brief', kind: 'unit_scale', count: 1 }],
    });
    const told = { ...brief, hashrate_unit: 'GH/s' };
    expect(read({ ...web.marathonPages, '/kaonsu/v1/brief': told })).toMatchObject({
      hashrateGhs: 138_400,
      repairs: [],
    });
  });

  it('says that it sleeps', () => {
    const brief = { ...web.marathonPages['/kaonsu/v1/brief'], hashrate_realtime: 0, status: 'Sleep' };
    expect(read({ ...web.marathonPages, '/kaonsu/v1/brief': brief }).state).toBe('sleeping');
  });

  it('is read where a capture names pages alone, wraps them, or has details', () => {
    const pages = {
      brief: { data: web.marathonPages['/kaonsu/v1/brief'] },
      details: {
        chip_data: [{ index: 0, hashrate_avg: 46_000, asic_num: 108, serial_number: 'D0' }],
        hb_temps: [{ temperature_pcb: [55, 56] }],
      },
      fans: web.marathonPages['/kaonsu/v1/fans'],
      pools: web.marathonPages['/kaonsu/v1/pools'],
    };
    expect(read(pages)).toMatchObject({
      family: 'marathon',
      hashrateGhs: 138_400,
      boards: [{ index: 0, hashrateGhs: 46_000, boardTempC: 56, serial: 'D0' }],
      acceptedShares: 40,
    });
  });
});

describe('an IceRiver', () => {
  it('is read from its panel', () => {
    const sample = read(web.iceriverPages);
    expect(sample).toMatchObject({
      family: 'iceriver',
      hashrateGhs: 12_100,
      hashrateExpectedGhs: 12_300,
      uptimeS: 93_784,
      acceptedShares: 900,
      poolUrl: 'stratum+tcp://a.example:5555',
      workerName: 'kaspa:u',
      temperatureMaxC: 58,
      identity: { vendor: 'IceRiver', model: 'KS5L', firmwareVersion: 'release_10306_ks5l_miner' },
    });
    expect(sample.boards.map((board) => [board.index, board.hashrateGhs, board.chipsOk])).toEqual([
      [0, 4000, 18],
      [1, 4000, 18],
      [2, 4000, 18],
    ]);
    expect(sample.fans.map((fan) => fan.rpm)).toEqual([3000, 3100, 0]);
  });

  it.each([
    ['110G', 'G', 110],
    ['110', 'G', 110],
    [1.5, 'TH/s', 1500],
    ['2.05 TH/s', '', 2050],
    ['1.2.3T', 'T', null],
    ['', 'T', null],
  ])('has %s in %s', (rtpow, unit, ghs) => {
    const data = { ...web.iceriverPages['/user/userpanel?post=4'].data, rtpow, unit, avgpow: '', boards: [] };
    expect(read({ userpanel: { data } }).hashrateGhs).toBe(ghs);
  });

  it('is logged into when it says so with status 200', () => {
    const login = familyByName('iceriver')?.web?.login;
    expect(login?.isRefusal?.({ error: 1 })).toBe(true);
    expect(login?.isRefusal?.({ error: 0, data: {} })).toBe(false);
    expect(login?.request({ username: 'a b', password: 'c&d' })).toBe(
      'POST /user/loginpost?post=6&user=a%20b&pwd=c%26d\n',
    );
  });
});

describe('a Fluminer', () => {
  it('is read from its pages, the pool in use by host and port', () => {
    expect(read(web.fluminerPages)).toMatchObject({
      family: 'fluminer',
      hashrateGhs: 115_000.5,
      powerW: 1700,
      uptimeS: 8000,
      acceptedShares: 70,
      poolUrl: 'stratum+tcp://a.example:3333',
      workerName: 'v',
      boards: [{ boardTempC: 56, chipTempC: 64, voltageMv: 12_400 }],
      fans: [{ rpm: 3500 }, { rpm: 3600 }],
      identity: { vendor: 'Fluminer', model: 'T3', serial: 'FLU1', firmwareVersion: '1.2.3' },
    });
  });

  it('has one pool when it shows none without a login', () => {
    const { '/api/summary': summary } = web.fluminerPages;
    expect(read({ '/api/summary': summary }).pools).toMatchObject([
      { url: 'a.example:3333', isActive: true, accepted: 70, status: 'Alive' },
    ]);
  });
});

describe('an Ebang', () => {
  it('is read from its pages', () => {
    const sample = read(web.ebangPages);
    expect(sample).toMatchObject({
      family: 'ebang',
      hashrateGhs: 18_026.5,
      hashrate5sGhs: 18_440,
      frequencyAvgMhz: 785,
      temperatureMaxC: 62,
      uptimeS: 83_197,
      acceptedShares: 2000,
      poolUrl: 'stratum+tcp://a.example:3001',
      workerName: 'two',
      identity: { vendor: 'Ebang', model: 'EBIT_E10', serial: null },
      fans: [{ rpm: 5520 }, { rpm: 5640 }],
    });
    expect(sample.boards.map((board) => [board.index, board.boardTempC, board.chipTempsC])).toEqual([
      [1, null, [60, 55, 55, 51]],
      [2, null, [58, 52, 58, 54]],
      [4, null, [61]],
    ]);
  });

  it('has a rate without the alarms’ page', () => {
    const { '/Cgminer/CgminerStatus': status } = web.ebangPages;
    expect(read({ http_Cgminer_CgminerStatus: status })).toMatchObject({
      hashrateGhs: 18_010,
      uptimeS: 83_197,
    });
  });
});

describe('a MultMiner', () => {
  it('is read from lists without names', () => {
    const sample = read({ 'http_gst.csp': web.multminerPage });
    expect(sample).toMatchObject({
      family: 'multminer',
      hashrateGhs: 15.75,
      powerW: 155,
      uptimeS: 5375,
      acceptedShares: 103,
      rejectedShares: 1,
      poolUrl: 'b.example:8208',
      workerName: 'two',
      temperatureMaxC: 71.5,
    });
    expect(
      sample.boards.map((board) => [board.index, board.hashrateGhs, board.chipsOk, board.chipsTotal]),
    ).toEqual([
      [1, 10.75, 2, 2],
      [2, 5, 1, 2],
    ]);
  });
});

describe('a newer Innosilicon', () => {
  it('is read from its one page', () => {
    expect(read(web.innosiliconAll)).toMatchObject({
      family: 'innosilicon-web',
      hashrateGhs: 43_000,
      powerW: 2950,
      temperatureMaxC: 73,
      hardwareErrors: 6,
      acceptedShares: 5,
      identity: { vendor: 'Innosilicon', mac: '02:aa:00:00:00:27' },
      boards: [{ hashrateGhs: 14_300 }, { hashrateGhs: 14_300 }, { hashrateGhs: 14_300 }],
    });
  });

  it('is asked for it only without the other', () => {
    const family = familyByName('innosilicon-web');
    const summary = decodeReply('/api/summary', Buffer.from('{"success":true,"DEVS":[{"ASC":0}]}'));
    expect(family?.followUp?.(new Map([['/api/summary', summary]]))).toEqual([]);
    expect(family?.followUp?.(new Map())).toEqual(['/api/getAll', '/api/pools']);
  });
});

describe('what these interfaces write', () => {
  it.each([
    ['01:02:03:04', 93_784],
    ['123:6:37', 443_197],
    ['00:29:35', 1775],
    ['29', null],
    ['1:2:3:4:5', null],
    [17, null],
  ])('is the time %s', (text, seconds) => {
    expect(toSeconds(text)).toBe(seconds);
  });

  it('is a temperature also where its sign was read as Latin-1', () => {
    expect(toTemperature('83.0 Â°C ')).toBe(83);
    expect(toTemperature('83.0 °C')).toBe(83);
  });

  it('is a cookie, as far as it is fit for a header', () => {
    expect(cookieToken(['session=abc; Path=/', 'other=1'], /^session=/)).toEqual(['cookie', 'session=abc']);
    expect(cookieToken(['a=b', 'c=d; HttpOnly'])).toEqual(['cookie', 'a=b; c=d']);
    expect(cookieToken(['a=b\nc', 'nothing'])).toBeNull();
  });
});
