import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { defaultHealthThresholds } from '../../src/domain/health.js';
import type { MinerSample } from '../../src/domain/telemetry.js';
import { decodeReply } from '../../src/miner/decode-reply.js';
import { readMiner } from '../../src/miner/read-miner.js';
import { webFamilies } from '../../src/miner/http/families.js';
import { identifyFamily } from '../../src/miner/registry.js';
import type { Reply } from '../../src/miner/reply.js';
import * as web from '../fixtures/web-replies.js';

const context = { identity: null, thresholds: defaultHealthThresholds };
const decoded = (replies: Readonly<Record<string, unknown>>): Map<string, Reply> =>
  new Map(
    Object.entries(replies).map(([command, value]) => [
      command,
      decodeReply(command, Buffer.from(typeof value === 'string' ? value : JSON.stringify(value))),
    ]),
  );

function read(replies: Readonly<Record<string, unknown>>): MinerSample {
  const map = decoded(replies);
  return readMiner(identifyFamily(map), map, context);
}

const whole = web.wholeMachines;

describe('a web family', () => {
  it.each(Object.entries(whole))('%s is known by its replies and by no other family’s', (name, replies) => {
    const map = decoded(replies);
    expect(webFamilies.filter((family) => family.matches(map)).map((family) => family.name)).toEqual([name]);
    const sample = read(replies);
    expect(sample).toMatchObject({ family: name, state: 'mining', errorMessage: null, repairs: [] });
    expect(sample.identity.firmware).not.toBeNull();
    expect(sample.identity.mac ?? '').toMatch(
      /^(?:braiins-graphql|multminer)$/.test(name) ? /^$/ : /^02:aa:00:00:00:2[\da]$/,
    );
  });

  it.each(Object.entries(whole))('%s is read the same from files named after its paths', (name, replies) => {
    const files = Object.entries(replies).map(([command, value]) => [
      command.startsWith('/')
        ? `http_${(command.split('?')[0] ?? '').slice(1).replaceAll('/', '_')}`
        : command,
      value,
    ]);
    expect(read(Object.fromEntries(files) as Record<string, unknown>)).toEqual(read(replies));
    expect(name).toBeDefined();
  });

  it.each(Object.entries(whole))(
    '%s never calls half of a reply healthy, nor what is missing 0',
    (_, replies) => {
      const bytes = Object.entries(replies).map(
        ([command, value]) => [command, JSON.stringify(value)] as const,
      );
      fc.assert(
        fc.property(fc.nat(bytes.length - 1), fc.double({ min: 0, max: 0.999, noNaN: true }), (at, share) => {
          const map = new Map(
            bytes.map(([command, text], index) => {
              const kept = index === at ? text.slice(0, 1 + Math.floor((text.length - 1) * share)) : text;
              return [command, decodeReply(command, Buffer.from(kept))];
            }),
          );
          const sample = readMiner(identifyFamily(map), map, context);
          expect(sample.health).not.toBe('healthy');
          expect(sample.errorMessage).not.toBeNull();
          for (const value of [sample.hashrateGhs, sample.acceptedShares, sample.powerW])
            expect(value).not.toBe(0);
        }),
        { numRuns: 60 },
      );
    },
  );
});

describe('Antminer pages', () => {
  it('tell boards, fans, pools and who the machine is', () => {
    expect(read(web.antminerPages)).toMatchObject({
      hashrateGhs: 198_100,
      hashrateExpectedGhs: 200_000,
      uptimeS: 90_000,
      acceptedShares: 500,
      hardwareErrors: 6,
      temperatureMaxC: 73,
      boardsTotal: 3,
      poolUrl: 'stratum+tcp://a.example:3333',
      identity: { vendor: 'Bitmain', model: 'Antminer S21', mac: '02:aa:00:00:00:21', serial: 'SN21' },
      fans: [{ rpm: 6000 }, { rpm: 6010 }, { rpm: 6020 }, { rpm: 6030 }],
    });
  });

  it('of old firmware are read from the one page it has', () => {
    const sample = read({ '/cgi-bin/get_miner_status.cgi': web.oldAntminerStatus });
    expect(sample).toMatchObject({
      family: 'antminer-web',
      hashrateGhs: 13_500.11,
      acceptedShares: 900,
      uptimeS: 7000,
      poolUrl: 'stratum+tcp://old.example:3333',
    });
    expect(sample.boards.map((board) => [board.index, board.hashrateGhs, board.chipTempC])).toEqual([
      [6, 4500, 75],
      [7, 4500, 75],
      [8, 4500, 75],
    ]);
    expect(sample.fans.map((fan) => fan.rpm)).toEqual([5000, 5100]);
  });

  it('are read when `freq` has lost its closing quote and holds all the rest', () => {
    const run =
      '560,fan_num=2,fan1=4730,fan2=4720,temp1=72,temp2=63,chain_acn1=6,chain_acn2=6,chain_acs1= oooooo,chain_acs2= oooxoo,chain_rate1=4.0,chain_rate2=3.1';
    const sample = read({
      '/cgi-bin/get_miner_status.cgi': {
        summary: { elapsed: '2011', ghs5s: '7.1', ghsav: '6.6', accepted: ' 8.0000', rejected: '1', hw: '3' },
        pools: [],
        devs: [{ index: '1', chain_acn: '6', freq: run }],
      },
    });
    expect(sample).toMatchObject({ hashrateGhs: 7.1, acceptedShares: 8 });
    expect(sample.fans.map((fan) => fan.rpm)).toEqual([4730, 4720]);
    expect(sample.boards.map((board) => [board.boardTempC, board.chipsOk, board.chipsTotal])).toEqual([
      [72, 6, 6],
      [63, 5, 6],
    ]);
  });

  it('of a VolcMiner name it by its host, and count MH/s', () => {
    const sample = read({
      '/cgi-bin/get_miner_status.cgi': {
        summary: { elapsed: '4200', ghs5s: '18,500.5', ghsav: '18,400.0' },
        pools: [],
        devs: [{ index: '1', chain_acn: '120', freq: '2000', temp: [55, 57] }],
        ...{ fan1: '1,200', fan2: '1300', fan3: '0' },
      },
      '/cgi-bin/get_system_info.cgi': { hostname: 'VolcMiner D1', macaddr: '02:00:00:00:00:d1' },
    });
    expect(sample).toMatchObject({
      identity: { vendor: 'VolcMiner', model: 'VolcMiner D1', mac: '02:00:00:00:00:d1' },
      hashrateGhs: 18.5005,
      fans: [{ rpm: 1200 }, { rpm: 1300 }],
    });
  });

  it('give way to the API where that tells of the boards', () => {
    const api = {
      summary: { STATUS: [{ STATUS: 'S' }], SUMMARY: [{ Elapsed: 90_000, 'GHS 5s': 198_200 }] },
      stats: {
        STATUS: [{ STATUS: 'S' }],
        STATS: [{ Type: 'Antminer S21' }, { Elapsed: 90_000, 'GHS 5s': 198_200, chain_rate1: '66000' }],
      },
    };
    expect(read({ ...api, ...web.antminerPages }).family).toBe('antminer');
    const { summary } = api;
    expect(read({ summary, ...web.antminerPages })).toMatchObject({ family: 'antminer-web', boardsTotal: 3 });
  });

  it('tell the chips of an Elphapex in thousandths of a degree', () => {
    const [stats] = web.antminerPages['/cgi-bin/stats.cgi'].STATS;
    const hot = {
      ...stats,
      rate_unit: 'MH/s',
      chain: [{ ...stats?.chain[0], temp_chip: ['47125', '50500', '', ''] }],
    };
    const sample = read({ '/cgi-bin/stats.cgi': { STATUS: { STATUS: 'S' }, STATS: [hot] } });
    expect(sample.boards[0]?.chipTempsC).toEqual([47.125, 50.5]);
  });
});

describe('VNish', () => {
  const { miner } = web.vnishPages['/api/v1/summary'];
  const withMiner = (more: object) => ({ '/api/v1/summary': { miner: { ...miner, ...more } } });

  it('tells chips, pools and measured power', () => {
    const sample = read(web.vnishPages);
    expect(sample).toMatchObject({
      hashrateGhs: 173_500,
      hashrateExpectedGhs: 196_000,
      nominalSource: 'device',
      powerW: 2600,
      powerSource: 'measured',
      acceptedShares: 70,
      poolUrl: 'a.example:3333',
      identity: { model: 'Antminer S21 Pro', firmware: 'VNish', firmwareVersion: '1.2.7', serial: null },
    });
    expect(sample.boards[0]).toMatchObject({ chipsOk: 64, chipsTotal: 65, voltageMv: 13_000, chipTempC: 65 });
    expect(sample.pools.map((pool) => [pool.isActive, pool.isDevFee])).toEqual([
      [true, false],
      [false, false],
      [false, true],
    ]);
  });

  it('has its headline rate brought from TH/s, or left in GH/s, by its boards', () => {
    const bare = { hr_realtime: undefined, hr_average: undefined };
    expect(read(withMiner(bare)).hashrateGhs).toBe(173_500);
    expect(read(withMiner({ ...bare, instant_hashrate: 173_500 })).hashrateGhs).toBe(173_500);
  });

  it('tells sleep and failure', () => {
    const off = { hr_realtime: 0, hr_average: 0, chains: [] };
    const state = (name: string) => read(withMiner({ ...off, miner_status: { miner_state: name } })).state;
    expect(['stopped', 'paused', 'initializing', 'failure'].map(state)).toEqual([
      'sleeping',
      'sleeping',
      'starting',
      'stopped',
    ]);
  });
});

describe('Braiins OS', () => {
  it('over REST tells volts, clocks, the pool at work and errors', () => {
    const sample = read(web.braiinsRestPages);
    expect(sample).toMatchObject({
      hashrateGhs: 100_500,
      hashrate5sGhs: 101_000,
      hashrateExpectedGhs: 104_000,
      powerW: 3050,
      powerSource: 'estimated',
      uptimeS: 8000,
      poolUrl: 'stratum+tcp://b.example:3333',
      deviceErrors: [{ code: 'F1', text: 'fan 2 is slow' }],
      identity: { vendor: 'Bitmain', model: 'Antminer S19J Pro', firmwareVersion: '25.07', serial: 'SN23' },
    });
    expect(sample.boards[0]).toMatchObject({
      frequencyMhz: 545,
      voltageMv: 13_400,
      chipTempC: 71.5,
      serial: 'BB1',
    });
  });

  it.each([
    [3, 'sleeping'],
    ['MINER_STATUS_SUSPENDED', 'sleeping'],
    [1, 'starting'],
  ])('over REST with status %s is %s', (status, state) => {
    const details = { ...web.braiinsRestPages['/api/v1/miner/details'], status };
    expect(read({ ...web.braiinsRestPages, '/api/v1/miner/details': details }).state).toBe(state);
  });

  it('over GraphQL leaves out sockets without a fan', () => {
    const sample = read(whole['braiins-graphql'] ?? {});
    expect(sample).toMatchObject({
      hashrateGhs: 100_500,
      hashrateExpectedGhs: 103_800,
      powerW: 3000,
      uptimeS: 70_000,
      fans: [{ index: 0, rpm: 4000 }],
      identity: { model: 'Antminer S19j Pro', firmware: 'Braiins OS', firmwareVersion: '25.05.1-plus' },
    });
    expect(sample.boards[0]).toMatchObject({
      boardTempC: 52,
      chipTempC: 68,
      voltageMv: 13_400,
      serial: 'G1',
    });
  });
});

describe('ePIC', () => {
  it('tells a board that is missing and a fan that stands', () => {
    const sample = read(web.epicPages);
    expect(sample).toMatchObject({
      hashrateGhs: 99_000,
      hashrateExpectedGhs: 143_000,
      powerW: 2166.5,
      powerSource: 'reported',
      boardsTotal: 3,
      poolLatencyMs: 38,
      fans: [
        { index: 1, rpm: 5900 },
        { index: 2, rpm: 0 },
        { index: 3, rpm: 5950 },
      ],
      poolUrl: 'stratum+tcp://a.example:3334',
      workerName: 'u.1',
    });
    expect(sample.boards.map((it) => [it.index, it.nominalGhs, it.serial, it.boardTempsC])).toEqual([
      [1, 50_000, 'E1', [55, 67]],
      [2, 50_000, 'E2', [52, 64.3]],
    ]);
  });

  it('idle is asleep', () => {
    const idle = { ...web.epicPages['/summary'], HBs: [], Status: { 'Operating State': 'Idling' } };
    expect(read({ '/summary': idle }).state).toBe('sleeping');
  });
});

describe('Proto', () => {
  it('is read with the unit that stands beside each figure', () => {
    const sample = read(web.protoPages);
    expect(sample).toMatchObject({
      identity: {
        vendor: 'Proto',
        model: 'Proto Rig',
        firmware: 'ProtoOS',
        firmwareVersion: '1.9.0',
        serial: 'CB9',
      },
      hashrateGhs: 70_000,
      hashrateExpectedGhs: 72_000,
      powerW: 1700,
      powerSource: 'measured',
      poolUrl: 'stratum+tcp://b.example:3333',
      fans: [
        { index: 1, rpm: 4300 },
        { index: 2, rpm: 4310 },
      ],
    });
    expect(sample.boards[1]).toMatchObject({
      hashrateGhs: 35_000,
      boardTempC: 56,
      chipsTotal: 120,
      voltageMv: 14_500,
    });
  });

  it('tells that it was stopped, and what is wrong', () => {
    const mining = { 'mining-status': { hashrate_ghs: 0, status: 'Stopped', mining_uptime_s: 9000 } };
    const errors = [{ error_code: 'FanSlow', message: 'fan 2 turns slowly' }];
    const sample = read({ ...web.protoPages, '/api/v1/mining': mining, '/api/v1/errors': errors });
    expect(sample).toMatchObject({
      state: 'sleeping',
      deviceErrors: [{ code: 'FanSlow', text: 'fan 2 turns slowly' }],
    });
  });
});

describe('Bitfury', () => {
  it('is read from one page, its boards by slot', () => {
    const sample = read({ '/api/om/miner/stat/agg': web.bitfuryPage });
    expect(sample).toMatchObject({
      identity: { vendor: 'Bitfury', model: 'B8', firmware: 'OpenMiner', firmwareVersion: '1.3.9' },
      hashrateGhs: 16_100.5,
      powerW: 1800.5,
      poolUrl: 'pool.example:3333',
      acceptedShares: 90,
    });
    expect(sample.boards.map((board) => [board.index, board.hashrateGhs, board.boardTempC])).toEqual([
      [0, 8050, 59],
      [2, 8050, 60],
    ]);
  });

  it('starts, or finds no board', () => {
    const idle = {
      slots: [],
      pwr: { state: 'INITIAL_POWER' },
      master: { intervals: { 30: { bySol: '0.0' } } },
    };
    const stateOf = (more: object) =>
      read({ '/api/om/miner/stat/agg': { ...web.bitfuryPage, ...idle, ...more } }).state;
    expect([stateOf({}), stateOf({ pwr: { state: 'FULL_PWER' } })]).toEqual(['starting', 'no_boards']);
  });
});

describe('Obelisk', () => {
  it('is read whichever names its generation has', () => {
    expect(read(web.obeliskPages)).toMatchObject({
      identity: { vendor: 'Obelisk', model: 'SC1' },
      hashrateGhs: 0.55,
      temperatureMaxC: 82,
      fans: [{ index: 1, rpm: 6000 }],
      poolUrl: 'b.example:3333',
    });
    const slim = {
      hashboardStatus: [{ intakeTemp: 50, exhaustTemp: 61, hashrate5min: 300 }],
      systemInfo: [{ name: 'Fan Speed', value: 99 }],
    };
    expect(read({ '/api/status/dashboard': slim })).toMatchObject({
      hashrateGhs: 0.3,
      temperatureMaxC: 61,
      fans: [],
    });
  });
});

describe('the page Innosilicon and Halong share', () => {
  it('holds what cgminer tells', () => {
    const sample = read(web.innosiliconPages);
    expect(sample).toMatchObject({
      identity: { vendor: 'Innosilicon', model: 'T2', firmwareVersion: '23rd of May 2018' },
      hashrateGhs: 16_000,
      acceptedShares: 300,
      uptimeS: 7000,
      poolUrl: 'stratum+tcp://a.example:3333',
      fans: [],
    });
    expect(sample.boards.map((board) => [board.hashrateGhs, board.boardTempC])).toEqual([
      [8000, 70],
      [8000, 71],
    ]);
    const halong = JSON.parse(
      JSON.stringify(web.innosiliconPages).replaceAll('"T2"', '"DT1"'),
    ) as typeof whole.epic;
    expect(read(halong ?? {}).identity).toMatchObject({ vendor: 'Halong', model: 'DragonMint T1' });
  });
});

describe('Bitaxe', () => {
  const info = (more: object) => read({ '/api/system/info': { ...web.bitaxeInfo, ...more } });

  it('reckons its nominal rate from cores and clock, and names its chip', () => {
    expect(info({})).toMatchObject({
      hashrateGhs: 1080.5,
      hashrateExpectedGhs: 1071,
      powerW: 17.5,
      powerSource: 'measured',
      poolUrl: 'stratum+tcp://b.example:3334',
      workerName: 'v',
      identity: { vendor: 'Bitaxe', model: 'Bitaxe Gamma', firmwareVersion: '2.6.0' },
    });
    expect(info({ expectedHashrate: 1075 }).hashrateExpectedGhs).toBe(1075);
  });

  it('tells overheating, and a NerdQAxe apart', () => {
    expect(info({ overheat_mode: 1, hashRate: 0 }).state).toBe('overheated');
    const nerd = info({ deviceModel: 'NerdQAxe++', fans: [{ rpm: 3000 }, { rpm: 3100 }] });
    expect(nerd.identity).toMatchObject({ vendor: 'NerdAxe', model: 'NerdQAxe++' });
    expect(nerd.fans.map((fan) => fan.rpm)).toEqual([3000, 3100]);
  });
});

describe('Goldshell and Auradine', () => {
  it('tell sensors written as text, and shares of the pool at work', () => {
    const sample = read(web.goldshellPages);
    expect(sample).toMatchObject({
      hashrateGhs: 2600.001,
      acceptedShares: 1200,
      rejectedShares: 1,
      hardwareErrors: 6,
      identity: { vendor: 'Goldshell', model: 'HS5', firmwareVersion: '2.2.0' },
      fans: [
        { index: 0, rpm: 2700 },
        { index: 1, rpm: 2710 },
      ],
    });
    expect(sample.boards[0]?.chipTempsC).toEqual([82, 79.7]);
    expect(sample.pools.map((pool) => pool.accepted)).toEqual([1200, null]);
  });

  it('without devices has no boards', () => {
    const none = { '/mcb/cgminer?cgminercmd=devs': { status: 2, data: [] } };
    const goldshell = webFamilies.find((family) => family.name === 'goldshell');
    expect(goldshell?.read(decoded(none), context).state).toBe('no_boards');
  });

  it('add up what each command tells of a board', () => {
    const sample = read(web.auradinePages);
    expect(sample).toMatchObject({
      hashrateGhs: 160_000,
      hashrateExpectedGhs: 160_000,
      powerW: 3000.5,
      fans: [
        { index: 1, rpm: 7000 },
        { index: 2, rpm: 7100 },
      ],
      identity: { vendor: 'Auradine', model: 'AT1500', serial: 'AU1' },
    });
    expect(sample.boards[0]).toMatchObject({
      index: 1,
      hashrateGhs: 52_000,
      frequencyMhz: 290,
      serial: 'H1',
    });
    const mode = { ...web.auradinePages['/mode'], Mode: [{ Sleep: 'on' }] };
    const idle = {
      ...web.auradinePages['/summary'],
      SUMMARY: [{ Elapsed: 56_000, 'MHS 5s': 0, 'MHS av': 0 }],
    };
    expect(read({ ...web.auradinePages, '/mode': mode, '/summary': idle, '/devs': {} }).state).toBe(
      'sleeping',
    );
  });
});
