import { spawnSync } from 'node:child_process';
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { packageRoot } from '../../src/config/paths.js';
import { configSchema } from '../../src/config/schema.js';
import { settingsOf } from '../../src/config/settings.js';

const unitDir = join(packageRoot, 'scripts/systemd');
const units = readdirSync(unitDir);
const analyze = '/usr/bin/systemd-analyze';

const read = (unit: string): string => readFileSync(join(unitDir, unit), 'utf8');
const valuesOf = (text: string, key: string): string[] =>
  [...text.matchAll(new RegExp(`^${key}=(.*)$`, 'gm'))].map((found) => found[1] ?? '');

describe.each(units)('%s', (unit) => {
  const text = read(unit);

  it('starts a role with settings that are some', () => {
    expect(valuesOf(text, 'ExecStart')).toEqual([
      expect.stringMatching(
        /^\/opt\/headframe\/bin\/headframe (api|coordinator|poller|edge) --config \/etc\/headframe\/headframe.yaml$/,
      ),
    ]);
    const known = new Set(settingsOf(configSchema).map(({ variable }) => variable));
    const variables = valuesOf(text, 'Environment')
      .flatMap((line) => line.split(' '))
      .map((pair) => pair.split('=')[0] ?? '')
      .filter((name) => name.startsWith('HEADFRAME_'));
    for (const name of variables) expect(known.has(name), name).toBe(true);
  });

  it('hands secrets over as files that no other service can read', () => {
    const loaded = valuesOf(text, 'LoadCredential').map((line) => line.split(':')[0] ?? '');
    const used = valuesOf(text, 'Environment').flatMap((line) => [...line.matchAll(/%d\/(\S+)/g)]);
    expect(used.map((found) => found[1]).sort()).toEqual([...loaded].sort());
    expect(text).not.toMatch(/PASSWORD=|_URL=|_KEY=/);
  });

  it('waits longer for the end than the role takes, and starts it again', () => {
    const shutdownMs = configSchema.parse({}).shutdown_ms;
    expect(Number(valuesOf(text, 'TimeoutStopSec')[0]) * 1_000).toBeGreaterThan(shutdownMs + 2_000);
    expect(valuesOf(text, 'Restart')).toEqual(['always']);
    expect(valuesOf(text, 'RestartPreventExitStatus')).toEqual(['2 78']);
    expect(Number(valuesOf(text, 'LimitNOFILE')[0])).toBeGreaterThanOrEqual(65_536);
  });
});

it('leaves each process of a machine a port of metrics of its own', () => {
  const ports = units
    .flatMap((unit) => valuesOf(read(unit), 'Environment').map((line) => [unit, line] as const))
    .flatMap(([unit, line]) => {
      const port = /HEADFRAME_METRICS_PORT=(\S+)/.exec(line)?.[1] ?? '';
      return unit.includes('@')
        ? [1, 2, 3, 4, 5, 6, 7, 8, 9].map((n) => port.replace('%i', String(n)))
        : [port];
    })
    .filter((port) => port !== '');
  expect(ports.filter((port) => /^94(6\d|70)$/.test(port))).toHaveLength(11);
  expect(new Set(ports).size).toBe(ports.length);
});

it('gives whoever sends or plans the keys of its sites', () => {
  for (const unit of units.filter((name) => !name.includes('api')))
    expect(read(unit)).toContain('HEADFRAME_UPLOAD_KEYS_DIR=%d');
});

// Debian's package systemd has it; nothing of systemd need run.
describe.runIf(existsSync(analyze))('systemd-analyze', () => {
  let dir = '';
  const run = (...args: string[]): { status: number | null; text: string } => {
    const { status, stdout, stderr } = spawnSync(analyze, args, {
      encoding: 'utf8',
      env: { PATH: process.env.PATH, SYSTEMD_UNIT_PATH: `${dir}:` },
    });
    return { status, text: stdout + stderr };
  };

  // A unit is taken only where its program is: this checkout in place of /opt/headframe.
  beforeAll(() => {
    dir = mkdtempSync(join(tmpdir(), 'headframe-units-'));
    mkdirSync(dir, { recursive: true });
    for (const unit of units)
      writeFileSync(
        join(dir, unit.replace('@.', '@1.')),
        read(unit).replaceAll('/opt/headframe', packageRoot).replaceAll('%i', '1'),
      );
  });
  afterAll(() => rmSync(dir, { recursive: true, force: true }));

  it.each(units)('takes %s', (unit) => {
    const { status, text } = run('verify', '--man=no', join(dir, unit.replace('@.', '@1.')));
    const own = text.split('\n').filter((line) => line.includes(unit.split(/[@.]/)[0] ?? ''));
    expect({ status, own }).toEqual({ status: 0, own: [] });
  });

  it.each(units)('finds little to fear of %s', (unit) => {
    const file = join(dir, unit.replace('@.', '@1.'));
    const { status, text } = run('security', '--offline=yes', '--threshold=20', file);
    expect(status, text).toBe(0);
  });
});
