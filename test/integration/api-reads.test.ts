import { isCountedByPage } from '../../src/domain/live-filter.js';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { once } from 'node:events';
import { Agent, get, type IncomingMessage } from 'node:http';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { liveMiner } from '../../src/api/contract/live-answers.js';
import { AppError } from '../../src/domain/errors.js';
import type { LiveMiner, LiveQuery } from '../../src/domain/ingest.js';
import { emptySummary, startTestApi, testKey, type TestApi } from '../support/api-server.js';
import { everything } from '../support/live-query.js';
import { waitFor } from '../support/wait.js';

const queries: LiveQuery[] = [];
let api: TestApi;
let webDir: string;
beforeAll(async () => {
  webDir = await mkdtemp(path.join(tmpdir(), 'headframe-web-'));
  await mkdir(path.join(webDir, 'assets'));
  await writeFile(path.join(webDir, 'index.html'), '<!doctype html><title>Headframe</title>');
  await writeFile(path.join(webDir, 'assets', 'main-abc123.js'), 'export {};');
  api = await startTestApi({
    deps: {
      webDir,
      livePage: async (siteId, query) => {
        queries.push(query);
        return {
          miners: [],
          next: siteId === 1 && query.perPage === 2 ? ['10.0.0.1/32', '10.0.0.1'] : null,
          ...(isCountedByPage(query) ? { total: 0 } : {}),
        };
      },
      minerDetail: async (_siteId, key) => (key === 'a/b c' ? ({ miner_id: key } as never) : null),
    },
  });
});
afterAll(async () => {
  await api.stop();
  await rm(webDir, { recursive: true, force: true });
});

const read = async (route: string, target = api): Promise<[number, Record<string, unknown>]> => {
  const response = await fetch(`${target.url}${route}`);
  return [response.status, (await response.json()) as Record<string, unknown>];
};

describe('reads', () => {
  it('answer success and data', async () => {
    expect(await read('/api/collector/summary/1')).toEqual([200, { success: true, data: emptySummary }]);
    expect(await read('/api/collector/sites')).toEqual([
      200,
      { success: true, data: [{ site_id: 1, site_name: 'north' }] },
    ]);
    expect(await read('/api/collector/top/1')).toEqual([
      200,
      { success: true, data: { hottest: [], worst: [], most_rejects: [] } },
    ]);
    expect(await read('/api/collector/stats')).toMatchObject([
      200,
      { total_sites: 1, data: { total_sites: 1 } },
    ]);
    expect(await read('/api/collector/sites/1/miners/a%2Fb%20c')).toEqual([
      200,
      { success: true, data: { miner_id: 'a/b c' } },
    ]);
  });

  it('are 404 for sites and miners that are not there', async () => {
    for (const route of ['summary/2', 'live/2', 'top/2', 'sites/1/miners/none', 'stream?site=2']) {
      expect(await read(`/api/collector/${route}`)).toMatchObject([
        404,
        { success: false, code: 'NOT_FOUND' },
      ]);
    }
  });

  it('read the live list’s query', async () => {
    await read('/api/collector/live/1');
    expect(queries.at(-1)).toEqual(everything);
    const query = 'page=3&per_page=500&online_only=true&state=sleeping&search=%00s19%20&sort=hashrate';
    const [status, answer] = await read(`/api/collector/live/1?${query}`);
    expect(status).toBe(200);
    expect(answer).toEqual({
      success: true,
      data: { miners: [], pagination: { page: 3, per_page: 500, total: 0, pages: 0, next_cursor: null } },
    });
    expect(queries.at(-1)).toEqual({
      ...everything,
      page: 3,
      perPage: 500,
      onlineOnly: true,
      state: 'sleeping',
      search: 's19',
      sort: 'hashrate',
      descending: true,
    });
    const filters = 'model=s19&firmware=v1&pool=pool.example&subnet=10.0.0.0/8&health=warning&state=';
    await read(`/api/collector/live/1?${filters}`);
    expect(queries.at(-1)).toEqual({
      ...everything,
      model: 's19',
      firmware: 'v1',
      pool: 'pool.example',
      subnet: '10.0.0.0/8',
      health: 'warning',
    });
    await read('/api/collector/live/1?sort=hashrate&order=asc');
    expect(queries.at(-1)).toMatchObject({ sort: 'hashrate', descending: false });
  });

  it('give a cursor that leads to the page after', async () => {
    const [, answer] = await read('/api/collector/live/1?per_page=2&order=desc');
    const { pagination } = answer['data'] as { pagination: { next_cursor: string } };
    const [, next] = await read(`/api/collector/live/1?order=desc&cursor=${pagination.next_cursor}`);
    expect(queries.at(-1)).toMatchObject({ after: ['10.0.0.1/32', '10.0.0.1'] });
    expect(next).toMatchObject({ data: { pagination: { page: null, next_cursor: null } } });
    const [status, wrong] = await read(`/api/collector/live/1?cursor=${pagination.next_cursor}`);
    expect([status, wrong['code']]).toEqual([400, 'REQUEST_INVALID']);
  });

  it.each([
    ['live/1?per_page=501', 'per_page'],
    ['live/1?cursor=a+b', 'cursor'],
    ['live/1?cursor=bm90aGluZw', 'cursor'],
    ['live/1?subnet=10.0.0.0/33', 'subnet'],
    ['live/1?subnet=everything', 'subnet'],
    ['live/1?health=fine', 'health'],
    ['live/1?format=xml', 'format'],
    ['quirks?site=x', 'site'],
    ['live/1?page=0', 'page'],
    ['live/1?page=-1', 'page'],
    ['live/1?sort=password', 'sort'],
    ['live/1?state=dancing', 'state'],
    ['live/1?online_only=perhaps', 'online_only'],
    ['live/1?page=1&page=2', 'page'],
    ['live/x', 'site'],
    ['summary/99999999999', 'site'],
    ['stream', 'site'],
  ])('are 400 for %s, naming the parameter', async (route, name) => {
    const [status, answer] = await read(`/api/collector/${route}`);
    expect(status).toBe(400);
    expect(answer).toMatchObject({ success: false, code: 'REQUEST_INVALID' });
    expect(answer['error']).toContain(`Invalid ${name}: `);
  });

  it('are 400 for a path that cannot be read', async () => {
    expect(await read('/api/collector/sites/1/miners/%E0%A4%A')).toMatchObject([
      400,
      { code: 'REQUEST_INVALID' },
    ]);
  });

  it('give an old answer with its age while the database is away, up to its lifetime', async () => {
    let isAway = false;
    let nowMs = Date.now();
    const away = () => Promise.reject(new AppError('DATABASE_UNAVAILABLE', 'away'));
    const own = await startTestApi({
      deps: {
        now: () => nowMs,
        summary: async () => (isAway ? away() : emptySummary),
        livePage: async () => (isAway ? away() : { miners: [], next: null }),
      },
    });
    try {
      for (const route of ['summary/1', 'live/1'])
        expect((await read(`/api/collector/${route}`, own))[0]).toBe(200);
      isAway = true;
      nowMs += 20_000;
      const old = await fetch(`${own.url}/api/collector/summary/1`);
      expect([old.status, old.headers.get('age')]).toEqual([200, '20']);
      expect((await read('/api/collector/live/1', own))[0]).toBe(200);
      expect(await own.metric('headframe_reads_total{source="stale"}')).toBeGreaterThanOrEqual(2);
      nowMs += 11_000;
      expect((await read('/api/collector/summary/1', own))[0]).toBe(503);
      nowMs += 30_000;
      const gone = await fetch(`${own.url}/api/collector/live/1`);
      expect([gone.status, gone.headers.get('retry-after') !== null]).toEqual([503, true]);
      isAway = false;
      const back = await fetch(`${own.url}/api/collector/summary/1`);
      expect([back.status, back.headers.get('age')]).toEqual([200, null]);
    } finally {
      await own.stop();
    }
  });

  it('end within their deadline when the database says nothing', async () => {
    const never = () => new Promise<never>(() => undefined);
    const own = await startTestApi({
      deps: { summary: never, livePage: never, top: never, stats: never, liveIds: never, minerDetail: never },
      options: { readDeadlineMs: 150 },
    });
    try {
      const startedMs = performance.now();
      const routes = ['summary/1', 'live/1', 'top/1', 'stats', 'live/1?format=csv', 'sites/1/miners/a'];
      const answers = await Promise.all(routes.map((route) => read(`/api/collector/${route}`, own)));
      expect(answers.map(([status, { code }]) => [status, code])).toEqual(
        routes.map(() => [503, 'DATABASE_UNAVAILABLE']),
      );
      expect(performance.now() - startedMs).toBeLessThan(2_000);
    } finally {
      await own.stop();
    }
  });

  it('stream CSV to a few at once, only as fast as they read, and cut it when the database goes', async () => {
    const miner = {
      ...(Object.fromEntries(Object.keys(liveMiner.shape).map((name) => [name, null])) as object),
    };
    let isAway = false;
    let batches = 0;
    const own = await startTestApi({
      deps: {
        liveIds: async () => new Int32Array(100_000),
        liveByIds: async (ids) => {
          batches++;
          if (isAway) throw new AppError('DATABASE_UNAVAILABLE', 'away');
          return Array.from(ids, () => ({ ...miner, miner_id: 'm'.repeat(500) }) as LiveMiner);
        },
      },
      options: { maxCsvExports: 1 },
    });
    try {
      const request = get(`${own.url}/api/collector/live/1?format=csv`, { agent: false });
      const [response] = (await once(request, 'response')) as [IncomingMessage];
      response.on('error', () => undefined);
      response.pause();
      let before = -1;
      await waitFor('a stop', () => batches === before || ((before = batches), false), { everyMs: 200 });
      // Of 50 MB only what fits into buffers was made.
      expect(batches).toBeLessThan(40);
      expect((await read('/api/collector/live/1?format=csv', own))[1]).toMatchObject({ code: 'OVERLOADED' });
      isAway = true;
      response.resume();
      await waitFor('the end', () => response.closed);
      expect(response.complete).toBe(false);
      await waitFor('room', async () => (await own.metric('headframe_csv_exports')) === 0);
    } finally {
      await own.stop();
    }
  });

  it('ask the database once for many at once, and again after a failure', async () => {
    let isAway = true;
    let asked = 0;
    const own = await startTestApi({
      deps: {
        summary: async () => {
          asked += 1;
          if (isAway) throw new AppError('DATABASE_UNAVAILABLE', 'away');
          return emptySummary;
        },
      },
    });
    try {
      expect(await read('/api/collector/summary/1', own)).toMatchObject([
        503,
        { code: 'DATABASE_UNAVAILABLE' },
      ]);
      isAway = false;
      const answers = await Promise.all(
        Array.from({ length: 50 }, () => read('/api/collector/summary/1', own)),
      );
      expect(answers.every(([status]) => status === 200)).toBe(true);
      expect(asked).toBe(2);
    } finally {
      await own.stop();
    }
  });

  it('without signing in are for this machine only unless opened: what a proxy forwards is refused', async () => {
    const forwarded = { headers: { 'X-Forwarded-For': '203.0.113.9' } };
    const refused = await fetch(`${api.url}/api/collector/sites`, forwarded);
    expect(refused.status).toBe(401);
    expect(await refused.json()).toMatchObject({ success: false, code: 'LOGIN_REQUIRED' });
    // A page of elsewhere whose name was made to point here. `fetch` sets the host itself.
    const [rebound] = (await once(
      get(`${api.url}/api/collector/sites`, { headers: { Host: 'farm.example' }, agent: false }),
      'response',
    )) as [IncomingMessage];
    rebound.resume();
    expect(rebound.statusCode).toBe(401);
    const own = await startTestApi({ options: { hasOpenReads: true } });
    try {
      expect((await fetch(`${own.url}/api/collector/sites`, forwarded)).status).toBe(200);
    } finally {
      await own.stop();
    }
  });
});

describe('health and metrics', () => {
  it('are alive without a database, and ready only with one', async () => {
    let isAway = false;
    const own = await startTestApi({
      deps: { ping: () => (isAway ? new Promise(() => undefined) : Promise.resolve()) },
      options: { pingDeadlineMs: 100 },
    });
    try {
      expect(await read('/healthz', own)).toMatchObject([200, { status: 'ok' }]);
      expect(await read('/readyz', own)).toMatchObject([200, { status: 'ready' }]);
      isAway = true;
      expect(await read('/healthz', own)).toMatchObject([200, { status: 'ok' }]);
      expect(await read('/readyz', own)).toMatchObject([
        503,
        { success: false, code: 'DATABASE_UNAVAILABLE' },
      ]);
    } finally {
      await own.stop();
    }
  });

  it('count every answer by route, unknown ones together', async () => {
    const own = await startTestApi();
    try {
      await read('/api/collector/summary/1', own);
      await read('/api/a-guess', own);
      await read('/another', own);
      const response = await fetch(`${own.url}/metrics`);
      expect(response.headers.get('content-type')).toMatch(/^text\/plain/);
      const requests = 'headframe_http_requests_total';
      expect(await own.metric(`${requests}{route="/api/collector/summary/:site",status="200"}`)).toBe(1);
      expect(await own.metric(`${requests}{route="unmatched",status="404"}`)).toBe(2);
    } finally {
      await own.stop();
    }
  });
});

describe('the page', () => {
  it('is served with a policy that allows only itself', async () => {
    const page = await fetch(`${api.url}/`);
    expect(await page.text()).toContain('<title>Headframe</title>');
    expect(page.headers.get('cache-control')).toBe('no-cache');
    const policy = page.headers.get('content-security-policy') ?? '';
    expect(policy).toContain("default-src 'self'");
    expect(policy).not.toMatch(/unsafe|https?:|upgrade-insecure/);
    expect(page.headers.get('x-content-type-options')).toBe('nosniff');
    expect(page.headers.get('x-powered-by')).toBeNull();
  });

  it('lets hashed assets be kept for ever, and answers never', async () => {
    const asset = await fetch(`${api.url}/assets/main-abc123.js`);
    expect(asset.headers.get('cache-control')).toBe('public, max-age=31536000, immutable');
    const answer = await fetch(`${api.url}/api/collector/sites`);
    expect(answer.headers.get('cache-control')).toBe('no-store');
  });

  it('gives no other file away', async () => {
    for (const route of ['/../package.json', '/%2e%2e/package.json', '/assets', '/.git/config', '/nothing']) {
      expect((await fetch(`${api.url}${route}`)).status).toBe(404);
    }
  });
});

describe('the server', () => {
  it('keeps connections alive over uploads, refusals and reads', async () => {
    const agent = new Agent({ keepAlive: true, maxSockets: 1 });
    const ports = new Set<number | undefined>();
    for (const route of ['/api/collector/sites', '/api/none', '/healthz', '/api/collector/summary/1']) {
      const request = get(`${api.url}${route}`, { agent });
      const [response] = (await once(request, 'response')) as [IncomingMessage];
      ports.add(response.socket.localPort);
      response.resume();
      await once(response, 'end');
    }
    expect(ports.size).toBe(1);
    agent.destroy();
  });

  it('ends a connection whose head does not come', async () => {
    const own = await startTestApi({ timeouts: { headersMs: 100, requestMs: 200, checkMs: 20 } });
    try {
      const socket = connect(own.server.port, '127.0.0.1');
      await once(socket, 'connect');
      socket.write('GET / HTTP/1.1\r\nHost: te');
      let text = '';
      socket.on('data', (part: Buffer) => (text += part.toString()));
      await once(socket, 'close');
      expect(text).toMatch(/^HTTP\/1.1 408 /);
    } finally {
      await own.stop();
    }
  });

  it('drains: what is under way ends well, what is new is refused, streams end, then nothing listens', async () => {
    let open: (() => void) | undefined;
    const gate = new Promise<void>((resolve) => (open = resolve));
    const own = await startTestApi({
      deps: {
        writeBatch: async ({ rowCount }) => {
          await gate;
          const outcome = { stored: rowCount, duplicate: 0, updated: rowCount, created: 0 };
          return { ...outcome, isDuplicateBatch: false, unstorable: [] };
        },
      },
    });
    try {
      const request = get(`${own.url}/api/collector/stream?site=1`, { agent: false });
      const [stream] = (await once(request, 'response')) as [IncomingMessage];
      stream.resume();
      const upload = fetch(`${own.url}/api/collector/upload`, {
        method: 'POST',
        headers: { 'X-Collector-Key': testKey() },
        body: JSON.stringify([{ miner_id: 'a', online: true }]),
      });
      await waitFor('the write', () => own.calls['writeBatch'] === 1);
      const stopped = own.server.stop({ deadlineMs: 5_000, noticeMs: 150 });
      await once(stream, 'end');
      expect(await read('/readyz', own)).toMatchObject([503, { code: 'DRAINING' }]);
      expect(await read('/healthz', own)).toMatchObject([200, { status: 'ok' }]);
      const refused = await fetch(`${own.url}/api/collector/sites`);
      expect(refused.status).toBe(503);
      expect(refused.headers.get('retry-after')).not.toBeNull();
      open?.();
      expect((await upload).status).toBe(200);
      await stopped;
      await expect(fetch(`${own.url}/healthz`)).rejects.toThrow();
    } finally {
      open?.();
      await own.stop();
    }
  });

  it('closes what does not end within the bound', async () => {
    const own = await startTestApi({ deps: { summary: () => new Promise(() => undefined) } });
    const hung = fetch(`${own.url}/api/collector/summary/1`).catch(() => 'cut');
    await waitFor('the query', () => own.calls['summary'] === 1);
    const startedMs = performance.now();
    await own.server.stop({ deadlineMs: 200 });
    expect(performance.now() - startedMs).toBeLessThan(1_000);
    expect(await hung).toBe('cut');
    await own.stop();
  });
});
