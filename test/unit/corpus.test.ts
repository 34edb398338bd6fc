import { existsSync, readFileSync, readdirSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { decodePaths } from '../../src/cli/decode.js';
import type { MinerReport } from '../../src/miner/report.js';

/** Captured replies of real machines, not part of the repository: present or not. */
const corpus = process.env['HEADFRAME_CORPUS'] ?? path.resolve('..', 'shared', 'corpus');

/** What the capture's source made of it; units as the source has them. */
interface Expected {
  readonly hashrateHs?: readonly string[];
  readonly fansRpm?: readonly (readonly number[])[];
  readonly fanUnits?: readonly string[];
  readonly tempsC?: readonly (readonly number[])[];
  readonly boards?: readonly (number | null)[];
  readonly pools?: readonly {
    readonly name: string;
    readonly worker: string | null;
    readonly accepted_rejected_stale: readonly [number, number, number];
  }[];
}
interface Meta {
  readonly files?: readonly { readonly transport: string }[];
  readonly expected?: { readonly normalised?: Expected };
}

type Aspect = 'hashrate' | 'fans' | 'temps' | 'boards' | 'pools';

const inPercent = 'the source gives fan duty in %, we give rpm';
const ofOne = 'shares are told of the machine, not of a pool that is not in use';
const means = 'the source mixes inlet and mean chip temperatures; ours is the hottest sensor';

/** Where ours must differ, with the reason; `docs/quirks.md` has the evidence. */
const exceptions: Readonly<Record<string, Partial<Record<Aspect, string>>>> = {
  'antminer-stock-cgminer4.9.0-20180704-E3': { boards: 'nine chains are told, three to a board' },
  'avalon-cgminer4.10.0-741-4x': { fans: inPercent },
  'avalon-cgminer4.11.1-20051101-1047': { fans: inPercent, temps: means },
  'avalon-cgminer4.11.1-20051101-1047-b': { fans: inPercent, temps: means },
  'whatsminer-btminer-20200917-M20S': { temps: means },
  'whatsminer-btminer-20201202-M31S': { temps: means },
  'honorknight-cgminer4.10.0-HK': {
    temps: 'stats and edevs were captured apart; we read the boards from edevs',
  },
  'innosilicon-sgminer4.4.2-A9': {
    fans: inPercent,
  },
  'blackminer-web-only-F2': { hashrate: 'the source takes the mean since the start' },
  'dragonmint-web-api-T1': { fans: inPercent, hashrate: 'the source takes the 5 s figure' },
  'ebang-web-luci-Ebit-E9': { temps: 'the source leaves the second board out' },
  'goldshell-web-mcb-CK5': { pools: ofOne },
  'goldshell-web-mcb-HS5': { pools: ofOne },
  'multminer-web-gst-M1': { hashrate: 'the source takes the mean of a board’s chips for the board' },
  'obelisk-web-gen2-SC1-Slim': { fans: inPercent },
};

/** Figures that other tests of the sources assert: hashrate and nominal in GH/s, power in W. */
const asserted: Readonly<Record<string, Readonly<Record<string, unknown>>>> = {
  'antminer-stock-20221206-49.0.1.3-S19-Pro-asicrs': {
    hashrate_ghs: 110566.89,
    hashrate_expected_ghs: 110000,
    boards_total: 3,
  },
  'luxos-luxminer-2025.4.8-S19k-Pro-asicrs': {
    power_consumption: 1051,
    fan_speeds: [1920, 1920, 2340, 2340],
  },
  'whatsminer-btminer-v1-20210322-M20S-V10-asicrs': {
    hashrate_ghs: 67394.80097,
    hashrate_expected_ghs: 68796,
    power_consumption: 3417,
    uptime_seconds: 10154,
  },
  'whatsminer-btminer-v2-20230803-M50S-VH50-asicrs': {
    hashrate_ghs: 124500,
    hashrate_expected_ghs: 126000,
    power_consumption: 3200,
    uptime_seconds: 25000,
  },
  'avalon-mm4v2x3-24102401-CGMinerAvalon1566-pyasic': {
    hashrate_ghs: 184007,
    power_consumption: 3731,
    fan_speeds: [4275, 4282],
    mac: '12:34:56:78:90:12',
  },
  // The source takes the boards' 3189 W; the seventh figure of PS is the wall's.
  'avalon-mm4v2x3-24102401-A1246-A-series-asicrs': {
    hashrate_expected_ghs: 83923.04,
    power_consumption: 3504,
    uptime_seconds: 24684,
    temperature_avg: 65,
  },
  'whatsminer-btminer-20240624-M60S-VK40-protofleet': {
    hashrate_ghs: 110520,
    hashrate_expected_ghs: 110000,
    power_consumption: 3200,
  },
  'antminer-vnish-1.2.7-S21-Pro-protofleet': {
    hashrate_ghs: 173870.94,
    power_consumption: 2583,
    state: 'mining',
  },
};

const states: Readonly<Record<string, string>> = {
  'antminer-stock-20201211-sleeping-S19': 'sleeping',
  'antminer-stock-20220329-idle-S19jPro': 'sleeping',
  'antminer-stock-cgminer4.9.0-20170825-L3+-b': 'stopped',
  'avalon-cgminer4.11.1-20051101-1047-b': 'starting',
  '_garbage-non-json-text': 'parse_error',
};

/** Firmware with a family of its own, by what the capture's name says; else the first word of the name. */
const custom = /braiins|luxos|vnish|hiveon|asicseer|mskminer/i;
const familyOf = (name: string) => {
  // Its boards are in what its pages told alone.
  if (/plugin-contract/.test(name)) return 'antminer-web';
  // Its name is the pool's of who captured it: the machine says VNish.
  return /asicdip/.test(name) ? 'vnish' : (custom.exec(name)?.[0].toLowerCase() ?? name.split('-')[0]);
};

const ascending = (a: number, b: number) => a - b;
const first = <T>(list: readonly T[] | undefined): T | undefined => list?.[0];

/** The aspects in which a report differs from what is expected. */
function differences(report: MinerReport, expected: Expected): Aspect[] {
  const { sample } = report;
  const found: Aspect[] = [];
  const ghs = Number(first(expected.hashrateHs) ?? Number.NaN) / 1e9;
  if (!Number.isNaN(ghs) && Math.abs((sample.hashrate_ghs ?? Infinity) - ghs) > ghs * 0.01)
    found.push('hashrate');
  const turning = report.fans.map((fan) => fan.rpm ?? 0).filter((rpm) => rpm > 0);
  const fans = [...(first(expected.fansRpm) ?? [])].sort(ascending);
  if (fans.length > 0 && JSON.stringify(turning.sort(ascending)) !== JSON.stringify(fans)) found.push('fans');
  const temps = first(expected.tempsC) ?? [];
  const hottest = Math.max(...temps);
  if (temps.length > 0) {
    const isKnown = sample.temperature_chips.every((temp) => temps.includes(Math.trunc(temp)));
    if (Math.trunc(sample.temperature_max ?? Infinity) !== hottest || !isKnown) found.push('temps');
  }
  const boards = first(expected.boards) ?? null;
  if (boards !== null && report.boards.length !== boards) found.push('boards');
  const isPoolTold = (pool: NonNullable<Expected['pools']>[number]) =>
    report.pools.some(
      (it) =>
        it.url.replace(/^\S*:\/\//, '').toLowerCase() === pool.name &&
        (pool.worker === null || it.user === pool.worker) &&
        it.accepted === pool.accepted_rejected_stale[0] &&
        it.rejected === pool.accepted_rejected_stale[1],
    );
  if (!(expected.pools ?? []).every(isPoolTold)) found.push('pools');
  return found;
}

async function reportOf(folder: string): Promise<MinerReport> {
  const lines: string[] = [];
  await decodePaths([folder], { json: true }, (line) => lines.push(line));
  return JSON.parse(lines[0] ?? '') as MinerReport;
}

interface Capture {
  readonly name: string;
  readonly folder: string;
  readonly expected: Expected | null;
}

function findCaptures(): Capture[] {
  if (!existsSync(corpus)) return [];
  return readdirSync(corpus)
    .map((name) => ({ name, folder: path.join(corpus, name) }))
    .filter(({ folder }) => existsSync(path.join(folder, 'meta.json')))
    .flatMap(({ name, folder }) => {
      const meta = JSON.parse(readFileSync(path.join(folder, 'meta.json'), 'utf8')) as Meta;
      const hasReplies = (meta.files?.length ?? 0) > 0;
      return hasReplies ? [{ name, folder, expected: meta.expected?.normalised ?? null }] : [];
    });
}

const captures = findCaptures();

describe('the comparison with captures', () => {
  const expected: Expected = {
    hashrateHs: ['2000000000000'],
    fansRpm: [[3000, 4000]],
    tempsC: [[60, 70]],
    boards: [1],
    pools: [{ name: 'a.example:1', worker: 'w', accepted_rejected_stale: [5, 1, 0] }],
  };
  const report = {
    sample: { hashrate_ghs: 2001, temperature_max: 70.5, temperature_chips: [60, 70.5] },
    fans: [
      { index: 0, rpm: 4000 },
      { index: 1, rpm: 0 },
      { index: 2, rpm: 3000 },
    ],
    boards: [{}],
    pools: [{ url: 'stratum+tcp://a.example:1', user: 'w', accepted: 5, rejected: 1 }],
  } as unknown as MinerReport;

  it('finds nothing between equals and everything between others', () => {
    expect(differences(report, expected)).toEqual([]);
    const other = {
      ...report,
      sample: { ...report.sample, hashrate_ghs: 2030, temperature_max: 80 },
      fans: [],
      boards: [],
      pools: [],
    };
    expect(differences(other, expected)).toEqual(['hashrate', 'fans', 'temps', 'boards', 'pools']);
  });
});

if (captures.length > 0) {
  describe('captures of real machines', () => {
    it.each(captures.filter((it) => it.expected !== null))(
      '$name is read as its source reads it',
      async (capture) => {
        const report = await reportOf(capture.folder);
        // An exception that no longer differs must go, hence equality.
        const allowed = Object.keys(exceptions[capture.name] ?? {}).sort();
        expect(differences(report, capture.expected ?? {}).sort()).toEqual(allowed);
      },
    );

    it.each(Object.entries(asserted).filter(([name]) => captures.some((it) => it.name === name)))(
      '%s has the figures its source asserts',
      async (name, figures) => {
        expect((await reportOf(path.join(corpus, name))).sample).toMatchObject(figures);
      },
    );

    it.each(Object.entries(states).filter(([name]) => captures.some((it) => it.name === name)))(
      '%s is %s',
      async (name, state) => {
        expect((await reportOf(path.join(corpus, name))).state).toBe(state);
      },
    );

    it.each(captures.filter((it) => /^(?:antminer|luxos|whatsminer|avalon)-(?!.*detect)/.test(it.name)))(
      '$name gives a whole record',
      async ({ folder }) => {
        const { sample, replies } = await reportOf(folder);
        expect(Object.values(replies).filter((reply) => reply.status === 'unreadable')).toEqual([]);
        expect(sample.hashrate_ghs).not.toBeNull();
        expect(sample.uptime_seconds).not.toBeNull();
        expect(sample.family).toBe(familyOf(path.basename(folder)));
      },
    );
  });
}
