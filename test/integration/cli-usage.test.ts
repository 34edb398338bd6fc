import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { packageRoot, version } from '../../src/config/paths.js';
import { headframe, killCommands, makeOpenFolder } from '../support/cli.js';

let folder: Awaited<ReturnType<typeof makeOpenFolder>>;

beforeAll(async () => {
  folder = await makeOpenFolder();
});

afterAll(async () => {
  await killCommands();
  await folder.remove();
});

const run = (...args: string[]) => headframe(args, { cwd: folder.path });

/** Writes a settings file. */
function fileOf(name: string, text: string): string {
  const file = join(folder.path, name);
  writeFileSync(file, text);
  return file;
}

describe('the command line', () => {
  it('answers --version and --help on stdout with code 0', async () => {
    const [shown, help, upHelp] = await Promise.all([
      run('--version'),
      run('--help'),
      run('keys', 'create', '--help'),
    ]);
    expect(shown).toEqual({ code: 0, stdout: `${version}\n`, stderr: '' });
    expect(help).toMatchObject({ code: 0, stderr: '' });
    for (const name of ['demo', 'up', 'api', 'coordinator', 'poller', 'edge', 'simulate', 'probe', 'decode'])
      expect(help.stdout).toMatch(new RegExp(`^  ${name} `, 'm'));
    for (const name of ['keys', 'migrate', 'doctor'])
      expect(help.stdout).toMatch(new RegExp(`^  ${name} `, 'm'));
    expect(upHelp.stdout).toContain('Examples:');
  });

  it.each([
    { args: ['mine'], says: "unknown command 'mine'" },
    { args: ['upp'], says: 'Did you mean up?' },
    { args: ['up', '--fast'], says: "unknown option '--fast'" },
    { args: ['probe'], says: "missing required argument 'address'" },
    { args: ['probe', '10.0.0.300'], says: 'Give an IPv4 address' },
    { args: ['probe', '10.0.0.1', '--port', '0'], says: 'Give a whole number from 1 to 65535' },
    { args: ['demo', '--miners', 'many'], says: 'Give a whole number from 1 to 20000' },
    { args: ['demo', '--data-dir', 'x'], says: "unknown option '--data-dir'" },
    { args: ['keys', 'revoke', 'all'], says: 'Give a whole number' },
    { args: ['keys', 'create', 'bad name!'], says: 'a site name is' },
    { args: ['simulate', '--count', '0'], says: '--count' },
    { args: ['simulate', '--mix', 'wild'], says: 'Allowed choices are clean, demo, hostile' },
    { args: ['simulate', '--fault', 'silent=2'], says: 'a share is 0 to 1: silent=2' },
    { args: ['simulate', '--fault', 'gone=0.1'], says: 'unknown fault gone' },
    { args: ['simulate', '--models', 'toaster'], says: 'unknown model toaster' },
    { args: ['simulate', '--time-scale', 'fast'], says: '--time-scale' },
  ])('refuses wrong usage with code 2, naming it: $args', async ({ args, says }) => {
    const { code, stdout, stderr } = await run(...args);
    expect(stderr).toContain(says);
    expect(stderr.split('\n').length).toBeLessThanOrEqual(4);
    expect({ code, stdout }).toEqual({ code: 2, stdout: '' });
  });

  it('shows the commands with code 2 when none is named', async () => {
    const { code, stdout, stderr } = await run();
    expect({ code, stdout }).toEqual({ code: 2, stdout: '' });
    expect(stderr).toContain('Usage: headframe');
  });

  it('ends with 78 and names every wrong setting at once', async () => {
    const file = fileOf(
      'bad.yaml',
      'api: { port: 99999, hots: x }\npoll: { interval_s: ten }\nsites: [{ name: "bad name!", ranges: [] }]',
    );
    const { code, stdout, stderr } = await run('up', '--config', file, '--set', 'poll.threads=-1');
    expect({ code, stdout }).toEqual({ code: 78, stdout: '' });
    for (const name of ['"hots"', 'api.port', 'poll.interval_s', 'poll.threads', 'sites[0].name'])
      expect(stderr).toContain(name);
  });

  it('names every unknown or broken --set at once', async () => {
    const { code, stderr } = await run('up', '--set', 'poll.intervall=1', '--set', 'nothing');
    expect(code).toBe(78);
    expect(stderr).toContain('there is no setting "poll.intervall"');
    expect(stderr).toContain('--set nothing: write it as setting=value');
  });

  it.each([
    ['10.0.0.300', 'is no IPv4 address'],
    ['10.0.0.010', 'looks octal'],
    ['10.0.0.9-10.0.0.1', '10.0.0.9-10.0.0.1'],
    ['10.0.0.0/8', '10.0.0.0/8'],
    ['127.0.0.1', 'loopback addresses are refused'],
    ['169.254.1.1', 'link-local'],
    ['224.0.0.1', 'multicast'],
  ])('refuses the range %s by name', async (range, says) => {
    const { code, stdout, stderr } = await run('up', '--range', range);
    expect({ code, stdout }).toEqual({ code: 78, stdout: '' });
    expect(stderr).toContain(says);
    expect(stderr).toContain(range);
  });

  it.each([
    ['up', 'sites: none configured'],
    ['edge', 'sites: none configured'],
    ['api', 'set DATABASE_URL'],
    ['poller', 'sites: none configured'],
    ['coordinator', 'sites: none configured'],
  ])('says what `%s` lacks', async (name, says) => {
    const { code, stderr } = await run(name);
    expect(code).toBe(78);
    expect(stderr).toContain(says);
  });

  it('accepts the example of a settings file', async () => {
    const file = join(packageRoot, 'headframe.example.yaml');
    const { stdout } = await run('doctor', '--json', '--config', file);
    expect(stdout).toContain('{"name":"ranges","ok":true,"detail":"2 sites, 1591 addresses');
  });

  it('says nothing of a URL but that it is wrong: it may hold a password', async () => {
    const { code, stderr } = await headframe(['migrate'], {
      cwd: folder.path,
      env: { DATABASE_URL: 'mysql://root:topsecret@db/x' },
    });
    expect(code).toBe(78);
    expect(stderr).toContain('database.url');
    expect(stderr).not.toContain('topsecret');
  });

  it('ends with 69 when the database cannot be reached', async () => {
    const env = { DATABASE_URL: 'postgres://u:topsecret@127.0.0.1:1/x' };
    const { code, stderr } = await headframe(['migrate'], { cwd: folder.path, env });
    expect(code).toBe(69);
    expect(stderr).toContain('127.0.0.1:1');
    expect(stderr).not.toContain('topsecret');
  });
});
