import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { decodePaths } from '../../src/cli/decode.js';
import type { MinerReport } from '../../src/miner/report.js';
import { answer } from '../fixtures/miner-replies.js';

type Line = MinerReport & { readonly path?: string; readonly error?: string };

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

async function put(name: string, text: string): Promise<string> {
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
    expect([missing.code, missing.lines[0]?.error]).toEqual([1, 'no replies here']);
    await put('summary.json', summary);
    const both = await decode(root, path.join(root, 'nowhere'));
    expect(both.code).toBe(0);
    expect(both.lines[0]?.replies['pools']?.status).toBe('unreadable');
  });

  it('writes text for a reader', async () => {
    const lines: string[] = [];
    await decodePaths([await put('summary.json', summary)], { json: false }, (line) => lines.push(line));
    expect(lines.join('\n')).toContain('hashrate  4000 GH/s');
    expect(lines.join('\n')).toContain('state     mining, health healthy');
  });
});
