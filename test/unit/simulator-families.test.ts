import { describe, expect, it } from 'vitest';
import { dialects } from '../../load-test/simulator/dialects.js';
import { modelNames, models, type ModelName } from '../../load-test/simulator/models.js';
import { decodeReply } from '../../src/miner/decode-reply.js';
import { ask, build, epochMs, poll } from '../support/simulated-miner.js';

interface Expected {
  readonly family: string;
  readonly vendor: string | null;
  readonly model: string | null;
  readonly firmware: string | null;
  /** Told by the machine; null where it tells none. */
  readonly power: 'measured' | 'reported' | 'estimated' | null;
  readonly repairs?: readonly string[];
  /** What it does not tell. */
  readonly untold?: readonly ('nominal' | 'fans' | 'chips' | 'boardRates')[];
  /** It cannot be put to sleep, or says nothing of it. */
  readonly isSleepless?: true;
}

const bitmain = (
  model: string,
  firmware: string,
  power: Expected['power'] = null,
  more: Partial<Expected> = {},
): Expected => ({ family: 'antminer', vendor: 'Bitmain', model, firmware, power, ...more });
const generic = (
  vendor: string,
  model: string | null,
  firmware: string,
  more: Partial<Expected> = {},
): Expected => ({
  family: 'generic',
  vendor,
  model,
  firmware,
  power: null,
  untold: ['nominal', 'chips'],
  ...more,
});
const whatsminer = (model: string): Expected => ({
  family: 'whatsminer',
  vendor: 'MicroBT',
  model,
  firmware: 'btminer',
  power: 'reported',
});
const avalon = (model: string, power: Expected['power'], more: Partial<Expected> = {}): Expected => ({
  family: 'avalon',
  vendor: 'Canaan',
  model: `${/^\d/.test(model) ? 'AvalonMiner' : 'Avalon'} ${model}`,
  firmware: 'cgminer',
  power,
  ...more,
});
const comma = ['missing_comma'];

const expected: Readonly<Record<ModelName, Expected>> = {
  'antminer-s7': bitmain('Antminer S7', 'stock', null, { repairs: comma, untold: ['nominal', 'boardRates'] }),
  'antminer-s9': bitmain('Antminer S9', 'stock', null, { repairs: comma }),
  'antminer-l3': bitmain('Antminer L3+', 'stock', null, { repairs: [...comma, 'unit_scale'] }),
  'antminer-t15': bitmain('Antminer T15', 'stock'),
  'antminer-s15': bitmain('Antminer S15', 'stock'),
  'antminer-s17pro': bitmain('Antminer S17 Pro', 'stock'),
  'antminer-s19': bitmain('Antminer S19', 'stock'),
  'antminer-s19xp': bitmain('Antminer S19 XP', 'stock'),
  'antminer-s19hyd': bitmain('Antminer S19 Pro+ Hyd.', 'stock'),
  'antminer-s21': bitmain('Antminer S21', 'stock'),
  'antminer-s21pro': bitmain('Antminer S21 Pro', 'stock', 'reported'),
  'antminer-s21hyd': bitmain('Antminer S21 Hyd.', 'stock', 'reported'),
  'hiveon-s9': { ...bitmain('Antminer S9', 'Hiveon', 'reported', { repairs: comma }), family: 'hiveon' },
  'asicseer-s9': { ...bitmain('Antminer S9', 'asicseer'), family: 'asicseer' },
  'rwglr-s9': { ...bitmain('Antminer S9', 'rwglr', 'estimated', { repairs: comma }), family: 'mskminer' },
  'mskminer-s19': { ...bitmain('S19-95', 'MSKMiner', 'reported'), family: 'mskminer' },
  'fdminer-s19xp': {
    ...bitmain('Antminer S19 XP', 'FDMiner', 'reported', { repairs: ['unit_scale'] }),
    family: 'fdminer',
  },
  'vnish-s19j': { ...bitmain('Antminer S19j Pro', 'VNish', 'estimated'), family: 'vnish' },
  'braiins-2019-s9': { ...bitmain('Antminer S9', 'Braiins OS'), family: 'braiins-bmminer' },
  'braiins-s9': { ...bitmain('Antminer S9', 'Braiins OS', 'estimated'), family: 'braiins' },
  'braiins-s19j': { ...bitmain('Antminer S19J Pro', 'Braiins OS', 'estimated'), family: 'braiins' },
  'luxos-s19k': { ...bitmain('Antminer S19k Pro', 'LuxOS', 'estimated'), family: 'luxos' },
  'blackminer-f1': {
    ...bitmain('Blackminer F1', 'stock', null, { repairs: comma, untold: ['nominal'] }),
    vendor: 'HashAltcoin',
  },
  'hammer-d10': {
    ...bitmain('Hammer D10', 'stock', null, {
      repairs: [...comma, 'duplicate_key', 'unit_scale'],
      untold: ['nominal'],
    }),
    vendor: 'Hammer',
  },
  'whatsminer-m20s': whatsminer('M20S_V20'),
  'whatsminer-m30s': whatsminer('M30S+_VE40'),
  'whatsminer-m50s': whatsminer('M50S_VH50'),
  'whatsminer-m60s': whatsminer('M60S_VK30'),
  'avalon-741': avalon('741', null, { isSleepless: true }),
  'avalon-1066': avalon('1066', 'reported'),
  'avalon-1246': avalon('1246', 'measured'),
  'avalon-1566': avalon('15-194', 'measured'),
  'avalon-nano3s': avalon('Nano3s', 'measured'),
  'avalon-q': avalon('Q', 'measured'),
  cgminer: generic('', null, 'cgminer', { untold: ['nominal', 'chips', 'fans'] }),
  'innosilicon-t3': generic('Innosilicon', 'T3', 'innominer', { untold: ['nominal'] }),
  'baikal-x10': generic('Baikal', null, 'sgminer'),
  'strongu-u6': generic('StrongU', 'STU-U6', 'cgminer', { repairs: ['control_char'] }),
  'cheetah-c3012': generic('Cheetah', 'C3012', 'cgminer'),
  'honorknight-hk': generic('HonorKnight', null, 'cgminer', { untold: ['nominal'] }),
  'ibelink-n1max': generic('iBeLink', 'BM-N1Max', 'cgminer'),
  'spondoolies-spx36': generic('Spondoolies', 'SPx36', 'cgminer', {
    power: 'reported',
    untold: ['nominal'],
    isSleepless: true,
  }),
  'sealminer-a2': {
    family: 'sealminer',
    vendor: 'Bitdeer',
    model: 'SealMiner A2',
    firmware: 'bdminer',
    power: 'measured',
  },
  'auradine-at1500': {
    family: 'auradine',
    vendor: 'Auradine',
    model: 'AT1500',
    firmware: 'FluxOS',
    power: 'measured',
    untold: ['nominal'],
  },
  'elphapex-dg1': {
    family: 'elphapex',
    vendor: 'Elphapex',
    model: 'DG1+',
    firmware: 'stock',
    power: null,
    isSleepless: true,
  },
};

const near = (a: number | null, b: number, share = 0.02): boolean =>
  a !== null && Math.abs(a - b) <= share * b;

describe('a simulated machine of every family', () => {
  it.each(modelNames)('%s is known for what it is', (name) => {
    const { family, vendor, model, firmware } = expected[name];
    const sample = poll(build(name));
    const identity = { vendor: sample.identity.vendor ?? '', model: sample.identity.model };
    expect({ family: sample.family, ...identity, firmware: sample.identity.firmware }).toEqual({
      family,
      vendor,
      model,
      firmware,
    });
    expect(sample.identity.firmwareVersion).not.toBeNull();
  });

  it.each(modelNames)('%s is read back with its numbers', (name) => {
    const miner = build(name);
    const sample = poll(miner);
    const truth = miner.reading(epochMs);
    const { untold = [], power, repairs = [] } = expected[name];
    const boards = sample.boards.map((board) => board.hashrateGhs);
    expect(sample.state).toBe('mining');
    expect(sample.health).toBe('healthy');
    expect(sample.errorMessage).toBeNull();
    expect(sample.repairs.map((repair) => repair.kind).sort()).toEqual([...repairs].sort());
    expect(near(sample.hashrateGhs, truth.ghs), `${sample.hashrateGhs} for ${truth.ghs}`).toBe(true);
    expect(sample.boards).toHaveLength(truth.boards.length);
    if (untold.includes('boardRates')) expect(boards.every((ghs) => ghs === null)).toBe(true);
    else
      expect(
        boards.every((ghs, at) => near(ghs, truth.boards[at]?.ghs ?? 0)),
        String(boards),
      ).toBe(true);
    if (untold.includes('nominal')) expect(sample.hashrateExpectedGhs).toBeNull();
    else
      expect(near(sample.hashrateExpectedGhs, truth.nominalGhs, 0.001), `${sample.hashrateExpectedGhs}`).toBe(
        true,
      );
    const temperatures = truth.boards.flatMap((board) => [board.chipC, board.pcbC]);
    expect(Math.min(...temperatures)).toBeLessThanOrEqual(sample.temperatureMaxC ?? 0);
    expect(Math.max(...temperatures)).toBeGreaterThanOrEqual((sample.temperatureMaxC ?? 0) - 0.2);
    // A Whatsminer's supply has a fan of its own.
    const fansRpm = [...truth.fansRpm, ...(name.startsWith('whatsminer') ? [6480] : [])];
    expect(sample.fans.map((fan) => fan.rpm).sort()).toEqual(untold.includes('fans') ? [] : fansRpm.sort());
    expect(sample.uptimeS).toBe(truth.elapsedS);
    const chips = sample.boards.map((board) => board.chipsOk ?? board.chipsTotal);
    if (!untold.includes('chips')) expect(new Set(chips)).toEqual(new Set([miner.model.chipsPerBoard]));
    expect(sample.powerSource).toBe(power);
    if (power !== null)
      expect(near(sample.powerW, truth.powerW, name === 'avalon-1066' ? 0.07 : 0.005)).toBe(true);
  });

  it.each(modelNames)('%s tells its pools, the active one and its shares', (name) => {
    const miner = build(name);
    const sample = poll(miner);
    const pools = sample.pools.filter((pool) => !pool.isDevFee);
    expect(pools.map((pool) => pool.url)).toEqual(miner.listPools(0).map((pool) => pool.url));
    expect(sample.pools.length - pools.length).toBe(name === 'vnish-s19j' ? 1 : 0);
    expect(sample.poolUrl).toBe('stratum+tcp://btc.pool-one.example:3333');
    expect(sample.workerName).toBe('farm.1x7');
    expect(sample.acceptedShares).toBe(miner.accepted(epochMs));
  });

  it.each(modelNames.filter((name) => expected[name].isSleepless !== true))(
    '%s sleeps and is read as sleeping',
    (name) => {
      const sample = poll(build(name, 'sleeping'));
      expect(sample.state).toBe('sleeping');
      expect(sample.hashrateGhs ?? 0).toBe(0);
      expect(sample.family).toBe(expected[name].family);
    },
  );

  it.each(modelNames)('%s starts and is read as starting', (name) => {
    expect(poll(build(name, 'starting')).state).toBe('starting');
  });

  it.each(modelNames)('%s that has lost a board says so, or hashes that much less', (name) => {
    const miner = build(name, 'board_lost');
    const sample = poll(miner);
    if (models[name].boards === 1) return expect(sample.state).toBe('no_boards');
    expect(sample.state).toBe('mining');
    expect(near(sample.hashrateGhs, miner.reading(epochMs).ghs)).toBe(true);
    expect(sample.hashrateGhs).toBeLessThan(models[name].nominalGhs * 0.85);
  });

  it.each(modelNames)('%s answers text as it answers JSON', (name) => {
    const miner = build(name);
    const json = decodeReply('summary', Buffer.from(`${ask(miner, { command: 'summary' })}\0`, 'latin1'));
    const text = decodeReply('summary', Buffer.from(`${ask(miner, 'summary')}\0`, 'latin1'));
    expect([json.kind, text.kind]).toEqual(['ok', 'ok']);
  });

  it.each(modelNames)('%s joins commands, or refuses all of them at once', (name) => {
    const miner = build(name);
    const reply = JSON.parse((ask(miner, { command: 'summary+pools' }) ?? '').replaceAll('\n', '')) as Record<
      string,
      unknown
    >;
    const isJoining = dialects[models[name].dialect].isJoining;
    expect(Object.keys(reply)).toEqual(isJoining ? ['summary', 'pools', 'id'] : ['STATUS', 'id']);
    if (!isJoining) expect(reply['STATUS']).toMatchObject([{ STATUS: 'E', Code: 14 }]);
  });

  it.each(modelNames)('%s hashes near its nominal rate, drifts, and its boards add up', (name) => {
    const miner = build(name);
    const seen = new Set<number>();
    for (let minute = 0; minute < 60; minute++) {
      const reading = miner.reading(epochMs + minute * 60_000);
      seen.add(reading.ghs5s);
      expect(Math.abs(reading.ghs5s / miner.model.nominalGhs - 1)).toBeLessThan(0.08);
      expect(reading.boards.reduce((sum, board) => sum + board.ghs5s, 0)).toBeCloseTo(reading.ghs5s, 5);
    }
    expect(seen.size).toBeGreaterThan(30);
  });
});
