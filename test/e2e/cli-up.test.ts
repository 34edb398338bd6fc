import { chmodSync, mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startSimulator, type Simulator } from '../../load-test/simulator/simulator.js';
import type { LivePage, MinerDetail } from '../../src/domain/ingest.js';
import { headframe, killCommands, makeOpenFolder, processesNaming, startCommand } from '../support/cli.js';
import { waitFor } from '../support/wait.js';

const addresses = ['127.23.0.1', '127.23.0.2', '127.23.0.3', '127.23.0.4'];
let folder: Awaited<ReturnType<typeof makeOpenFolder>>;
let farm: Simulator;

beforeAll(async () => {
  folder = await makeOpenFolder();
  farm = await startSimulator({ miners: { addresses } });
});

afterAll(async () => {
  await killCommands();
  await farm.stop();
  await folder.remove();
});

/** `headframe up` on the simulated farm, with one-second slots. */
function up(data: string, ...args: string[]) {
  const settings = [
    'allow_loopback=true',
    'poll.interval_s=1',
    'poll.flush_ms=200',
    'log_level=warn',
    'api.local_access=viewer',
  ];
  return startCommand(
    ['up', '--data-dir', data, '--port', '0', ...settings.flatMap((each) => ['--set', each]), ...args],
    { cwd: folder.path },
  );
}

/** Three of the four. */
const range = (): string[] => [
  '--miner-port',
  String(farm.port),
  '--set',
  'poll.scan_slots=1',
  '--range',
  '127.23.0.0/29',
  '!127.23.0.4',
];

async function api<T>(url: string, path: string): Promise<T> {
  const answer = await fetch(`${url}/api/collector/${path}`);
  expect(answer.status, path).toBe(200);
  return ((await answer.json()) as { data: T }).data;
}

const onlineMiners = async (url: string): Promise<string[]> =>
  (await api<LivePage>(url, 'live/1?online_only=true')).miners.map((miner) => miner.miner_id).sort();

describe('headframe up', () => {
  it('polls a range but what is excluded, and goes on with its data after a restart', async () => {
    const data = join(folder.path, 'data');
    const first = up(data, ...range());
    const url = await first.said(/^http:\/\/127\.0\.0\.1:\d+$/m);
    await waitFor(
      'the three miners',
      async () => (await onlineMiners(url)).join() === addresses.slice(0, 3).join(),
      { timeoutMs: 20_000 },
    );
    const before = await api<MinerDetail>(url, 'sites/1/miners/127.23.0.1');
    first.signal('SIGTERM');
    const { stderr, ...rest } = await first.ended;
    expect(rest).toEqual({ code: 0, stdout: `${url}\n` });
    expect(stderr).toMatch(/^Sign in as admin with the password [a-z2-9-]{23} \(shown this once\)\.\n$/);
    expect(processesNaming(data)).toEqual([]);

    const second = up(data, ...range());
    const again = await second.said(/^http:\/\/127\.0\.0\.1:\d+$/m);
    const kept = await api<MinerDetail>(again, 'sites/1/miners/127.23.0.1');
    expect(kept.uptime_hours).toBeGreaterThanOrEqual(before.uptime_hours ?? Infinity);
    await waitFor(
      'a newer sample',
      async () => {
        const now = await api<MinerDetail>(again, 'sites/1/miners/127.23.0.1');
        return (now.last_seen ?? '') > (kept.last_seen ?? '');
      },
      { timeoutMs: 20_000 },
    );
    const keys = await headframe(['keys', 'list', '--json', '--data-dir', data]);
    expect(JSON.parse(keys.stdout)).toMatchObject([{ key_id: 1, site: 'site', revoked_at: null }]);
    second.signal('SIGINT');
    expect(await second.ended).toMatchObject({ code: 0, stderr: '' });
    expect(processesNaming(data)).toEqual([]);
  }, 90_000);

  it('says that its port is taken, and which setting to change', async () => {
    const port = new URL(`http://127.0.0.1:${farm.port}`).port;
    const command = startCommand(
      ['up', '--port', port, '--data-dir', join(folder.path, 'taken'), '--range', '10.0.0.1'],
      { cwd: folder.path },
    );
    const { code, stdout, stderr } = await command.ended;
    expect({ code, stdout }).toEqual({ code: 78, stdout: '' });
    expect(stderr).toContain('api.port');
    expect(stderr).toContain('EADDRINUSE');
    expect(processesNaming(join(folder.path, 'taken'))).toEqual([]);
  }, 60_000);

  it.runIf(process.getuid?.() === 0)(
    'tells root which folder is closed to PostgreSQL, and what to do',
    async () => {
      const closed = join(folder.path, 'closed');
      mkdirSync(closed, { mode: 0o700 });
      chmodSync(closed, 0o700);
      const data = join(closed, 'data');
      const up = await headframe(['up', '--data-dir', data, '--range', '10.0.0.1', '--port', '0']);
      expect(up).toMatchObject({ code: 69, stdout: '' });
      expect(up.stderr).toContain(`${closed} is closed to others`);
      expect(up.stderr).toContain('--data-dir /var/lib/headframe');
      const doctor = await headframe(['doctor', '--data-dir', data]);
      expect(doctor.code).toBe(1);
      expect(doctor.stdout).toMatch(/^FAIL {2}database: .*--data-dir/m);
    },
    60_000,
  );

  it('ends quietly when it is interrupted while it starts', async () => {
    const data = join(folder.path, 'interrupted');
    const command = up(data, '--range', '127.23.0.1');
    await waitFor('the start', () => processesNaming(data).length > 1);
    command.signal('SIGINT');
    expect((await command.ended).code).toBe(0);
    expect(processesNaming(data)).toEqual([]);
  }, 60_000);
});
