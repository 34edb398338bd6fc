import { createServer, type Server } from 'node:net';
import { afterEach, describe, expect, it } from 'vitest';
import { startSimulator, type Simulator } from '../../load-test/simulator/simulator.js';
import type { CredentialRule } from '../../src/domain/credentials.js';
import type { Profile } from '../../src/miner/profile.js';
import { encodeFrame } from '../../src/miner/whatsminer-frame.js';
import { pollMiner, type SessionResult } from '../../workers/miner-session.js';
import { WebMemory } from '../../workers/web-memory.js';
import * as more from '../fixtures/more-web-replies.js';
import * as web from '../fixtures/web-replies.js';
import { behindDigest, pages, startHttpMiner, type Device, type HttpMiner } from '../support/http-miners.js';
import { createShardRig, testLimits } from '../support/poll.js';

const running: { stop(): Promise<void> }[] = [];
afterEach(async () => {
  await Promise.all(running.splice(0).map((it) => it.stop()));
});

const host = '127.41.0.1';
/** Nothing listens there. */
const closedPort = 9;
const password = 'correct horse';
const rule = (more: Partial<CredentialRule> = {}): CredentialRule => ({
  family: null,
  ranges: null,
  username: 'root',
  password,
  ...more,
});
const realm = 'antMiner Configuration';
const antminer = (uses?: number): Device =>
  behindDigest(pages(web.antminerPages), {
    realm,
    username: 'root',
    password,
    ...(uses === undefined ? {} : { uses }),
  });

async function miner(device: Device, at = host): Promise<HttpMiner> {
  const started = await startHttpMiner(at, device);
  running.push(started);
  return started;
}

async function farm(address: string): Promise<Simulator> {
  const simulator = await startSimulator({
    seed: 7,
    miners: { addresses: [address] },
    models: { [address]: 'antminer-s19' },
  });
  running.push(simulator);
  return simulator;
}

interface Asked extends Partial<Parameters<typeof pollMiner>[0]> {
  readonly limits?: typeof testLimits;
}

/** One poll of `host`, whose CGMiner port is shut unless told otherwise. */
function poll(profile: Profile, httpPort: number, more: Asked = {}): Promise<SessionResult> {
  return pollMiner({
    host,
    port: closedPort,
    profile,
    limits: { ...testLimits, http: 'auto' },
    wantsIdentity: false,
    now: () => performance.now(),
    httpPort,
    webMemory: new WebMemory(),
    ...more,
  });
}

const rigOf = (http: HttpMiner, more: { port?: number; limits?: object; credentials?: CredentialRule[] }) => {
  const rig = createShardRig({
    ranges: [host],
    port: more.port ?? closedPort,
    limits: { http: 'auto', ...more.limits },
  });
  const task = { httpPort: http.port, credentials: more.credentials ?? [] };
  return { rig, next: async () => (await rig.poll(task)).records.get(host), task };
};

describe('a miner that answers over HTTP alone', () => {
  it('is found behind its digest, read whole, and asked on with the same nonce', async () => {
    const http = await miner(antminer());
    const { rig, next } = rigOf(http, { credentials: [rule()] });
    expect(await next()).toMatchObject({
      state: 'mining',
      family: 'antminer-web',
      model: 'Antminer S21',
      mac: '02:aa:00:00:00:21',
      hashrate_ghs: 198_100,
      error_class: null,
    });
    const before = http.seen.length;
    expect(await next()).toMatchObject({ state: 'mining', mac: '02:aa:00:00:00:21' });
    const again = http.seen.slice(before);
    expect(again.map((request) => request.path)).toEqual(Object.keys(web.antminerPages).slice(0, 3));
    expect(again.every((request) => request.headers.authorization?.startsWith('Digest ') === true)).toBe(
      true,
    );
    expect(http.peak()).toBe(1);
    expect(rig.profiles[host]).toMatchObject({ family: 'antminer-web' });
  });

  it('gets a new answer when its nonce has aged, without a word of a wrong password', async () => {
    const http = await miner(antminer(2));
    const { next } = rigOf(http, { credentials: [rule()] });
    for (let i = 0; i < 3; i++) expect(await next()).toMatchObject({ state: 'mining', error_class: null });
  });

  it('is logged into once, and again when its token is forgotten', async () => {
    let token = 'first-token';
    const http = await miner((request) => {
      if (request.path === '/') return { body: '<meta name="firmware" content="AnthillOS">' };
      if (request.path === '/api/v1/unlock')
        return (JSON.parse(request.body) as { pw: string }).pw === password
          ? { body: { token } }
          : { status: 403 };
      return request.headers.authorization === `Bearer ${token}`
        ? pages(web.vnishPages)(request)
        : { status: 401, body: '' };
    });
    const { rig, next } = rigOf(http, { credentials: [rule({ username: '' })] });
    const first = await next();
    expect(first).toMatchObject({ state: 'mining', family: 'vnish-web', power_consumption: 2600 });
    await next();
    token = 'second-token';
    expect(await next()).toMatchObject({ state: 'mining' });
    expect(http.seen.filter((request) => request.path === '/api/v1/unlock')).toHaveLength(2);
    const kept = JSON.stringify([rig.profiles, first]);
    for (const secret of [password, 'first-token', 'second-token']) expect(kept).not.toContain(secret);
  });

  it('is logged into by cookie for GraphQL, which refuses with status 200', async () => {
    const http = await miner((request) => {
      if (request.path === '/') return { body: '<title>Braiins OS</title>' };
      if (request.path !== '/graphql') return { status: 404, body: '' };
      const { query } = JSON.parse(request.body) as { query: string };
      if (query.includes('login'))
        return {
          headers: { 'set-cookie': 'session_id=s3cr3t; Path=/; HttpOnly' },
          body: { data: { auth: {} } },
        };
      if (request.headers.cookie !== 'session_id=s3cr3t')
        return { body: { data: null, errors: [{ message: 'not logged in' }] } };
      return { body: Object.entries(web.braiinsGraphqlAnswers).find(([word]) => query.includes(word))?.[1] };
    });
    const { next } = rigOf(http, { credentials: [rule()] });
    expect(await next()).toMatchObject({
      state: 'mining',
      family: 'braiins-graphql',
      model: 'Antminer S19j Pro',
      hashrate_ghs: 100_500,
    });
  });

  it('is logged into by a form where it leads to its login page instead of refusing', async () => {
    const http = await miner((request) => {
      if (request.path === '/') return { body: '<title>用户界面 IceRiver</title>' };
      if (request.path.startsWith('/user/loginpost'))
        return new URL(request.path, 'http://x').searchParams.get('pwd') === password
          ? { headers: { 'set-cookie': 'sid=s3cr3t; Path=/' }, body: { error: 0 } }
          : { body: { error: 1 } };
      if (request.headers.cookie !== 'sid=s3cr3t')
        return { status: 302, headers: { location: '/user/login' }, body: '' };
      return pages(more.iceriverPages)(request);
    });
    const { rig, next } = rigOf(http, { credentials: [rule()] });
    expect(await next()).toMatchObject({ state: 'mining', family: 'iceriver', hashrate_ghs: 12_100 });
    const login = http.seen.filter((request) => request.path.startsWith('/user/loginpost'));
    expect(login).toMatchObject([
      { method: 'POST', headers: { 'content-type': 'application/x-www-form-urlencoded' } },
    ]);
    expect(JSON.stringify([rig.profiles, await next()])).not.toMatch(/s3cr3t|pool-word/);
  });

  it('that needs no password is sent none, and keeps those of its pools to itself', async () => {
    const http = await miner((request) =>
      request.path === '/' ? { body: '<title>Goldshell</title>' } : pages(web.goldshellPages)(request),
    );
    const { next } = rigOf(http, { credentials: [rule()] });
    const first = await next();
    expect(first).toMatchObject({ state: 'mining', family: 'goldshell', model: 'HS5' });
    expect(http.seen.some((request) => request.path.includes('login'))).toBe(false);
    expect(JSON.stringify(first?.raw)).not.toContain('secret-of-pool');
    expect(Object.keys(first?.raw ?? {})).toContain('/mcb/pools');
  });

  it('keeps its reading when one path fails, and is not asked for that path again', async () => {
    const { '/api/v1/miner/errors': left, ...present } = web.braiinsRestPages;
    expect(left).toBeDefined();
    const http = await miner((request) =>
      request.path === '/' ? { body: '<title>Braiins OS</title>' } : pages(present)(request),
    );
    const { next } = rigOf(http, {});
    expect(await next()).toMatchObject({ state: 'mining', family: 'braiins-rest', error_class: null });
    await next();
    expect(http.seen.filter((request) => request.path === '/api/v1/miner/errors')).toHaveLength(1);
  });

  it('on the CGMiner port itself is found there', async () => {
    const http = await miner(pages(web.epicPages));
    const { next } = rigOf(http, { port: http.port });
    const first = await next();
    expect(first).toMatchObject({ state: 'mining', family: 'epic', hashrate_ghs: 99_000 });
    expect(JSON.stringify(first)).not.toContain('hidden-pool-password');
    const before = http.seen.length;
    expect(await next()).toMatchObject({ state: 'mining', family: 'epic' });
    expect(http.seen.slice(before).map((request) => request.path)).toEqual(['/summary', '/temps']);
  });
});

describe('a password', () => {
  it('that is wrong is a state of its own, tried once and then ever more seldom', async () => {
    const http = await miner(antminer());
    const { next } = rigOf(http, { credentials: [rule({ password: 'guess' })] });
    expect(await next()).toMatchObject({
      state: 'wrong_password',
      error_class: 'wrong_password',
      online: true,
      hashrate_ghs: null,
    });
    const guesses = () => http.seen.filter((it) => it.headers.authorization !== undefined).length;
    expect(guesses()).toBe(1);
    for (let i = 0; i < 12; i++) await next();
    expect(guesses()).toBeLessThan(8);
  });

  it('is not guessed: without one the miner is told apart and left alone', async () => {
    const http = await miner(antminer());
    const { next } = rigOf(http, {});
    const record = await next();
    expect(record).toMatchObject({ state: 'wrong_password' });
    expect(record?.error_message).toContain('none is configured');
    expect(http.seen.every((request) => request.headers.authorization === undefined)).toBe(true);
  });

  it('is sent in no weaker way than the firmware is known to use', async () => {
    const http = await miner(() => ({
      status: 401,
      headers: { 'www-authenticate': `Basic realm="${realm}"` },
      body: '',
    }));
    const { next } = rigOf(http, { credentials: [rule()] });
    expect(await next()).toMatchObject({ state: 'wrong_password' });
    expect(http.seen.every((request) => request.headers.authorization === undefined)).toBe(true);
  });

  it('goes to no other family or address than those it is for', async () => {
    const http = await miner(antminer());
    const others = [rule({ family: 'vnish-web' }), rule({ ranges: [{ first: 1, last: 2 }] })];
    const { next } = rigOf(http, { credentials: others });
    expect(await next()).toMatchObject({ state: 'wrong_password' });
    expect(http.seen.every((request) => request.headers.authorization === undefined)).toBe(true);
  });
});

describe('a web interface that misbehaves', () => {
  const bitaxe = (): Profile => ({ family: 'bitaxe', identifiedAt: 1 });
  const elapsed = async (run: Promise<SessionResult>) => {
    const began = performance.now();
    const session = await run;
    return { session, ms: performance.now() - began };
  };

  it('cannot send us to another address', async () => {
    const other = await miner(pages({ '/api/system/info': web.bitaxeInfo }), '127.41.0.2');
    const targets = [
      `http://127.41.0.2:${other.port}/api/system/info`,
      'https://127.41.0.1/x',
      '//127.41.0.2/x',
    ];
    for (const location of targets) {
      const http = await miner(() => ({ status: 307, headers: { location }, body: '' }));
      const session = await poll(bitaxe(), http.port, { limits: testLimits });
      expect(session.errorClass).toBe('http_error');
      expect(http.seen).toHaveLength(1);
    }
    expect(other.seen).toHaveLength(0);
  });

  it('may send us on once to itself, and not round and round', async () => {
    const http = await miner((request) =>
      request.path.startsWith('/new')
        ? { body: web.bitaxeInfo }
        : { status: 301, headers: { location: '/new/info' }, body: '' },
    );
    const session = await poll(bitaxe(), http.port, { limits: testLimits });
    expect(session.replies.get('/api/system/info')?.kind).toBe('ok');
    http.device = () => ({ status: 302, headers: { location: '/again' }, body: '' });
    const before = http.seen.length;
    expect((await poll(bitaxe(), http.port, { limits: testLimits })).errorClass).toBe('http_error');
    expect(http.seen.length - before).toBe(2);
  });

  it('and drips ends at the deadline; what came is flagged', async () => {
    const http = await miner(() => ({ body: web.bitaxeInfo, dripMs: 20 }));
    const { session, ms } = await elapsed(poll(bitaxe(), http.port));
    expect(session.errorClass).toBe('deadline');
    expect(ms).toBeLessThan(testLimits.minerDeadlineMs * 1.1 + 100);
    const reply = session.replies.get('/api/system/info');
    expect(reply).toMatchObject({ kind: 'ok', isTruncated: true });
  });

  it('and says nothing ends at the deadline', async () => {
    const silent = createServer(() => undefined);
    await new Promise<void>((resolve) => silent.listen(0, host, resolve));
    running.push(closing(silent));
    const { session, ms } = await elapsed(poll(bitaxe(), portOf(silent)));
    expect(session).toMatchObject({ errorClass: 'deadline', hasConnected: true });
    expect(ms).toBeLessThan(testLimits.minerDeadlineMs * 1.1 + 100);
  });

  it('and sends more than is read is cut off', async () => {
    const http = await miner(() => ({ body: `{"pad":"${'x'.repeat(3_000_000)}"}` }));
    const limits = { ...testLimits, http: 'auto' as const, maxReplyBytes: 100_000 };
    const session = await poll(bitaxe(), http.port, { limits });
    expect(session.errorClass).toBe('too_large');
    expect(session.raw.get('/api/system/info')?.length).toBe(100_000);
  });

  it.each([
    ['an HTML page with status 200', { body: '<html><body>Error 500</body></html>' }, 'not_json'],
    ['an empty body', { body: '' }, 'empty_reply'],
    ['status 500', { status: 500, body: 'oops' }, 'http_error'],
  ])('and answers %s is a parse error of that class', async (_, answer, errorClass) => {
    const http = await miner(pages({ '/api/system/info': web.bitaxeInfo, '/': '<title>AxeOS</title>' }));
    const { next } = rigOf(http, {});
    expect(await next()).toMatchObject({ state: 'mining', family: 'bitaxe' });
    http.device = () => answer;
    expect(await next()).toMatchObject({
      state: 'parse_error',
      error_class: errorClass,
      hashrate_ghs: null,
      accepted_shares: null,
    });
  });

  it('and speaks no HTTP is an error, not a crash', async () => {
    const odd = createServer((socket) => socket.end('SSH-2.0-dropbear\r\n'));
    await new Promise<void>((resolve) => odd.listen(0, host, resolve));
    running.push(closing(odd));
    const session = await poll(bitaxe(), portOf(odd));
    expect(session).toMatchObject({ errorClass: 'http_error', hasConnected: true });
  });
});

describe('the way to a miner', () => {
  it('stays the CGMiner API where that answers', async () => {
    const simulator = await farm(host);
    const http = await miner(antminer());
    const { next } = rigOf(http, { port: simulator.port, credentials: [rule()] });
    for (let i = 0; i < 2; i++) expect(await next()).toMatchObject({ state: 'mining', family: 'antminer' });
    expect(http.seen).toHaveLength(0);
  });

  it('turns to HTTP when the API is denied, and back when it is not', async () => {
    const simulator = await farm(host);
    const http = await miner(antminer());
    const { next } = rigOf(http, {
      port: simulator.port,
      credentials: [rule()],
      limits: { identityMs: 20_000 },
    });
    expect(await next()).toMatchObject({ family: 'antminer' });
    simulator.setFault(host, { kind: 'denied' });
    expect(await next()).toMatchObject({ state: 'mining', family: 'antminer-web', hashrate_ghs: 198_100 });
    expect(await next()).toMatchObject({ state: 'mining', family: 'antminer-web' });
    simulator.setFault(host, null);
    const families = new Set<unknown>();
    for (let i = 0; i < 3; i++) families.add((await next())?.family);
    expect(families).toContain('antminer');
    expect(await next()).toMatchObject({ state: 'mining', family: 'antminer' });
  });

  it('is not looked for where the API is denied and there is no password', async () => {
    const simulator = await farm(host);
    const http = await miner(antminer());
    const { next } = rigOf(http, { port: simulator.port });
    await next();
    simulator.setFault(host, { kind: 'denied' });
    expect(await next()).toMatchObject({ state: 'denied', family: 'antminer' });
    expect(http.seen).toHaveLength(0);
  });

  it('leads back to the API when the web interface goes away', async () => {
    const http = await miner((request) =>
      request.path === '/' ? { body: 'AnthillOS' } : pages(web.vnishPages)(request),
    );
    const { next, rig, task } = rigOf(http, {});
    expect(await next()).toMatchObject({ family: 'vnish-web' });
    const simulator = await farm(host);
    await http.stop();
    running.splice(running.indexOf(http), 1);
    const families = new Set<unknown>();
    for (let i = 0; i < 6; i++)
      families.add((await rig.poll({ ...task, port: simulator.port })).records.get(host)?.family);
    expect(families).toContain('antminer');
  });

  it('over HTTP is never tried when the settings say so, nor at an address that is none', async () => {
    const http = await miner(antminer());
    const never = rigOf(http, { credentials: [rule()], limits: { http: 'never' } });
    expect(await never.next()).toBeUndefined();
    expect(http.seen).toHaveLength(0);
    const session = await poll({}, closedPort, { host: '127.41.0.3' });
    expect(session.family).toBeNull();
    expect(session.connections).toBeLessThanOrEqual(4);
  });

  it('leaves a host alone that is no miner', async () => {
    const http = await miner(() => ({ body: '<title>Router login</title>' }));
    const session = await poll({}, http.port, { credentials: [rule()] });
    expect(session.family).toBeNull();
    expect(http.seen.map((request) => request.path)).toEqual(['/']);
  });
});

describe('frames', () => {
  it('carry a Whatsminer whose CGMiner port is shut', async () => {
    const address = '127.41.43.3';
    const asked: string[] = [];
    const device = createServer((socket) => {
      socket.on('data', (bytes) => {
        asked.push(bytes.toString('utf8', 4));
        const summary = { elapsed: 900, 'hash-realtime': 120.5, 'hash-average': 119, 'factory-hash': 126 };
        const frame = encodeFrame(JSON.stringify({ code: 0, when: 1, msg: { summary }, desc: 'whatsminer' }));
        socket.write(frame.subarray(0, 3));
        socket.end(frame.subarray(3));
      });
      socket.on('error', () => undefined);
    });
    await new Promise<void>((resolve) => device.listen(4433, address, resolve));
    running.push(closing(device));
    const session = await poll({}, closedPort, { host: address });
    expect(session.family?.name).toBe('whatsminer-v3');
    expect(asked[0]).toContain('get.miner.status');
    expect(session.replies.get('get.miner.status:summary')?.kind).toBe('ok');
  });
});

const portOf = (server: Server): number => {
  const address = server.address();
  return typeof address === 'object' && address !== null ? address.port : 0;
};

function closing(server: Server): { stop(): Promise<void> } {
  const sockets = new Set<{ destroy(): void }>();
  server.on('connection', (socket) => sockets.add(socket));
  return {
    stop: async () => {
      for (const socket of sockets) socket.destroy();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}
