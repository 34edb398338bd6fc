import { describe, expect, it } from 'vitest';
import { families } from '../../src/miner/registry.js';
import { describeReport, reportMiner, sourcedFields } from '../../src/miner/report.js';
import { answer, repliesOf } from '../fixtures/miner-replies.js';
import { oldAntminerStatus, wholeMachines } from '../fixtures/web-replies.js';
import { ask, build, commands } from '../support/simulated-miner.js';
import { modelNames, type ModelName } from '../../load-test/simulator/models.js';

const told = (model: ModelName): Record<string, string> =>
  Object.fromEntries(
    commands(model).flatMap((command) => {
      const text = ask(build(model), { command });
      return text === null || text === '' ? [] : [[command, text]];
    }),
  );

/** Every path of names in a reply, lists left out of it, and whether something stands there. */
function pathsOf(value: unknown, here = ''): string[] {
  if (value === null || value === undefined || value === '') return [];
  if (Array.isArray(value)) return [here, ...value.flatMap((it) => pathsOf(it, here))];
  if (typeof value !== 'object') return [here];
  const below = Object.entries(value).flatMap(([name, it]) =>
    pathsOf(it, here === '' ? name : `${here}.${name}`),
  );
  return [here, ...below];
}

const webMachines: Readonly<Record<string, Readonly<Record<string, unknown>>>> = {
  ...wholeMachines,
  'antminer-web of one page': { '/cgi-bin/get_miner_status.cgi': oldAntminerStatus },
};

/** What follows from a page's being there, or is chosen between two names by a flag. */
const withoutName = new Set([
  'bitfury model',
  'obelisk firmware_version',
  'multminer firmware_version',
  'bitaxe pool_url',
  'bitaxe worker_name',
]);

/** Whether `source` is `command/path` and the page of that command holds the path. */
function isInPage(source: string, pages: Readonly<Record<string, unknown>>): boolean {
  return Object.entries(pages).some(([command, page]) => {
    if (!source.startsWith(`${command}/`)) return false;
    const names = source
      .slice(command.length + 1)
      .replaceAll('.', '\\.')
      .replaceAll('*', '[^.]+');
    const path = new RegExp(`(?:^|\\.)${names}$`);
    return names !== '' && pathsOf(page).some((it) => path.test(it));
  });
}

describe('the report of a miner', () => {
  it('has the shape that is documented, whatever is known', () => {
    const empty = reportMiner(repliesOf({}));
    for (const report of [empty, reportMiner(repliesOf(told('antminer-s19')))]) {
      expect(Object.keys(report)).toEqual([
        'miner',
        'state',
        'sample',
        'boards',
        'fans',
        'pools',
        'errors',
        'repairs',
        'replies',
        'sources',
      ]);
      expect(Object.keys(report.miner)).toEqual([
        'vendor',
        'model',
        'firmware',
        'firmwareVersion',
        'mac',
        'serial',
      ]);
      expect(Object.keys(report.sample)).toEqual(Object.keys(empty.sample));
    }
    expect(empty).toMatchObject({ state: 'parse_error', sample: { hashrate_ghs: null, boards_total: null } });
  });

  it.each(modelNames)('names the command and key of every number that %s tells', (model) => {
    const report = reportMiner(repliesOf(told(model)));
    const concluded = ['efficiency'];
    for (const [field, value] of Object.entries(report.sample)) {
      if (typeof value !== 'number' || concluded.includes(field)) continue;
      expect([field, report.sources[field]]).toEqual([field, expect.stringMatching(/^\w+\/\S/)]);
    }
  });

  it.each(Object.entries(webMachines))('names a path in its page for every field of %s', (name, pages) => {
    const { sample, sources } = reportMiner(repliesOf(pages as Record<string, object>));
    for (const field of sourcedFields(sample)) {
      if (withoutName.has(`${name} ${field}`)) continue;
      const source = sources[field] ?? 'none';
      expect([field, source, isInPage(source, pages)]).toEqual([field, source, true]);
    }
  });

  it('names no source for what is unknown, and only commands that answered', () => {
    const report = reportMiner(repliesOf(told('whatsminer-m50s')));
    for (const [field, source] of Object.entries(report.sources)) {
      expect(report.sample[field as keyof typeof report.sample]).not.toBeNull();
      expect(Object.keys(report.replies)).toContain(source.split('/')[0]);
    }
  });

  it('names the reply itself where only one came and the family tells no more', () => {
    const report = reportMiner(
      repliesOf({ summary: answer('SUMMARY', { Elapsed: 9000, 'MHS 5s': 4e6, 'MHS 20s': 4e6 }) }),
    );
    expect(report.sources).toMatchObject({
      hashrate_ghs: 'summary/MHS 5s',
      uptime_seconds: 'summary/Elapsed',
    });
  });

  it('names only fields of the sample as fields with a source', () => {
    const fields = Object.keys(reportMiner(repliesOf({})).sample);
    for (const family of families)
      expect(Object.keys(family.sources ?? {}).filter((field) => !fields.includes(field))).toEqual([]);
  });

  it('tells people every field with its unit and source', () => {
    const lines = describeReport(reportMiner(repliesOf(told('antminer-s19'))));
    const text = lines.join('\n');
    expect(text).toMatch(/hashrate_ghs +[\d.]+ GH\/s +summary\/GHS 5s/);
    expect(text).toMatch(/fan_speeds +\d+ \d+ \d+ \d+ rpm +stats\/fan1/);
    expect(text).toMatch(/board 1 +[\d.]+ GH\/s/);
    expect(text).toMatch(/reply +summary: ok, \d+ bytes/);
  });
});
