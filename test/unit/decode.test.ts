import { mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { decodePaths } from '../../src/cli/decode.js';
import type { MinerReport } from '../../src/miner/report.js';
import { answer } from '../fixtures/miner-replies.js';

type Line = MinerReport & { readonly path?: string; readonly error?: string; readonly notes?: string[] };

const summary = JSON.stringify(
  answer('SUMMARY', { Elapsed: 9000, 'GHS 5s': 4000, 'GHS av': 4000, Accepted: 5 }),
);
const pools = JSON.stringify(
  answer('POOLS', [{ POOL: 0, URL: 'stratum+tcp://a:1', User: 'w', Status: 'Alive' }]),
);

let root = '';
beforeEach(async () => {
  root = await mkdtemp(path.join(tmpdir(), 'headframe-decode-'));
});
afterEach(async () => {
  await rm(root, { recursive: true, force: true });
});

async function put(name: string, text: string | Uint8Array): Promise<string> {
  const file = path.join(root, name);
  await mkdir(path.dirname(file), { recursive: true });
  await writeFile(file, text);
  return file;
}

async function decode(...paths: string[]): Promise<{ code: number; lines: Line[] }> {
  const lines: Line[] = [];
  const code = await decodePaths(paths, { json: true }, (line) => lines.push(JSON.parse(line) as Line));
  return { code, lines };
}

describe('decode', () => {
  it('reads a file by its name, or by what it holds', async () => {
    const named = await decode(await put('summary.txt', `${summary}\0`));
    expect(named.code).toBe(0);
    expect(named.lines[0]).toMatchObject({
      state: 'mining',
      sample: { hashrate_ghs: 4000, accepted_shares: 5, family: 'generic' },
      boards: [],
      replies: { summary: { status: 'ok', bytes: summary.length + 1 } },
    });
    expect(named.lines[0]).not.toHaveProperty('path');
    expect(Object.keys((await decode(await put('capture-17.bin', summary))).lines[0]?.replies ?? {})).toEqual(
      ['summary'],
    );
  });

  it('reads a folder as one miner and leaves out what is no reply', async () => {
    await put('summary.json', summary);
    await put('pools.json', pools);
    await put('meta.json', '{"POOLS":[]}');
    await put('http_root.html', '<html><title>Miner</title></html>');
    const { lines } = await decode(root);
    expect(lines).toHaveLength(1);
    expect(Object.keys(lines[0]?.replies ?? {})).toEqual(['pools', 'summary']);
    expect(lines[0]?.sample).toMatchObject({ hashrate_ghs: 4000, pool_url: 'stratum+tcp://a:1' });
  });

  it('reads a joined reply', async () => {
    const joined = `{"summary":[${summary}],"pools":[${pools}],"id":1}`;
    const { lines } = await decode(await put('summary+pools.json', joined));
    expect(lines[0]?.sample).toMatchObject({ hashrate_ghs: 4000, worker_name: 'w' });
    const unnamed = await decode(await put('x.json', joined));
    expect(unnamed.lines[0]?.sample).toMatchObject({ hashrate_ghs: 4000, worker_name: 'w' });
  });

  it('reads a folder of folders as one miner each, with its path', async () => {
    await put('a/summary.json', summary);
    await put('b/summary.json', summary.slice(0, -20));
    const { code, lines } = await decode(root);
    expect(code).toBe(0);
    expect(lines.map((line) => line.path)).toEqual([path.join(root, 'a'), path.join(root, 'b')]);
    expect(lines[1]?.replies['summary']?.status).toBe('truncated');
    expect(lines[1]?.sample.overall_health).not.toBe('healthy');
  });

  it('describes what is broken, and fails only when nothing could be decoded', async () => {
    const garbage = await put('pools.json', 'asjdasldjakld');
    const alone = await decode(garbage);
    expect([alone.code, alone.lines[0]?.state]).toEqual([1, 'parse_error']);
    const missing = await decode(path.join(root, 'nowhere'));
    expect([missing.code, missing.lines[0]?.error]).toEqual([1, 'ENOENT: no such file or directory']);
    await put('summary.json', summary);
    const both = await decode(root, path.join(root, 'nowhere'));
    expect(both.code).toBe(0);
    expect(both.lines[0]?.replies['pools']?.status).toBe('unreadable');
  });

  it('writes text for a reader', async () => {
    const lines: string[] = [];
    await decodePaths([await put('summary.json', summary)], { json: false }, (line) => lines.push(line));
    expect(lines.join('\n')).toMatch(/hashrate_ghs +4000 GH\/s +summary\/GHS 5s/);
    expect(lines.join('\n')).toContain('state     mining, health healthy');
  });
});

const version = JSON.stringify(answer('VERSION', { CGMiner: '4.11.1', API: '3.7' }));
const module =
  'Ver[1246-83-21042001_4ec6bb0_61407fa] DNA[02010000e6686472] Elapsed[7200] HW[3] Temp[28] TMax[67] TAvg[61] ' +
  'Fan1[4200] Fan2[4180] PS[0 1214 1316 242 3189 1320 3504] GHSmm[85000.00] GHSavg[84500.50] Freq[620.50] ' +
  'MGHS[28100.1 28200.2 28200.2] MTmax[67 66 65] MTavg[61 60 61]';

describe('decode of files as people keep them', () => {
  it.each([
    ['upper case and several extensions', 'SUMMARY.JSON.TXT'],
    ['no extension', 'summary'],
    ['a log', 'summary.log'],
    ['an address and a number beside the command', '10.0.0.7_summary (2).bin'],
  ])('knows a command by its file name: %s', async (_how, name) => {
    const { lines } = await decode(await put(name, summary));
    expect(Object.keys(lines[0]?.replies ?? {})).toEqual(['summary']);
  });

  it.each([
    ['remarks in front', `// a farm in the north\n# taken by hand\n\n${summary}\n`],
    ['the command as a prompt shows it', `> summary\n${summary}\n`],
    ['the request', `$ echo -n '{"command":"summary"}' | nc 10.0.0.7 4028\r\n${summary}\0`],
    ['a byte order mark', `\ufeff// remark\n${summary}`],
    ['the request alone', `{"command":"summary"}\n${summary}\0`],
    ['the request on the same line', `{"command": "summary", "parameter": ""}${summary}\0`],
    ['arrows', `> {"cmd":"summary"}\n< ${summary}\n`],
    ['a command of a shell', `echo -n summary | nc 10.0.0.7 4028\n${summary}\0`],
    ['a prompt', `root@farm:~# echo summary | nc 10.0.0.7 4028\n${summary}\0`],
    ['what telnet says', `Trying 10.0.0.7...\nConnected to 10.0.0.7.\nsummary\n${summary}\0`],
    ['the head of an HTTP answer', `HTTP/1.1 200 OK\r\nServer: lighttpd\r\n\r\n${summary}`],
    [
      'chunks',
      `HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n9\r\n${summary.slice(0, 9)}\r\n${(summary.length - 9).toString(16)}\r\n${summary.slice(9)}\r\n0\r\n\r\n`,
    ],
    ['a string', JSON.stringify(summary)],
    [
      'the request beside it',
      JSON.stringify({ command: 'summary', response: JSON.parse(summary) as object }),
    ],
    ['UTF-16', Buffer.from(`\ufeff${summary}`, 'utf16le')],
  ])('puts aside what an export writes: %s', async (_what, text) => {
    const { lines } = await decode(await put('export.txt', text));
    expect(lines[0]).toMatchObject({ sample: { hashrate_ghs: 4000 }, repairs: [] });
    expect(Object.keys(lines[0]?.replies ?? {})).toEqual(['summary']);
  });

  it.each([
    ['behind remarks', `> summary\n${summary}\n> pools\n${pools}\n> version\n${version}\n`],
    ['one behind the other', `${summary}${pools}\n${version}`],
    ['apart by NULs', `${summary}\0${pools}\0${version}\0`],
    ['behind labels', `summary:\n${summary}\n[pools]\n${pools}\nversion: ${version}`],
    [
      'behind their requests',
      `{"command":"summary"}${summary}\n{"command":"pools"}${pools}\n{"cmd":"version"}${version}`,
    ],
    ['as members', `{"summary":${summary},"pools":[${pools}],"version":${version}}`],
    ['as a list', `[${summary},${pools},${version}]`],
    [
      'a line each, one of an unknown command',
      `${summary}\n${pools}\n${version}\n${JSON.stringify(answer('LED', { Mode: 1 }))}`,
    ],
    ['as probe writes them', `── summary\n${summary}\n── pools\n${pools}\n── version\n${version}`],
  ])('reads several replies of one file: %s', async (_how, text) => {
    const { lines } = await decode(await put('all.txt', text));
    expect(lines[0]?.replies).toMatchObject({
      summary: { status: 'ok' },
      pools: { status: 'ok' },
      version: { status: 'ok' },
    });
    expect(lines[0]).toMatchObject({ sample: { hashrate_ghs: 4000, worker_name: 'w' }, repairs: [] });
  });

  it('goes on to the next command behind a reply that was cut', async () => {
    const text = `> summary\n${summary.slice(0, -30)}\n> pools\n${pools}\n`;
    const { lines } = await decode(await put('all.txt', text));
    expect(lines[0]?.replies).toMatchObject({ summary: { status: 'truncated' }, pools: { status: 'ok' } });
  });

  it('reads the texts of Avalon modules, named after their key or held by their file alone', async () => {
    for (const [name, text] of [
      ['MM ID0.txt', module],
      ['module.txt', `MM ID0=${module}`],
      ['quoted.txt', `"MM ID0": "${module}",`],
      ['bracket.txt', `MM ID0[${module}]\n`],
    ] as const) {
      const { lines } = await decode(await put(name, text));
      expect(lines[0]).toMatchObject({
        sample: { family: 'avalon', temperature_max: 67 },
        replies: { stats: { status: 'ok' } },
        repairs: [],
      });
      expect(lines[0]?.boards).toHaveLength(3);
    }
    const cut = await decode(await put('MM ID0.txt', module.slice(0, 200)));
    expect(cut.lines[0]).toMatchObject({ replies: { stats: { status: 'truncated' } } });
    expect(cut.lines[0]?.sample.overall_health).not.toBe('healthy');
  });

  it('takes damage for damage, not for remarks or for several replies', async () => {
    for (const text of [
      summary.replace('{', '#'),
      summary.replace('{', '>'),
      `${summary}"}`,
      summary.replace('],"id":1}', ']}{"id":1}'),
      `,"id":1}`,
    ]) {
      const { lines } = await decode(await put('summary.json', text));
      const { replies, repairs } = lines[0] ?? {};
      expect(Object.keys(replies ?? {})).toEqual(['summary']);
      expect(replies?.['summary']?.status !== 'ok' || (repairs?.length ?? 0) > 0).toBe(true);
    }
  });

  it.each([
    ['system_info.json', '{"hashRate":1200,"ASICModel":"BM1370","power":18,"version":"v2.6.0"}'],
    ['bitaxe.json', '{"hashRate":1200,"stratumURL":"pool.example","power":18,"version":"v2.6.0"}'],
  ])('knows a page of a Bitaxe: %s', async (name, text) => {
    const { lines } = await decode(await put(name, text));
    expect(lines[0]?.sample).toMatchObject({ family: 'bitaxe', hashrate_ghs: 1200 });
  });

  it('takes a Whatsminer by what its Msg holds', async () => {
    const message = (Msg: object) =>
      `${JSON.stringify({ STATUS: 'S', When: 1, Code: 131, Msg, Description: 'btminer' })}\n`;
    const text =
      message({ error_code: [110] }) + message({ 'HS RT': 1e8, 'MHS av': 1e8 }) + message({ fw_ver: '2024' });
    const { lines } = await decode(await put('all.log', text));
    expect(Object.keys(lines[0]?.replies ?? {}).sort()).toEqual(['get_error_code', 'get_version', 'summary']);
    expect(lines[0]).toMatchObject({ sample: { hashrate_ghs: 100_000 }, errors: [{ code: '110' }] });
  });

  it('takes replies over HTTP by the name of their path', async () => {
    const { lines } = await decode(
      await put('http_cgi-bin_get_miner_status.cgi.txt', '{"summary":{"ghs5s":"1"}}'),
    );
    expect(Object.keys(lines[0]?.replies ?? {})).toEqual(['http_cgi-bin_get_miner_status.cgi']);
  });
});

describe('decode of what is in the way', () => {
  it('follows links, and visits a folder that leads back to itself once', async () => {
    await put('farm/a/summary.json', summary);
    await symlink('..', path.join(root, 'farm', 'a', 'loop'));
    await symlink('nowhere', path.join(root, 'farm', 'broken.json'));
    await put('kept/pools.json', pools);
    await symlink(path.join(root, 'kept', 'pools.json'), path.join(root, 'farm', 'a', 'pools.json'));
    const { code, lines } = await decode(path.join(root, 'farm'));
    expect(code).toBe(0);
    const a = lines.find((line) => line.path === path.join(root, 'farm', 'a'));
    expect(Object.keys(a?.replies ?? {})).toEqual(['pools', 'summary']);
    expect(lines[0]).toMatchObject({
      path: path.join(root, 'farm'),
      error: 'broken.json: ENOENT: no such file or directory',
    });
  });

  it('gives a line to every folder with replies, however deep, and says where there are none', async () => {
    await put('site/row/miner/summary.json', summary);
    await mkdir(path.join(root, 'site', 'empty'));
    const { code, lines } = await decode(path.join(root, 'site'));
    expect(code).toBe(0);
    expect(lines.map((line) => [path.relative(root, line.path ?? ''), line.error ?? line.state])).toEqual([
      ['site/empty', 'no replies here'],
      ['site/row/miner', 'mining'],
    ]);
    const empty = await decode(path.join(root, 'site', 'empty'));
    expect([empty.code, empty.lines[0]?.error]).toEqual([1, 'no replies here']);
  });

  it('reads no more of a huge file than its bound', async () => {
    const file = await put('summary.json', Buffer.alloc(16 * 1024 * 1024, '{"a":['));
    const began = performance.now();
    const { code, lines } = await decode(file);
    expect(performance.now() - began).toBeLessThan(2_000);
    expect([code, lines[0]?.replies['summary']?.status]).toEqual([1, 'unreadable']);
    expect(lines[0]?.notes).toEqual(['summary.json: only the first 4194304 bytes were read']);
  });

  it.each([
    ['binary', Buffer.from(Array.from({ length: 4096 }, (_, i) => (i * 7919) % 256))],
    ['NULs', Buffer.alloc(5_000)],
    ['nothing', Buffer.alloc(0)],
    ['newlines', Buffer.alloc(1_000_000, '\n')],
    ['brackets', Buffer.alloc(1_000_000, '[')],
    ['remarks', Buffer.alloc(1_000_000, '# x\n')],
    ['objects', Buffer.alloc(1_000_000, '{}')],
    ['a module without end', Buffer.from(`Ver[${'['.repeat(500_000)}`)],
  ])('comes to an end with %s', async (_what, bytes) => {
    const began = performance.now();
    const { code, lines } = await decode(await put('summary.bin', bytes));
    expect(performance.now() - began).toBeLessThan(3_000);
    expect(lines).toHaveLength(1);
    expect(lines[0]?.sample.overall_health).not.toBe('healthy');
    expect([0, 1]).toContain(code);
  });

  it('notes a device or a pipe instead of reading it', async () => {
    const { code, lines } = await decode('/dev/zero');
    expect([code, lines[0]?.error]).toEqual([1, 'neither a file nor a folder']);
  });
});
