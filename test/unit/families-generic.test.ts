import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { defaultHealthThresholds } from '../../src/domain/health.js';
import { minerStates, type MinerSample } from '../../src/domain/telemetry.js';
import { readMiner, unreachableSample } from '../../src/miner/read-miner.js';
import { families, familyByName, identifyFamily } from '../../src/miner/registry.js';
import type { Reply } from '../../src/miner/reply.js';
import { answer, contextOf, readAll, repliesOf } from '../fixtures/miner-replies.js';

const pool = (index: number, change: Record<string, unknown> = {}) => ({
  POOL: index,
  URL: `stratum+tcp://p${index}.example:3333`,
  User: `w${index}`,
  Status: 'Alive',
  Priority: index,
  Accepted: 10,
  Rejected: 1,
  ...change,
});
const activeOf = (...pools: object[]) => {
  const found = readAll({ pools: answer('POOLS', pools) }).pools.filter((it) => it.isActive);
  return found.map((it) => it.index);
};

describe('priorities with flags in their upper bytes', () => {
  it('are those of their lower ones', () => {
    const all = { 'Stratum Active': true };
    expect(
      activeOf(
        pool(0, { ...all, Priority: 0x01000000 }),
        pool(1, { ...all, Priority: 0x01010001 }),
        pool(2, all),
      ),
    ).toEqual([0]);
  });
});

describe('a miner of no known family', () => {
  const devs = [0, 1].map((n) => ({
    ASC: n,
    ID: n,
    'MHS 5s': 2000000,
    'MHS av': 1900000,
    Temperature: 65 + n,
    Frequency: 320,
    'Hardware Errors': 3,
  }));

  it('is read from summary, devs and pools', () => {
    const summary = answer(
      'SUMMARY',
      {
        Elapsed: 9000,
        'MHS 5s': 4000000,
        'MHS av': 3900000,
        Accepted: ' 12.0000',
        Rejected: 0,
        Fan1: 3300,
        Fan2: 3300,
        'Fan Num': 2,
      },
      'sgminer 5.6.6',
    );
    const sample = readAll({
      summary,
      devs: answer('DEVS', devs, 'sgminer 5.6.6'),
      pools: answer('POOLS', [pool(0)]),
    });
    expect(sample).toMatchObject({
      family: 'generic',
      state: 'mining',
      health: 'healthy',
      hashrateGhs: 4000,
      acceptedShares: 12,
      hardwareErrors: 6,
      uptimeS: 9000,
      temperatureMaxC: 66,
      boardsTotal: 2,
      workerName: 'w0',
    });
    expect(sample.identity).toMatchObject({ firmware: 'sgminer', firmwareVersion: '5.6.6' });
    expect(sample.fans.map((fan) => fan.rpm)).toEqual([3300, 3300]);
  });

  it('is read from its text form', () => {
    const sample = readAll({
      summary:
        'STATUS=S,When=1,Code=11,Msg=Summary,Description=cgminer 4.10.0|SUMMARY,Elapsed=100,MHS av=500.00,MHS 5s=510.00,Accepted=3|',
    });
    expect(sample).toMatchObject({
      family: 'generic',
      state: 'mining',
      hashrateGhs: 0.51,
      acceptedShares: 3,
    });
  });

  it('has its devices summed up where no total is told, also under an empty key', () => {
    expect(readAll({ devs: answer('DEVS', devs) }).hashrateGhs).toBe(4000);
    expect(readAll({ devs: { STATUS: [{ STATUS: 'S' }], DEVS: { '': devs[0] } } }).hashrateGhs).toBe(2000);
  });

  it('has device rates in GH/s under MHS brought to the total', () => {
    const lying = devs.map((it) => ({ ...it, 'MHS 5s': 2000 }));
    const sample = readAll({
      summary: answer('SUMMARY', { Elapsed: 9000, 'GHS 5s': 4000 }),
      devs: answer('DEVS', lying),
    });
    expect(sample.boards.map((board) => board.hashrateGhs)).toEqual([2000, 2000]);
    expect(sample.repairs.map((repair) => repair.kind)).toEqual(['unit_scale']);
  });
});

describe('the active pool', () => {
  it('is the connected one', () => {
    expect(activeOf(pool(0, { 'Stratum Active': false }), pool(1, { 'Stratum Active': true }))).toEqual([1]);
  });
  it('is the first by priority where all say they are connected', () => {
    const connected = { 'Stratum Active': true };
    expect(activeOf(pool(0, { ...connected, Priority: 2 }), pool(1, { ...connected, Priority: 1 }))).toEqual([
      1,
    ]);
  });
  it('is the alive one with the latest share where connection is not told', () => {
    expect(
      activeOf(pool(0, { 'Last Share Time': '1:00:00' }), pool(1, { 'Last Share Time': '0:00:05' })),
    ).toEqual([1]);
    expect(activeOf(pool(0, { 'Last Share Time': 1700000000 }), pool(1, { 'Last Share Time': 0 }))).toEqual([
      0,
    ]);
    expect(
      activeOf(
        pool(0, { Status: 'Dead', 'Last Share Time': '0:00:01' }),
        pool(1, { 'Last Share Time': '0' }),
      ),
    ).toEqual([1]);
  });
  it('is none when all are dead', () => {
    expect(activeOf(pool(0, { Status: 'Dead' }), pool(1, { Status: 'Deed' }))).toEqual([]);
  });
  it.each([
    ['by name', { URL: 'DevFee', User: 'DevFee', Priority: 3 }],
    ['by worker', { User: 'devFeeMiner.9', Priority: 3 }],
    ['by priority', { Priority: 9998 }],
    ['by type', { Type: 1 }],
  ])('is never the author’s, known %s, unless alone', (_, change) => {
    const fee = pool(1, { ...change, 'Stratum Active': true });
    expect(activeOf(pool(0, { 'Stratum Active': true }), fee)).toEqual([0]);
    expect(activeOf(pool(0, { 'Stratum Active': false, Status: 'Dead' }), fee)).toEqual([]);
    expect(activeOf(fee)).toEqual([1]);
  });
  it('is not sought among unset slots, and shares of authors are not the owner’s', () => {
    const pools = [pool(0), pool(1, { URL: '', Status: 'Deed' }), pool(2, { URL: 'DevFee' })];
    const sample = readAll({ pools: answer('POOLS', pools) });
    expect(sample.pools.map((it) => [it.index, it.isDevFee])).toEqual([
      [0, false],
      [2, true],
    ]);
    expect([sample.acceptedShares, sample.rejectedShares]).toEqual([10, 1]);
  });
});

describe('reading a miner', () => {
  const summary = answer('SUMMARY', { Elapsed: 9000, 'GHS 5s': 4000, 'GHS av': 4000, Accepted: 5 });
  const family = identifyFamily(repliesOf({ summary }));

  it('keeps what was read when another reply is bad', () => {
    const sample = readMiner(
      family,
      repliesOf({ summary, pools: '<html><body>error</body></html>', devs: '' }),
      contextOf(),
    );
    expect(sample).toMatchObject({ state: 'mining', hashrateGhs: 4000 });
    expect(sample.errorMessage).toContain('pools: not_json (html)');
  });

  it('is denied when every reply is a refusal, also beside a version', () => {
    const refusal = { STATUS: [{ STATUS: 'E', Code: 45, Msg: "Access denied to 'summary' command" }] };
    const closed: Reply = { kind: 'denied', command: 'pools', message: 'closed without an answer', bytes: 0 };
    const all = new Map([...repliesOf({ summary: refusal, devs: refusal }), ['pools', closed]]);
    expect(readMiner(family, all, contextOf())).toMatchObject({
      state: 'denied',
      health: 'unknown',
      family: 'generic',
    });
    const version = repliesOf({ version: answer('VERSION', { CGMiner: '4.9.0' }) });
    expect(readMiner(family, new Map([...all, ...version]), contextOf()).state).toBe('denied');
  });

  it('is a parse error when nothing can be read, and keeps the identity learned before', () => {
    const identity = {
      vendor: 'V',
      model: 'M',
      firmware: null,
      firmwareVersion: null,
      mac: null,
      serial: null,
    };
    const sample = readMiner(
      family,
      repliesOf({ summary: 'Socket connect failed', pools: '<html>' }),
      contextOf(identity),
    );
    expect(sample).toMatchObject({ state: 'parse_error', health: 'unknown', hashrateGhs: null, identity });
    expect(sample.errorMessage).toContain('summary: not_json');
    expect(readMiner(family, new Map(), contextOf())).toMatchObject({
      state: 'parse_error',
      errorMessage: 'no reply',
    });
  });

  it('never calls a cut reply healthy', () => {
    const cut = JSON.stringify(summary).slice(0, -8);
    const sample = readMiner(family, repliesOf({ summary: cut }), contextOf());
    expect(sample).toMatchObject({ truncated: ['summary'], hashrateGhs: 4000, health: 'warning' });
  });

  it('survives a family that throws', () => {
    const broken = {
      ...family,
      read: () => {
        throw new Error('boom');
      },
    };
    expect(readMiner(broken, repliesOf({ summary }), contextOf())).toMatchObject({
      state: 'parse_error',
      errorMessage: 'generic: boom',
    });
  });

  it('tells why a miner was not reached', () => {
    expect(unreachableSample('connect_timeout', 'after 2000 ms')).toMatchObject({
      state: 'unreachable',
      health: 'offline',
      errorMessage: 'connect_timeout: after 2000 ms',
    });
  });

  it('remembers an identity that this poll does not tell', () => {
    const identity = {
      vendor: 'Bitmain',
      model: 'Antminer S19',
      firmware: 'stock',
      firmwareVersion: 'x',
      mac: null,
      serial: null,
    };
    const antminer = familyByName('antminer');
    expect(
      antminer === null ? null : readMiner(antminer, repliesOf({ summary }), contextOf(identity)).identity,
    ).toEqual(identity);
  });
});

describe('the registry', () => {
  it('ends in a family that takes everything', () => {
    expect(identifyFamily(new Map()).name).toBe('generic');
    const names = families.map((it) => it.name);
    expect(names.at(-1)).toBe('generic');
    expect(new Set(names).size).toBe(names.length);
    for (const family of families) expect(familyByName(family.name)).toBe(family);
    expect(familyByName('gone')).toBeNull();
  });

  it.each([
    ['antminer', { version: answer('VERSION', { Type: 'Antminer S9', BMMiner: '2.0.0' }) }],
    ['braiins', { version: answer('VERSION', { Type: 'Antminer S9' }, 'BOSminer+ 0.2.0') }],
    [
      'whatsminer',
      { version: { STATUS: 'E', Code: 14, Msg: 'invalid cmd', Description: 'whatsminer v1.4' } },
    ],
    ['whatsminer', { summary: answer('SUMMARY', { 'Fan Speed In': 4000 }, 'cgminer 4.9.2') }],
    ['avalon', { version: answer('VERSION', { PROD: 'Avalon Nano3s' }) }],
    ['antminer', { stats: answer('STATS', [{ Type: 'Antminer S9' }, { chain_acn1: 63 }]) }],
    ['generic', { summary: answer('SUMMARY', { 'MHS av': 1 }, 'cgminer 4.9.2') }],
  ])('knows %s', (name, told: Record<string, object>) => {
    expect(identifyFamily(repliesOf(told)).name).toBe(name);
  });
});

/** Keys firmware uses, so that made-up records reach the code behind them. */
const keys = [
  ...[
    'STATUS',
    'SUMMARY',
    'STATS',
    'POOLS',
    'DEVS',
    'VERSION',
    'Msg',
    'Type',
    'ID',
    'Elapsed',
    'Accepted',
    'chain',
    'fan',
  ],
  ...[
    'GHS 5s',
    'GHS av',
    'MHS av',
    'MHS 5s',
    'MHS 15m',
    'HS RT',
    'Factory GHS',
    'total_rateideal',
    'rate_unit',
    'Power',
  ],
  ...[
    'chain_rate1',
    'chain_acn1',
    'chain_acs1',
    'temp_chip1',
    'temp1',
    'fan1',
    'fan_num',
    'freq1',
    'chain_hw1',
    'chain_power',
  ],
  ...[
    'Temperature',
    'Chip Temp Max',
    'Fan Speed In',
    'Upfreq Complete',
    'Slot',
    'MM ID0',
    'URL',
    'User',
    'Priority',
  ],
  ...['Last Share Time', 'Stratum Active', 'Error Code 0', 'error_code', '__proto__', 'constructor', ''],
  ...[
    'json-stats',
    'CH1',
    'MHS 30S',
    'Num chips',
    'Temp max',
    'volt',
    'Fan In',
    'Algorithm',
    'Name',
    'Enabled',
  ],
  ...['0 MHS(Sample)', '0 Chip Count', '0 Temp 0', 'Fan Count', '0 Speed', 'PM State', 'PSU Input Power'],
  ...['Temperature', 'ChipTemp', 'Fan', 'Speed', 'PSU', 'PowerIn', 'Mode', 'Sleep', 'IPReport', 'HBSerialNo'],
  ...[
    'code',
    'msg',
    'summary',
    'edevs',
    'pools',
    'miner',
    'hash-realtime',
    'factory-hash',
    'board-temperature',
  ],
];
const leaf = fc.oneof(
  fc.double(),
  fc.integer(),
  fc.boolean(),
  fc.constant(null),
  fc.string(),
  fc.constantFrom(
    'nan',
    '-1',
    '1e999',
    '62-65--3',
    'TH',
    'Antminer S9',
    ' oo x-',
    'GHSmm[1] PS[0 1] MGHS[1 2] PVT_T0[-1 2]',
    'Alive',
    '{"top-board":{"power":5,"reported-hashrate":-1,"max-temp":1e9},"fan-speeds":[1,"x",null]}',
    'equihash',
    '-5',
  ),
);
const { json } = fc.letrec<{ json: unknown }>((tie) => ({
  json: fc.oneof(
    { maxDepth: 3 },
    leaf,
    fc.array(tie('json'), { maxLength: 3 }),
    fc.dictionary(fc.oneof(fc.constantFrom(...keys), fc.string()), tie('json'), { maxKeys: 5 }),
  ),
}));
const record = fc.dictionary(fc.constantFrom(...keys), json, { maxKeys: 15 });
const commands = [
  'version',
  'summary',
  'stats',
  'pools',
  'devs',
  'edevs',
  'status',
  'get_error_code',
  'devdetails',
  'fans',
  'temps',
  'temperature',
  'psu',
  'mode',
  'get.miner.status:summary',
  'get.device.info',
];
const replies = fc
  .dictionary(
    fc.constantFrom(...commands),
    fc.tuple(record, fc.array(record, { maxLength: 3 }), fc.boolean()),
    { minKeys: 1 },
  )
  .map((told) => {
    const made = Object.entries(told).map(([command, [root, list, isCut]]): [string, Reply] => {
      const section =
        { summary: 'SUMMARY', stats: 'STATS', pools: 'POOLS', devs: 'DEVS', edevs: 'DEVS' }[command] ??
        command.toUpperCase();
      const value = JSON.parse(JSON.stringify({ ...root, [section]: list })) as Record<string, never>;
      return [command, { kind: 'ok', command, value, repairs: [], isTruncated: isCut, bytes: 1 }];
    });
    return new Map(made);
  });

function unsound(value: unknown, path = ''): string | null {
  if (typeof value === 'number') {
    const mayBeNegative = /[tT]emp/.test(path);
    return Number.isFinite(value) && (value >= 0 || mayBeNegative) ? null : `${path}: ${value}`;
  }
  if (typeof value !== 'object' || value === null) return null;
  for (const [key, inner] of Object.entries(value)) {
    const found = unsound(inner, `${path}.${key}`);
    if (found !== null) return found;
  }
  return null;
}

describe('every family, whatever it is told,', () => {
  it.each(families.map((family) => [family.name, family] as const))(
    '%s is pure, never throws, and makes no unsound number',
    (_, family) => {
      const context = { identity: null, thresholds: defaultHealthThresholds };
      fc.assert(
        fc.property(replies, (told) => {
          const before = JSON.stringify([...told]);
          const sample: MinerSample = family.read(told, context);
          expect(unsound(sample)).toBeNull();
          expect(minerStates).toContain(sample.state);
          expect(sample.pools.filter((it) => it.isActive).length).toBeLessThanOrEqual(1);
          if (sample.truncated.length > 0) expect(sample.health).not.toBe('healthy');
          expect(JSON.stringify([...told])).toBe(before);
          expect(JSON.stringify(family.read(told, context))).toBe(JSON.stringify(sample));
        }),
        { numRuns: 120 },
      );
    },
  );

  it('says whether the replies are its own', () => {
    fc.assert(
      fc.property(replies, (told) => {
        for (const it of families) {
          expect(typeof it.matches(told)).toBe('boolean');
          for (const command of it.followUp?.(told) ?? []) expect(command).not.toBe('');
        }
      }),
      { numRuns: 150 },
    );
  });
});
