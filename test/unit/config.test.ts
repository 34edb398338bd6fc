import { mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { masked } from '../../src/cli/mask.js';
import { loadConfig } from '../../src/config/load.js';
import { credentialsFor, rulesWithin } from '../../src/domain/credentials.js';
import { parseIp } from '../../src/domain/ip-ranges.js';
import { siteOf, webSettingsOf } from '../../src/roles/plan.js';

const folder = mkdtempSync(join(tmpdir(), 'headframe-config-'));
const fileOf = (text: string): string => {
  const file = join(folder, `${Math.random()}.yaml`);
  writeFileSync(file, text);
  return file;
};
const messageOf = (run: () => unknown): string => {
  try {
    run();
  } catch (error) {
    return (error as Error).message;
  }
  throw new Error('nothing was refused');
};

describe('loadConfig', () => {
  it('has a default for everything', () => {
    const config = loadConfig({ env: {}, file: fileOf('') });
    expect(config.api.port).toBe(8420);
    expect(config.poll.miner_deadline_ms).toBe(5_000);
    expect(config.sites).toEqual([]);
  });

  it('takes flag over environment over file over preset', () => {
    const file = fileOf('api: { port: 1, host: file }\npoll: { interval_s: 7 }');
    const env = { HEADFRAME_API_PORT: '2', HEADFRAME_ALLOW_LOOPBACK: 'true' };
    const preset = { 'poll.interval_s': 5, 'poll.threads': 3 };
    const config = loadConfig({ file, env, flags: { 'api.port': 3 }, preset });
    expect(config.api).toMatchObject({ port: 3, host: 'file' });
    expect(loadConfig({ file, env, preset }).api.port).toBe(2);
    expect(config.poll).toMatchObject({ interval_s: 7, threads: 3 });
    expect(config.allow_loopback).toBe(true);
  });

  it('reads secrets from files and the well-known variables', () => {
    const keyFile = fileOf('hsc_secret\n');
    const file = fileOf(`sites: [{ name: a, ranges: [10.0.0.1], key_file: ${keyFile} }]`);
    const config = loadConfig({ file, env: { DATABASE_URL: 'postgres://db', REDIS_URL: 'redis://r' } });
    expect(config.sites[0]?.key).toBe('hsc_secret');
    expect(config.database.url).toBe('postgres://db');
    expect(config.redis.url).toBe('redis://r');
  });

  it('names every fault at once', () => {
    const file = fileOf('api: { port: 99999 }\nsites: [{ name: "bad name!", ranges: [] }]\npol: {}');
    const message = messageOf(() => loadConfig({ file, env: { HEADFRAME_POLL_THREADS: 'many' } }));
    expect(message).toContain('api.port');
    expect(message).toContain('sites[0].name');
    expect(message).toContain('sites[0].ranges');
    expect(message).toContain('poll.threads');
    expect(message).toContain('"pol"');
  });

  it('says which file is missing or unreadable', () => {
    expect(messageOf(() => loadConfig({ env: {}, file: '/nowhere.yaml' }))).toContain('/nowhere.yaml');
    expect(messageOf(() => loadConfig({ env: {}, file: fileOf('a: [') }))).toContain('.yaml');
    const keyless = fileOf('sites: [{ name: a, ranges: [10.0.0.1], key_file: /nowhere.key }]');
    expect(messageOf(() => loadConfig({ env: {}, file: keyless }))).toContain(
      'sites[0].key_file: cannot read /nowhere.key',
    );
  });
});

describe('credentials', () => {
  const secret = join(folder, 'secret');
  writeFileSync(secret, 'from-file\n');

  it('are read from a file, the environment or the settings, and never shown', () => {
    const file = fileOf(
      [
        'credentials:',
        `  - { username: root, password_file: ${secret} }`,
        '  - { family: vnish-web, password_env: VNISH }',
        'sites:',
        '  - name: north',
        '    ranges: [10.0.0.0/24]',
        '    http_port: 8081',
        '    credentials: [{ miners: [10.0.0.7], username: root, password: plain }]',
      ].join('\n'),
    );
    const config = loadConfig({ file, env: { VNISH: 'from-env' } });
    const { httpPort, credentials } = webSettingsOf(config, 'north');
    expect(httpPort).toBe(8081);
    const of = (family: string, ip: string) =>
      credentialsFor(credentials, family, parseIp(ip) ?? 0)?.password;
    expect(of('antminer-web', '10.0.0.7')).toBe('plain');
    expect(of('antminer-web', '10.0.0.8')).toBe('from-file');
    expect(of('vnish-web', '10.0.0.8')).toBe('from-env');
    expect(of('vnish-web', '10.0.0.7')).toBe('plain');
    expect(webSettingsOf(config, null).credentials).toHaveLength(2);
    expect(siteOf(config, parseIp('10.0.0.9') ?? 0)).toBe('north');
    expect(siteOf(config, parseIp('10.0.1.9') ?? 0)).toBeNull();
    const within = rulesWithin(credentials, [
      { first: parseIp('10.0.0.8') ?? 0, last: parseIp('10.0.0.9') ?? 0 },
    ]);
    expect(within.map((rule) => rule.password)).not.toContain('plain');
    const shown = JSON.stringify(masked(config));
    for (const password of ['plain', 'from-file', 'from-env']) expect(shown).not.toContain(password);
  });

  it('need exactly one password, a variable that is set, a file that is there, and a family that exists', () => {
    const load = (entry: string) => () => loadConfig({ file: fileOf(`credentials: [${entry}]`), env: {} });
    expect(messageOf(load('{ username: root }'))).toContain('credentials[0]: set one of');
    expect(messageOf(load('{ password: a, password_env: B }'))).toContain('set one of');
    expect(messageOf(load('{ password_env: B }'))).toContain('B is not set');
    expect(messageOf(load('{ password_file: /nowhere/at/all }'))).toContain('cannot read');
    expect(messageOf(() => webSettingsOf(load('{ family: toaster, password: a }')(), null))).toContain(
      'toaster',
    );
    expect(messageOf(() => webSettingsOf(load('{ miners: [10.0.0], password: a }')(), null))).toContain(
      '10.0.0',
    );
  });
});
