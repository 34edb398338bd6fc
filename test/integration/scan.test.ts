import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer as createWebServer } from 'node:http';
import { createServer, type Server, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { parseFault } from '../../load-test/simulator/faults.js';
import { startSimulator, type Simulator } from '../../load-test/simulator/simulator.js';
import { scan, type ScanOptions } from '../../src/cli/scan.js';
import { openProgress } from '../../src/cli/scan-progress.js';
import type { ScanRow } from '../../src/cli/scan-rows.js';
import { configSchema } from '../../src/config/schema.js';
import { sweep } from '../../workers/scan-sweep.js';

let simulator: Simulator;
let dir = '';
let server: Server | null = null;

beforeEach(async () => {
  dir = await mkdtemp(path.join(tmpdir(), 'headframe-scan-'));
  simulator = await startSimulator({
    seed: 7,
    miners: { addresses: [1, 2, 3, 4, 5].map((n) => `127.31.0.${n}`) },
    models: {
      '127.31.0.1': 'antminer-s19',
      '127.31.0.2': 'whatsminer-m50s',
      '127.31.0.3': 'avalon-1246',
      '127.31.0.4': 'cgminer',
      '127.31.0.5': 'antminer-s9',
    },
  });
});
afterEach(async () => {
  await simulator.stop();
  if (server?.listening) await new Promise((resolve) => server?.close(resolve));
  await rm(dir, { recursive: true, force: true });
});

interface Run {
  readonly code: number;
  readonly lines: string[];
  readonly told: string;
}

async function run(ranges: string[], options: Partial<ScanOptions> = {}): Promise<Run> {
  const lines: string[] = [];
  const told: string[] = [];
  const code = await scan(
    {
      ranges,
      ipFile: null,
      port: simulator.port,
      httpPort: 1,
      format: 'json',
      concurrency: 200,
      connectTimeoutMs: 500,
      minerDeadlineMs: 2_000,
      config: configSchema.parse({ allow_loopback: true }),
      ...options,
    },
    {
      print: (line) => lines.push(line),
      tell: (line) => told.push(line),
      progress: openProgress(process.stderr, { TERM: 'dumb' }),
    },
  );
  return { code, lines, told: told.join('\n') };
}

const rowsOf = ({ lines }: Run): Map<string, ScanRow> =>
  new Map(lines.map((line) => JSON.parse(line) as ScanRow).map((row) => [row.ip, row]));

describe('scan', () => {
  it('finds and identifies every miner of a range and nothing else', async () => {
    const result = await run(['127.31.0.0/26']);
    const rows = rowsOf(result);
    expect(result.code).toBe(0);
    expect([...rows.keys()].sort()).toEqual([...simulator.addresses].sort());
    expect([...rows].sort().map(([, row]) => [row.family, row.state])).toEqual([
      ['antminer', 'mining'],
      ['whatsminer', 'mining'],
      ['avalon', 'mining'],
      ['generic', 'mining'],
      ['antminer', 'mining'],
    ]);
    expect(rows.get('127.31.0.1')).toMatchObject({
      vendor: 'Bitmain',
      port: simulator.port,
      error_class: null,
    });
    expect(result.told).toMatch(/^5 found at 64 addresses/);
    expect(simulator.stats().overlaps).toBe(0);
  });

  it('takes ranges of a file besides those it is told, and leaves out what is excluded', async () => {
    const file = path.join(dir, 'farm.txt');
    await writeFile(
      file,
      '\ufeff# the farm\r\n127.31.0.1, 127.31.0.2  # two\r\n\r\n127.31.0.4-5;!127.31.0.5\r\n',
    );
    const rows = rowsOf(await run(['127.31.0.3'], { ipFile: file }));
    expect([...rows.keys()].sort()).toEqual(['127.31.0.1', '127.31.0.2', '127.31.0.3', '127.31.0.4']);
  });

  it('tells of machines that listen and cannot be read, by the way they fail', async () => {
    const faults = ['denied', 'silent', 'garbage:html', 'sleeping', 'malformed:nan'];
    for (const [i, fault] of faults.entries()) simulator.setFault(`127.31.0.${i + 1}`, parseFault(fault));
    const rows = rowsOf(await run(['127.31.0.1-5'], { minerDeadlineMs: 400 }));
    expect([1, 2, 3].map((n) => rows.get(`127.31.0.${n}`)?.state)).toEqual([
      'denied',
      'unreachable',
      'parse_error',
    ]);
    expect(rows.get('127.31.0.2')).toMatchObject({
      error_class: 'deadline',
      family: null,
      hashrate_ghs: null,
    });
    expect(rows.size).toBe(5);
  });

  it('tells a machine that refuses this address from one that resets connections', async () => {
    // What cgminer does outside its --api-allow: close at once, whatever was sent.
    const sockets = new Set<Socket>();
    server = createServer({ pauseOnConnect: true }, (socket) => {
      sockets.add(socket);
      socket.on('error', () => undefined);
      if (socket.localAddress === '127.31.1.1') socket.end(() => socket.destroy());
      else socket.resetAndDestroy();
    });
    server.listen(0, '0.0.0.0');
    await once(server, 'listening');
    const address = server.address();
    const port = typeof address === 'object' ? (address?.port ?? 0) : 0;
    const rows = rowsOf(await run(['127.31.1.1-2'], { port }));
    for (const socket of sockets) socket.destroy();
    expect([...rows].map(([ip, row]) => [ip, row.state])).toEqual([['127.31.1.1', 'denied']]);
  });

  it('reads machines whose web interface alone answers, and tells two behind one address apart', async () => {
    const info = {
      hashRate: 1200.5,
      ASICModel: 'BM1370',
      macAddr: '02:00:00:00:00:01',
      stratumURL: 'p.example',
    };
    const web = createWebServer((request, response) => {
      const isInfo = request.url === '/api/system/info';
      response.end(isInfo ? JSON.stringify(info) : '<html><title>AxeOS</title></html>');
    });
    web.listen(0, '0.0.0.0');
    await once(web, 'listening');
    const bound = web.address();
    const httpPort = typeof bound === 'object' ? (bound?.port ?? 0) : 0;
    try {
      const { lines } = await run(['127.31.0.1', '127.31.1.9'], { httpPort });
      const rows = lines.map((line) => JSON.parse(line) as ScanRow);
      expect(rows.map((row) => [row.ip, row.port, row.family]).sort()).toEqual(
        [
          ['127.31.0.1', simulator.port, 'antminer'],
          ['127.31.0.1', httpPort, 'bitaxe'],
          ['127.31.1.9', httpPort, 'bitaxe'],
        ].sort(),
      );
      expect(rows.at(-1)).toMatchObject({ hashrate_ghs: 1200.5, mac: '02:00:00:00:00:01' });
    } finally {
      web.close();
    }
  });

  it('writes each miner when it is read, not at the end', async () => {
    simulator.setFault('127.31.0.1', parseFault('silent'));
    const seen: string[] = [];
    const began = performance.now();
    const times: number[] = [];
    const lines = { push: (line: string) => times.push(performance.now() - began) + seen.push(line) };
    await scan(
      {
        ranges: ['127.31.0.1-5'],
        ipFile: null,
        port: simulator.port,
        httpPort: 1,
        format: 'csv',
        concurrency: 10,
        connectTimeoutMs: 500,
        minerDeadlineMs: 1_500,
        config: configSchema.parse({ allow_loopback: true }),
      },
      {
        print: (line) => lines.push(line),
        tell: () => undefined,
        progress: openProgress(process.stderr, { TERM: 'dumb' }),
      },
    );
    // The heading, four that answer, and the silent one after its deadline.
    expect(seen).toHaveLength(6);
    expect(times[4]).toBeLessThan(1_400);
    expect(times[5]).toBeGreaterThanOrEqual(1_400);
  });

  it('says so when there is nothing', async () => {
    const nothing = await run(['127.31.9.0/28'], { port: 1 });
    expect(nothing).toMatchObject({ code: 1, lines: [] });
    expect(nothing.told).toMatch(/^0 found at 16 addresses in .* s, 0 did not answer, 16 refused$/);
  });

  it.each([
    ['loopback without leave', ['127.31.0.1'], false, 'RANGE_INVALID'],
    ['link-local', ['169.254.0.0/24'], true, 'RANGE_INVALID'],
    ['multicast', ['224.0.0.1'], true, 'RANGE_INVALID'],
    ['a typing error', ['10.0.0.300'], true, 'RANGE_INVALID'],
    ['nothing at all', [], true, 'RANGE_INVALID'],
    ['only exclusions', ['!10.0.0.1'], true, 'RANGE_INVALID'],
  ])('refuses %s', async (_what, ranges, isAllowed, code) => {
    const config = configSchema.parse({ allow_loopback: isAllowed });
    await expect(run(ranges, { config })).rejects.toMatchObject({ code });
  });

  it('refuses a file it cannot read', async () => {
    await expect(run([], { ipFile: path.join(dir, 'none.txt') })).rejects.toMatchObject({
      code: 'CONFIG_INVALID',
    });
  });
});

describe('sweep', () => {
  const base = (127 << 24) + (31 << 16) + (2 << 8);
  const addresses = Array.from({ length: 300 }, (_, i) => (base >>> 0) + i);

  it('keeps to its bound of sockets and accounts for every address', async () => {
    const progress: number[] = [];
    const summary = await sweep({
      addresses,
      ports: [1],
      connectTimeoutMs: 2_000,
      concurrency: 20,
      onOpen: () => undefined,
      onProgress: (done) => progress.push(done),
    });
    expect(summary).toMatchObject({
      refused: 300,
      open: 0,
      silent: 0,
      unreachable: 0,
      failed: 0,
      shortages: 0,
    });
    expect(summary.peakSockets).toBeLessThanOrEqual(20);
    expect(progress).toEqual(addresses.map((_, i) => i + 1));
  });

  it('tries further ports only where a machine answered, and tells of each that is open', async () => {
    const opened: string[] = [];
    const summary = await sweep({
      addresses: [(127 << 24) + (31 << 16) + 1, (127 << 24) + (31 << 16) + 2].map((it) => it >>> 0),
      ports: [1, simulator.port, 2],
      connectTimeoutMs: 2_000,
      concurrency: 20,
      onOpen: (host, ports) => opened.push(...ports.map((port) => `${host}:${port}`)),
      onProgress: () => undefined,
    });
    expect(summary.refused).toBe(2);
    expect(opened.sort()).toEqual([`127.31.0.1:${simulator.port}`, `127.31.0.2:${simulator.port}`]);
  });
});
