import { describe, expect, it } from 'vitest';
import type { Finding } from '../../src/cli/scan-identify.js';
import { freeDescriptors, planBudget } from '../../src/cli/scan-limits.js';
import { openProgress } from '../../src/cli/scan-progress.js';
import { formatFinding, heading, type ScanRow } from '../../src/cli/scan-rows.js';
import { emptySample } from '../../src/domain/wire.js';

const finding = (worker: string, model = 'Antminer S19'): Finding => ({
  address: '10.0.0.7',
  port: 4028,
  sample: {
    ...emptySample,
    family: 'antminer',
    identity: { ...emptySample.identity, vendor: 'Bitmain', model },
    state: 'mining',
    health: 'healthy',
    hashrateGhs: 95_120.5,
    temperatureMaxC: 71,
    workerName: worker,
  },
  errorClass: null,
  elapsedMs: 41.7,
});

describe('rows of a scan', () => {
  it('are one JSON object each, with null for what is unknown', () => {
    const row = JSON.parse(formatFinding(finding('farm.1'), 'json')) as ScanRow;
    expect(row).toMatchObject({
      ip: '10.0.0.7',
      port: 4028,
      family: 'antminer',
      model: 'Antminer S19',
      hashrate_ghs: 95_120.5,
      power_consumption: null,
      elapsed_ms: 42,
    });
    expect(heading('json')).toBeNull();
  });

  it('are CSV with as many fields as the heading, quoted where they must be', () => {
    const columns = heading('csv')?.split(',') ?? [];
    const plain = formatFinding(finding('farm.1'), 'csv').split(',');
    expect(plain).toHaveLength(columns.length);
    expect(plain[columns.indexOf('worker_name')]).toBe('farm.1');
    expect(plain[columns.indexOf('power_consumption')]).toBe('');
    expect(formatFinding(finding('a,"b"\nc'), 'csv')).toContain(',"a,""b""\nc",');
  });

  it('name every field of the JSON in the heading of the CSV', () => {
    const row = JSON.parse(formatFinding(finding('w'), 'json')) as ScanRow;
    expect(Object.keys(row)).toEqual(heading('csv')?.split(','));
  });

  it('keep a spreadsheet from taking what a miner says for a formula', () => {
    expect(formatFinding(finding('=HYPERLINK("x")'), 'csv')).toContain(`"'=HYPERLINK(""x"")"`);
  });

  it('stand below their headings in the table, and are cut to fit', () => {
    const title = heading('table') ?? '';
    const line = formatFinding(finding('farm.1', 'A model with a name that is far too long'), 'table');
    expect(line.indexOf('farm.1')).toBe(title.indexOf('WORKER'));
    expect(line.indexOf('mining')).toBe(title.indexOf('STATE'));
    expect(line).toContain('95.12');
    const small = finding('w', 'Bitmain L3+');
    const slow = formatFinding({ ...small, sample: { ...small.sample, hashrateGhs: 0.5 } }, 'table');
    expect(slow).toMatch(/^10\.0\.0\.7:4028 +Bitmain L3\+ .* 0\.0005 /);
  });
});

describe('the sockets of a scan', () => {
  it('are as many as wanted where the system has them', () => {
    expect(planBudget(10_000, 19_980)).toEqual({ sweep: 10_000, identify: 256 });
  });

  it('stay below what the system has, and leave some for everything else', () => {
    for (const free of [3, 70, 200, 1_000, 4_000, 19_980]) {
      const { sweep, identify } = planBudget(10_000, free);
      expect(sweep).toBeGreaterThan(0);
      expect(identify).toBeGreaterThan(0);
      if (free > 66) expect(sweep + identify).toBeLessThanOrEqual(free - 64);
    }
  });

  it('can be counted on this system', () => {
    expect(freeDescriptors()).toBeGreaterThan(16);
  });
});

describe('the progress of a scan', () => {
  const open = (isTTY: boolean): { written: string[]; progress: ReturnType<typeof openProgress> } => {
    const written: string[] = [];
    const stream = Object.assign(Object.create(process.stderr), {
      isTTY,
      columns: 100,
      write: (text: string) => written.push(text) > 0,
    }) as NodeJS.WriteStream;
    return { written, progress: openProgress(stream, { TERM: 'xterm' }) };
  };

  it('is a bar on a terminal, out of the way of results', () => {
    const { written, progress } = open(true);
    progress.start(200);
    progress.update(100, 3, 2);
    progress.around(() => written.push('a result\n'));
    progress.stop();
    const text = written.join('');
    expect(text).toContain('100/200 addresses · 3 found');
    expect(text).toContain('\r\u001b[2Ka result\n');
  });

  it('is nothing elsewhere', () => {
    const { written, progress } = open(false);
    progress.start(200);
    progress.update(100, 3, 2);
    progress.around(() => written.push('a result\n'));
    progress.stop();
    expect(written).toEqual(['a result\n']);
  });
});
