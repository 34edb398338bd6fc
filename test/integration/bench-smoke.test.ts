import { execFile } from 'node:child_process';
import path from 'node:path';
import { describe, expect, inject, it } from 'vitest';
import type { Report } from '../../load-test/bench/report.js';
import { formatReport } from '../../load-test/bench/report.js';
import { createTestDatabase } from '../support/database.js';
import { redisProgram } from '../../load-test/bench/redis-server.js';
import { packageRoot } from '../../src/config/paths.js';
import { testRedisUrl } from '../support/services.js';

/** Runs a benchmark of the build; how fast it was is not judged, so any exit code of its own will do. */
function bench(name: string, flags: readonly string[]): Promise<string> {
  const file = path.join(packageRoot, 'dist', 'load-test', 'bench', `${name}.js`);
  return new Promise((resolve, reject) => {
    execFile(process.execPath, [file, ...flags], { timeout: 110_000 }, (error, stdout, stderr) => {
      if (stdout.trim() === '') reject(new Error(stderr, { cause: error }));
      else resolve(stdout);
    });
  });
}

describe('the benchmarks', () => {
  it('polls a small farm against the bare loop and gives a figure for everything', async () => {
    const report = JSON.parse(await bench('poll', ['--quick', '--json', '--miners', '60'])) as Report;
    const names = report.figures.map((figure) => figure.name).join('\n');
    for (const part of ['three connections', 'joined', 'two threads / one', 'silent', 'edge'])
      expect(names).toContain(part);
    for (const { name, value } of report.figures) expect(value, name).toBeGreaterThan(0);
  }, 120_000);

  it('uploads small batches against the bare statement and gives a figure for everything', async () => {
    const flags = ['--quick', '--json', '--miners', '200', '--server', inject('plainPostgresUrl')];
    const report = JSON.parse(await bench('ingest', flags)) as Report;
    expect(report.machine).toContain('PostgreSQL');
    expect(report.figures.map((figure) => figure.unit)).toContain('bytes/row');
    for (const { name, value } of report.figures) expect(value, name).toBeGreaterThan(0);
  }, 120_000);

  it('fills a small farm, reads it and gives a figure for everything', async () => {
    const flags = ['--quick', '--json', '--rounds', '1', '--miners', '60', '--live', '1000', '--hours', '2'];
    const server = ['--computed-hours', '1', '--rollup-days', '8', '--server', inject('plainPostgresUrl')];
    const report = JSON.parse(await bench('read', [...flags, ...server])) as Report;
    const names = report.figures.map((figure) => figure.name).join('\n');
    for (const part of ['summary', 'live page, by subnet', 'chart of a site', 'fleet?at', 'CSV'])
      expect(names).toContain(part);
    for (const { name, value } of report.figures) expect(value, name).toBeGreaterThan(0);
  }, 120_000);

  it('fills a database that stays, and brings it up to now when it is asked again', async () => {
    const database = await createTestDatabase({ edition: 'plain' });
    try {
      const flags = ['--quick', '--json', '--rounds', '1', '--miners', '20', '--live', '600', '--hours', '2'];
      const more = ['--computed-hours', '1', '--rollup-days', '8', '--database', database.url];
      const rowsOf = async (): Promise<number> => {
        const { figures } = JSON.parse(await bench('read', [...flags, ...more])) as Report;
        const note = figures.find(({ name }) => name === 'history on disk')?.note ?? '';
        return Number(/^([\d,]+) rows/.exec(note)?.[1]?.replaceAll(',', ''));
      };
      const first = await rowsOf();
      const second = await rowsOf();
      expect(first).toBeGreaterThan(2_000);
      // Some slots more of the few miners with a history, and of the others one.
      expect(second).toBeGreaterThanOrEqual(first);
      expect(second - first).toBeLessThan(600 + 20 * 10);
    } finally {
      await database.drop();
    }
  }, 240_000);

  it('does not begin to fill what has no room', async () => {
    const flags = ['--quick', '--json', '--miners', '10000000', '--hours', '10000'];
    await expect(bench('read', [...flags, '--server', inject('plainPostgresUrl')])).rejects.toThrow(
      /needs [\d.]+ GB at .*, where [\d.]+ GB are free/,
    );
  }, 60_000);

  it('holds rules against a few miners and gives a figure for everything', async () => {
    const flags = ['--quick', '--json', '--miners', '120', '--server', inject('plainPostgresUrl')];
    const report = JSON.parse(await bench('alerts', flags)) as Report;
    expect(report.figures.map(({ note }) => note).join('; ')).toContain('opened');
    for (const { name, value } of report.figures) expect(value, name).toBeGreaterThan(0);
  }, 120_000);

  it('gives and claims a few commands and gives a figure for everything', async () => {
    const flags = ['--quick', '--json', '--miners', '120', '--server', inject('plainPostgresUrl')];
    const report = JSON.parse(await bench('commands', flags)) as Report;
    const figures = Object.fromEntries(report.figures.map(({ name, value }) => [name, value]));
    expect(figures).toMatchObject({ 'claimed before what goes first': 0, 'not claimed': 0 });
    expect(Object.keys(figures)).toHaveLength(6);
  }, 120_000);

  it('tells a target that is met from one that is missed or was not measured', () => {
    const figure = (value: number | null) => ({
      name: `f ${value}`,
      value,
      unit: '',
      target: { atLeast: 0.6 },
    });
    const text = formatReport({
      title: 't',
      machine: 'm',
      figures: [figure(0.6), figure(0.59), figure(null)],
      remarks: [],
    });
    expect(text.match(/pass|FAIL/g)).toEqual(['pass', 'FAIL', 'FAIL']);
  });

  it('polls a small cluster over a Redis of its own and gives a figure for everything', async () => {
    const program = await redisProgram(testRedisUrl());
    if (program === null) return;
    const report = JSON.parse(
      await bench('cluster', ['--quick', '--json', '--redis-server', program]),
    ) as Report;
    const names = report.figures.map((figure) => figure.name).join('\n');
    for (const part of ['throughput', 'imbalance', 'lag', 'learned profiles', 'calls of clients per slot'])
      expect(names).toContain(part);
    for (const { name, value } of report.figures) expect(value, name).toBeGreaterThanOrEqual(0);
  }, 120_000);
});
