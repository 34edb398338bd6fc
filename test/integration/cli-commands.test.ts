import { mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { headframe } from '../support/cli.js';
import { createCommandBench, type CommandApi, type CommandBench } from '../support/commands.js';
import { ingestBatch, ingestRow } from '../support/ingest-rows.js';

describe('commands on the command line', () => {
  let bench: CommandBench;
  let api: CommandApi;
  let folder: string;
  beforeAll(async () => {
    bench = await createCommandBench('plain');
    api = await bench.start({ tick_ms: 100 });
    folder = await mkdtemp(join(tmpdir(), 'headframe-cli-'));
    const time = new Date(Date.now() - 20_000).toISOString();
    const rows = [1, 2, 3].map((n) => ingestRow(`10.0.0.${n}`, time, { mac: null, ip: `10.0.0.${n}` }));
    await bench.storage.store.writeBatch(ingestBatch(rows, bench.storage.key));
  });
  afterAll(async () => {
    await bench.close();
    await rm(folder, { recursive: true });
  });
  beforeEach(() => bench.storage.query('delete from miner_commands; delete from command_batches'));

  const run = (...args: string[]) =>
    headframe(['command', ...args, '--url', api.api.url], { env: { XDG_CONFIG_HOME: folder } });
  /** Executes what is due as a collector does, until the promise is through. */
  const serve = async <T>(promise: Promise<T>, status: (miner: string) => string): Promise<T> => {
    let isOver = false;
    const through = promise.finally(() => (isOver = true));
    while (!isOver) {
      const [, answer] = await api.collector('GET', 'commands/pending?wait=1');
      for (const item of answer['commands'] as unknown as { command_id: number; miner_id: string }[])
        await api.collector('POST', `commands/${item.command_id}/result`, { status: status(item.miner_id) });
    }
    return through;
  };

  test('one is asked for first, then given, waited for, shown and listed', async () => {
    const unasked = await run('create', 'reboot', '10.0.0.1', '--site', 'north');
    expect(unasked).toMatchObject({ code: 1, stdout: '' });
    expect(unasked.stderr).toContain('--yes');
    expect((await bench.statuses()).size).toBe(0);
    const flags = ['--site', 'north', '--yes', '--wait', '--json'];
    const done = await serve(
      run('create', 'set_fan', '10.0.0.1', '--param', 'speed=80', ...flags),
      () => 'completed',
    );
    expect(done.code).toBe(0);
    const command = JSON.parse(done.stdout) as { command_id: number };
    expect(command).toMatchObject({ status: 'completed', params: { speed: 80 }, created_by: 'local' });
    const shown = await run('show', String(command.command_id));
    expect(shown.stdout).toMatch(/set_fan 10\.0\.0\.1 completed[^]*pending[^]*sent[^]*completed/);
    expect((await run('list', '--site', 'north')).stdout).toContain('set_fan 10.0.0.1 completed');
    const cancelled = await run('cancel', String(command.command_id));
    expect([cancelled.code, cancelled.stderr]).toEqual([
      1,
      expect.stringContaining('Cannot cancel command with status: completed'),
    ]);
    const wrong = await run(
      'create',
      'set_fan',
      '10.0.0.1',
      '--site',
      'north',
      '--param',
      'speed=800',
      '--yes',
    );
    expect(wrong.stderr).toContain('parameters.speed');
    expect((await run('create', 'reboot', '10.0.0.1', '--site', 'nowhere', '--yes')).stderr).toContain(
      'no site',
    );
    expect((await run('create', 'dance', '10.0.0.1')).code).toBe(2);
  });

  test('a batch tells what it would do, and 5 when part of it failed or is left out', async () => {
    const list = join(folder, 'miners.txt');
    await writeFile(list, '# two\n10.0.0.1\n\nnobody\n');
    const flags = ['--site', 'north', '--file', list];
    const dry = await run('batch', 'reboot', ...flags, '--dry-run');
    expect(dry.code).toBe(5);
    expect(dry.stdout).toMatch(
      /1 commands would be created[^]*left out, 1: no miner of this name \(nobody\)/,
    );
    const all = ['--site', 'north', '--all', '--yes', '--wait'];
    // The disabled ones are given up on at once: what counts here is what failed.
    const sweeping = setInterval(() => void bench.sweep().catch(() => undefined), 200);
    await bench.storage.query("update miner_telemetry_live set state = 'mining'");
    const failed = await serve(run('batch', 'disable', ...all, '--max-failed', '100'), (miner) =>
      miner === '10.0.0.2' ? 'failed' : 'rejected',
    );
    clearInterval(sweeping);
    expect(failed.code).toBe(5);
    expect(failed.stdout).toMatch(/disable {}, done[^]*2 rejected/);
    const batches = await run('list', '--batches');
    expect(batches.stdout).toContain('done');
    expect((await run('batch', 'reboot', '--site', 'north')).code).toBe(2);
    expect((await run('approve', '1')).code).toBe(1);
  });

  test('an api that is not there is 69, and a login that is refused is not kept', async () => {
    const env = { XDG_CONFIG_HOME: folder };
    const away = await headframe(['command', 'list', '--url', 'http://127.0.0.1:1'], { env });
    expect(away.code).toBe(69);
    const token = join(folder, 'token');
    await writeFile(token, 'hst_x\n');
    const refused = await headframe(['login', api.api.url, '--token-file', token], { env });
    expect(refused.code).toBe(1);
    await expect(stat(join(folder, 'headframe', 'login.json'))).rejects.toThrow();
    expect((await headframe(['login', api.api.url], { env })).stderr).toContain('--token-file');
    expect((await headframe(['logout'], { env })).stdout).toContain('not signed in');
    expect(await readFile(token, 'utf8')).toBe('hst_x\n');
  });

  test('a login is kept for its user alone, used without an address, and forgotten', async () => {
    const rights = { role: 'operator' as const, site_ids: null };
    const user = await api.store.users.create('ana', rights, null);
    const { token } = await api.store.tokens.create(
      user.user_id,
      'cli',
      rights,
      new Date(Date.now() + 60_000),
    );
    const file = join(folder, 'ana.token');
    await writeFile(file, `${token}\n`);
    const env = { XDG_CONFIG_HOME: folder };
    const signedIn = await headframe(['login', `${api.api.url}/`, '--token-file', file], { env });
    expect(signedIn).toMatchObject({ code: 0, stdout: `signed in to ${api.api.url} as token:cli\n` });
    const kept = join(folder, 'headframe', 'login.json');
    expect((await stat(kept)).mode & 0o777).toBe(0o600);
    const order = ['command', 'create', 'reboot', '10.0.0.3', '--site', 'north', '--yes', '--json'];
    const made = await headframe(order, { env });
    expect([made.code, JSON.parse(made.stdout)]).toMatchObject([0, { created_by: 'token:cli' }]);
    expect((await headframe(['logout'], { env })).stdout).toContain('signed out');
    await expect(stat(kept)).rejects.toThrow();
  });
});
