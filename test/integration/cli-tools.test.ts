import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { parseFault } from '../../load-test/simulator/faults.js';
import { models, type ModelName } from '../../load-test/simulator/models.js';
import { startSimulator, type Simulator } from '../../load-test/simulator/simulator.js';
import { packageRoot } from '../../src/config/paths.js';
import { startTestApi, testKey } from '../support/api-server.js';
import { headframe, killCommands, makeOpenFolder, startCommand } from '../support/cli.js';

const machines: Record<string, ModelName> = {
  '127.21.0.1': 'antminer-s9',
  '127.21.0.2': 'antminer-s19',
  '127.21.0.3': 'antminer-s21',
  '127.21.0.4': 'whatsminer-m30s',
  '127.21.0.5': 'avalon-1246',
  '127.21.0.6': 'cgminer',
  '127.21.0.7': 'antminer-s19',
  '127.21.0.8': 'antminer-s19',
  '127.21.0.9': 'antminer-s19',
};
const [silent, refused, commas] = ['127.21.0.7', '127.21.0.8', '127.21.0.9'];

let folder: Awaited<ReturnType<typeof makeOpenFolder>>;
let farm: Simulator;

beforeAll(async () => {
  folder = await makeOpenFolder();
  farm = await startSimulator({
    miners: { addresses: Object.keys(machines) },
    models: machines,
    faults: {
      [silent]: parseFault('silent'),
      [refused]: parseFault('refused'),
      [commas]: parseFault('malformed:trailing_comma'),
    },
  });
});

afterAll(async () => {
  await killCommands();
  await farm.stop();
  await folder.remove();
});

const probe = (address: string, ...args: string[]) =>
  headframe(['probe', address, '--port', String(farm.port), ...args], { cwd: folder.path });

interface ProbeJson {
  readonly poll: { readonly error_class: string | null; readonly elapsed_ms: number };
  readonly state: string;
  readonly sample: { readonly hashrate_ghs: number };
  readonly boards: readonly unknown[];
  readonly repairs: readonly { readonly kind: string }[];
  readonly raw: Readonly<Record<string, string>>;
}

describe('headframe probe', () => {
  it.each(Object.entries(machines).filter(([address]) => ![silent, refused].includes(address)))(
    'reads %s, a %s, as text and as JSON',
    async (address, name) => {
      const [text, json] = await Promise.all([probe(address), probe(address, '--json')]);
      expect(text).toMatchObject({ code: 0, stderr: '' });
      expect(text.stdout).toContain('── summary');
      expect(text.stdout).toMatch(/ {2}hashrate_ghs +[\d.]+ GH\/s/);
      expect(text.stdout).toMatch(new RegExp(`── ${address}:${farm.port} answered in \\d+ ms`));

      expect(json).toMatchObject({ code: 0, stderr: '' });
      const read = JSON.parse(json.stdout) as ProbeJson;
      const nominal = models[name].nominalGhs;
      expect(read.state).toBe('mining');
      expect(read.sample.hashrate_ghs).toBeGreaterThan(nominal * 0.9);
      expect(read.sample.hashrate_ghs).toBeLessThan(nominal * 1.1);
      expect(read.boards).toHaveLength(models[name].boards);
      expect(Object.keys(read.raw).length).toBeGreaterThan(0);
    },
  );

  it('reports what it repaired', async () => {
    const { stdout } = await probe(commas, '--json');
    expect((JSON.parse(stdout) as ProbeJson).repairs.map((repair) => repair.kind)).toContain('extra_comma');
  });

  it.each([
    [silent, /did not answer \(deadline\)/],
    [refused, /did not answer \((reset|connect_refused|empty_reply)\)/],
    ['127.21.0.77', /did not answer \((reset|connect_refused|empty_reply)\)/],
  ])('ends with 1 and the class of the fault when %s does not answer', async (address, says) => {
    const { code, stdout, stderr } = await probe(address, '--set', 'poll.miner_deadline_ms=700');
    expect({ code, stderr }).toEqual({ code: 1, stderr: '' });
    expect(stdout).toMatch(says);
    const json = await probe(address, '--json', '--set', 'poll.miner_deadline_ms=700');
    expect(json.code).toBe(1);
    const read = JSON.parse(json.stdout) as ProbeJson;
    expect(read).toMatchObject({ state: 'unreachable', raw: {} });
    expect(read.poll.error_class).toMatch(/\w/);
  });
});

describe('what is written to stdout', () => {
  it('holds no control characters that a captured reply could smuggle to a terminal', async () => {
    const file = join(folder.path, 'summary.json');
    writeFileSync(
      file,
      '{"STATUS":[{"STATUS":"E","Code":14,"Msg":"\\u001b]0;owned\\u0007\\u009b2J"}],"id":1}',
    );
    for (const flags of [[], ['--json']]) {
      const { stdout } = await headframe(['decode', file, ...flags]);
      // eslint-disable-next-line no-control-regex
      expect(stdout).not.toMatch(/[\u0000-\u0008\u000b-\u001f\u007f-\u009f]/);
    }
  });

  it('may be cut by its reader: `decode | head` ends quietly with code 0', async () => {
    const captures = join(folder.path, 'captures');
    const { raw } = JSON.parse((await probe('127.21.0.2', '--json')).stdout) as ProbeJson;
    for (let i = 0; i < 300; i++) {
      mkdirSync(join(captures, `miner-${i}`), { recursive: true });
      for (const [command, text] of Object.entries(raw))
        writeFileSync(join(captures, `miner-${i}`, `${command}.json`), text);
    }
    const child = spawn(
      process.execPath,
      [join(packageRoot, 'dist', 'src', 'main.js'), 'decode', '--json', captures],
      { stdio: ['ignore', 'pipe', 'pipe'] },
    );
    let stderr = '';
    child.stderr.on('data', (chunk: Buffer) => (stderr += chunk.toString()));
    const [first] = (await once(child.stdout, 'data')) as [Buffer];
    child.stdout.destroy();
    const [code] = (await once(child, 'close')) as [number | null];
    expect(first.toString()).toContain('"state":"mining"');
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
  });
});

describe('headframe simulate', () => {
  it('says in one line of JSON where it listens, answers, and ends on SIGTERM with code 0', async () => {
    const truth = join(folder.path, 'truth.ndjson');
    const flags = ['--port', '0', '--base', '127.22.0.1', '--count', '3', '--mix', 'clean'];
    const simulator = startCommand(['simulate', ...flags, '--ground-truth', truth]);
    const line = await simulator.said(/^\{.*\}$/m);
    const { listening, ...rest } = JSON.parse(line) as { listening: number };
    expect(rest).toMatchObject({ miners: 3, first: '127.22.0.1', last: '127.22.0.3', mix: 'clean', seed: 1 });
    const answer = await headframe(['probe', '127.22.0.2', '--port', String(listening), '--json']);
    expect(JSON.parse(answer.stdout)).toMatchObject({ state: 'mining' });
    simulator.signal('SIGTERM');
    expect(await simulator.ended).toMatchObject({ code: 0, stderr: '' });
    expect(readFileSync(truth, 'utf8')).toContain('127.22.0.2');
  });

  it('says that its port is taken, with code 1', async () => {
    const { code, stdout, stderr } = await headframe(['simulate', '--port', String(farm.port)]);
    expect({ code, stdout }).toEqual({ code: 1, stdout: '' });
    expect(stderr).toContain('EADDRINUSE');
  });
});

describe('headframe doctor', () => {
  const secrets = ['qwertyuiopasdfgh', 'p@ss:word', 'inquery', 'redispw', 'webpw'];
  const settings = (folderPath: string): string => {
    writeFileSync(join(folderPath, 'north.key'), 'hsc_abcdqwertyuiopasdfghqwertyuiopasdfghqwertyuiop\n');
    writeFileSync(
      join(folderPath, 'db.url'),
      'postgres://u:p@ss:word@127.0.0.1:1/db?password=inquery&application_name=x',
    );
    const file = join(folderPath, 'doctor.yaml');
    writeFileSync(
      file,
      [
        'sites: [{ name: north, ranges: [10.1.0.0/24], key_file: north.key }]',
        'database: { url_file: db.url, connect_timeout_ms: 500 }',
        'redis: { url: "redis://:redispw@127.0.0.1:1/0", deadline_ms: 500 }',
        'upload: { url: "http://me:webpw@127.0.0.1:1" }',
      ].join('\n'),
    );
    return file;
  };

  it.each([[[]], [['--json']]])('shows settings, masks every secret, fails by name: %s', async (flags) => {
    const file = settings(folder.path);
    const { code, stdout, stderr } = await headframe(['doctor', '-c', file, ...flags], { cwd: folder.path });
    expect({ code, stderr }).toEqual({ code: 1, stderr: '' });
    for (const secret of secrets) expect(stdout).not.toContain(secret);
    for (const text of ['north.key', 'db.url', 'hsc_abcd…', 'postgres://u:…@127.0.0.1:1/db'])
      expect(stdout).toContain(text);
    if (flags.length > 0) {
      const { checks } = JSON.parse(stdout) as { checks: { name: string; ok: boolean }[] };
      expect(checks.filter((each) => !each.ok).map((each) => each.name)).toEqual([
        'database',
        'Redis',
        'api',
        'key of site north',
      ]);
    } else {
      expect(stdout).toMatch(/^ok {4}ranges: 1 sites, 256 addresses, 1 shards$/m);
      expect(stdout).toMatch(/^ok {4}commands: on, all kinds; an edge or poller executes those of north$/m);
      expect(stdout).toMatch(/^FAIL {2}database: /m);
    }
  });

  it('tries the key of a site on the api, and makes nothing', async () => {
    const api = await startTestApi();
    const check = (key: string) => {
      const file = join(folder.path, 'key.yaml');
      writeFileSync(file, `sites: [{ name: north, ranges: [10.1.0.0/24], key: ${key} }]`);
      const flags = ['--json', '--data-dir', join(folder.path, 'none'), '--set', `upload.url=${api.url}`];
      return headframe(['doctor', '-c', file, ...flags]);
    };
    const good = await check(testKey('a'));
    expect(good.stdout).toContain('{"name":"key of site north","ok":true');
    expect(good.code).toBe(0);
    const bad = await check(testKey('x'));
    expect(bad.stdout).toContain(
      '{"name":"key of site north","ok":false,"detail":"refused by the api with 401"',
    );
    expect(bad.code).toBe(1);
    expect(existsSync(join(folder.path, 'none'))).toBe(false);
    await api.stop();
  });
});
