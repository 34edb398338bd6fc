import { afterEach, describe, expect, it } from 'vitest';
import type { CommandOrder } from '../../src/domain/commands.js';
import { defaultHealthThresholds } from '../../src/domain/health.js';
import type { MinerSample } from '../../src/domain/telemetry.js';
import { readMiner } from '../../src/miner/read-miner.js';
import { executeOrder, type OrderResult } from '../../workers/execute-order.js';
import { pollMiner } from '../../workers/miner-session.js';
import { WebMemory } from '../../workers/web-memory.js';
import { startHttpMiner, type Device, type HttpMiner } from '../support/http-miners.js';
import {
  bare,
  fanOrder,
  login,
  mhzOrder,
  percentOrder,
  poolOrder,
  rules,
  shortLimits,
  startOrderRig,
  writeLimits,
  type OrderRig,
} from '../support/orders.js';
import { testLimits } from '../support/poll.js';
import {
  auradineDevice,
  bitaxeDevice,
  braiinsDevice,
  epicDevice,
  vnishDevice,
} from '../support/web-devices.js';

const running: { stop(): Promise<unknown> }[] = [];
afterEach(async () => {
  await Promise.all(running.splice(0).map((it) => it.stop()));
});

let last = 0;
/** Nothing listens there. */
const closedPort = 9;
const pool = 'stratum+tcp://new.example:3333';

interface Rig {
  readonly http: HttpMiner;
  order(
    order: CommandOrder,
    more?: { credentials?: ReturnType<typeof rules>; limits?: typeof writeLimits },
  ): Promise<OrderResult>;
  poll(): Promise<MinerSample>;
}

/** A family's web interface on a real socket; ePIC's is on the CGMiner port. */
async function rigOf(family: string, device: Device, port?: number): Promise<Rig> {
  const host = `127.46.0.${++last}`;
  const http = await startHttpMiner(host, device, port);
  running.push(http);
  const target = { host, port: family === 'epic' ? http.port : closedPort, httpPort: http.port };
  return {
    http,
    order: (order, more = {}) =>
      executeOrder(
        order,
        { ...target, family, model: null, credentials: more.credentials ?? rules() },
        { limits: more.limits ?? writeLimits, now: () => performance.now(), wallNow: Date.now },
      ),
    async poll() {
      const session = await pollMiner({
        ...target,
        profile: { family },
        limits: { ...testLimits, http: 'auto' },
        wantsIdentity: false,
        now: () => performance.now(),
        credentials: rules(),
        webMemory: new WebMemory(),
      });
      if (session.family === null) throw new Error(`no answer: ${session.errorClass}`);
      return readMiner(session.family, session.replies, {
        identity: null,
        thresholds: defaultHealthThresholds,
      });
    },
  };
}

describe('VNish', () => {
  it('is unlocked, told, and polls show it', async () => {
    const { device, done } = vnishDevice(login.password);
    const rig = await rigOf('vnish-web', device);
    expect(await rig.order(bare('disable'))).toMatchObject({ status: 'completed' });
    expect((await rig.poll()).state).toBe('sleeping');
    expect(await rig.order(bare('enable'))).toMatchObject({ status: 'completed' });
    expect(await rig.order(mhzOrder(450))).toMatchObject({ status: 'completed' });
    const outcome = await rig.order(poolOrder(pool, 'me.1', 'hidden-word'));
    expect(outcome).toMatchObject({ status: 'completed', after: { pool_url: pool } });
    expect(JSON.stringify(outcome)).not.toContain('hidden-word');
    const polled = await rig.poll();
    expect(polled.frequencyAvgMhz).toBe(450);
    expect(polled.pools[0]).toMatchObject({ url: pool, user: 'me.1' });
    // Told again without its password it keeps that.
    expect(await rig.order(poolOrder(pool, 'me.1'))).toMatchObject({ status: 'completed' });
    const settings = done.findLast(({ path }) => path.endsWith('/settings'));
    expect(settings?.body).toHaveProperty('miner.pools.0', { url: pool, user: 'me.1', pass: 'hidden-word' });
    expect(await rig.order(fanOrder(70))).toMatchObject({ status: 'completed' });
    // What it had beside the mode is kept.
    expect(done.at(-2)?.body).toEqual({
      miner: { cooling: { mode: { name: 'manual', param: 70 }, fan_min_count: 4 } },
    });
    expect(await rig.order(bare('restart'))).toMatchObject({ status: 'completed' });
    expect(await rig.order(bare('reboot'))).toMatchObject({ status: 'completed' });
    expect(rig.http.peak()).toBe(1);
  });

  it('tells of a wrong password, and what it says of a pool it has not', async () => {
    const { device, done } = vnishDevice(login.password);
    const rig = await rigOf('vnish-web', device);
    expect(await rig.order(bare('disable'), { credentials: rules({ password: 'not this' }) })).toMatchObject({
      status: 'failed',
      code: 401,
    });
    const outcome = await rig.order({ kind: 'set_pool', params: { pool_id: 5 } });
    expect(outcome).toMatchObject({ status: 'failed', code: 400 });
    expect(outcome.message).toContain('no such pool');
    expect(await rig.order(bare('disable'), { credentials: [] })).toMatchObject({ status: 'rejected' });
    expect(await rig.order(percentOrder(5))).toMatchObject({ status: 'rejected' });
    expect(done).toHaveLength(1);
  });
});

describe('a web server that breaks', () => {
  const broken = (status: number, body: unknown, paths: RegExp): Device => {
    const { device } = vnishDevice(login.password);
    return (request) => (paths.test(request.path) ? { status, body } : device(request));
  };

  it('leaves open whether a reboot was done, whatever it says', async () => {
    for (const body of ['Internal Server Error', { err: 'worker died' }]) {
      const rig = await rigOf('vnish-web', broken(500, body, /reboot|restart/));
      for (const kind of ['reboot', 'restart'] as const)
        expect(await rig.order(bare(kind))).toMatchObject({
          status: 'unknown',
          code: 1,
          errorClass: 'http_error',
          message: expect.stringContaining('HTTP 500') as string,
        });
    }
  });

  it('leaves a setting open too, unless it says why it refuses', async () => {
    const open = await rigOf('vnish-web', broken(502, '<html>Bad Gateway</html>', /stop/));
    expect(await open.order(bare('disable'))).toMatchObject({ status: 'unknown' });
    const told = await rigOf('vnish-web', broken(500, { err: 'not while tuning' }, /stop/));
    expect(await told.order(bare('disable'))).toMatchObject({ status: 'failed', code: 500 });
  });

  it('has done nothing when it broke at the login, or knows no such request', async () => {
    const early = await rigOf('vnish-web', broken(500, 'x', /unlock/));
    expect(await early.order(bare('reboot'))).toMatchObject({
      status: 'failed',
      message: 'HTTP 500; nothing was changed',
    });
    const none = await rigOf('vnish-web', broken(501, 'x', /reboot/));
    expect(await none.order(bare('reboot'))).toMatchObject({ status: 'failed', code: 501 });
  });
});

describe('settings that come cut off', () => {
  const cut: [family: string, made: ReturnType<typeof vnishDevice>, path: string][] = [
    ['vnish-web', vnishDevice(login.password), '/api/v1/settings'],
    ['braiins-rest', braiinsDevice(login.username, login.password), '/api/v1/pools'],
    ['epic', epicDevice(login.password), '/summary'],
  ];
  it.each(cut)('are not written back: what is missing would be lost on %s', async (family, made, path) => {
    const rig = await rigOf(family, (request) => {
      const answer = made.device(request);
      if (request.method !== 'GET' || request.path !== path) return answer;
      const text = JSON.stringify((answer as { body: unknown }).body);
      return { ...answer, body: text.slice(0, -20) };
    });
    const outcome = await rig.order(poolOrder(pool, 'me.1'));
    expect(outcome).toMatchObject({ status: 'failed', errorClass: 'not_json' });
    expect(outcome.message).toContain('nothing was changed');
    expect(made.done).toEqual([]);
  });
});

describe('Braiins OS', () => {
  it('is told over REST, and polls show it', async () => {
    const { device, done } = braiinsDevice(login.username, login.password);
    const rig = await rigOf('braiins-rest', device);
    expect(await rig.order(bare('disable'))).toMatchObject({ status: 'completed' });
    expect((await rig.poll()).state).toBe('sleeping');
    expect(await rig.order(bare('enable'))).toMatchObject({ status: 'completed' });
    expect(await rig.order(poolOrder(pool, 'me.1', 'hidden-word'))).toMatchObject({ status: 'completed' });
    const { pools } = await rig.poll();
    expect(pools.find((it) => it.isActive)).toMatchObject({ url: pool, user: 'me.1' });
    expect(await rig.order(bare('restart'))).toMatchObject({ status: 'completed' });
    expect(await rig.order(bare('reboot'))).toMatchObject({ status: 'completed' });
    expect(done.map(({ path }) => path.split('/').at(-1))).toEqual([
      'pause',
      'resume',
      'batch',
      'restart',
      'reboot',
    ]);
    for (const order of [fanOrder(50), mhzOrder(500)])
      expect(await rig.order(order)).toMatchObject({ status: 'rejected' });
  });

  it('before REST is paused and resumed over its CGMiner API, and no more', async () => {
    const rig = await startOrderRig('braiins-s19j', { host: '127.46.1.1' });
    running.push(rig.simulator);
    expect(await rig.order(bare('disable'), { credentials: [] })).toMatchObject({
      status: 'completed',
      family: 'braiins',
    });
    expect((await rig.poll()).hashrateGhs).toBe(0);
    expect(await rig.order(bare('enable'), { httpPort: closedPort })).toMatchObject({ status: 'completed' });
    expect(rig.done()).toEqual(['pause', 'resume']);
    expect(await rig.order(bare('reboot'), { httpPort: closedPort })).toMatchObject({ status: 'rejected' });
  });
});

describe('ePIC', () => {
  it('is told on the CGMiner port, and polls show it', async () => {
    const { device, done } = epicDevice(login.password);
    const rig = await rigOf('epic', device);
    expect(await rig.order(bare('disable'))).toMatchObject({ status: 'completed' });
    expect((await rig.poll()).hashrateGhs).toBe(0);
    expect(await rig.order(mhzOrder(450))).toMatchObject({ status: 'completed' });
    expect(await rig.order(poolOrder(pool, 'me.1'))).toMatchObject({ status: 'completed' });
    const polled = await rig.poll();
    expect(polled.frequencyAvgMhz).toBe(450);
    expect(polled.pools[0]).toMatchObject({ url: pool, user: 'me.1' });
    for (const order of [bare('enable'), bare('restart'), bare('reboot'), fanOrder(60)])
      expect(await rig.order(order)).toMatchObject({ status: 'completed' });
    expect(done.slice(-4)).toEqual([
      { path: '/miner', body: 'Autostart' },
      { path: '/softreboot', body: 0 },
      { path: '/reboot', body: 0 },
      { path: '/fanspeed', body: 60 },
    ]);
    expect(await rig.order(bare('disable'), { credentials: rules({ password: 'not this' }) })).toMatchObject({
      status: 'failed',
      code: 401,
    });
  });
});

describe('ESP-Miner', () => {
  it('takes settings, restarts for a pool, and polls show it', async () => {
    const { device, done } = bitaxeDevice();
    const rig = await rigOf('bitaxe', device);
    expect(await rig.order(mhzOrder(490))).toMatchObject({ status: 'completed' });
    expect(await rig.order(poolOrder(pool, 'me.1'))).toMatchObject({ status: 'completed' });
    const polled = await rig.poll();
    expect(polled.frequencyAvgMhz).toBe(490);
    expect(polled.pools.find((it) => it.isActive)?.url).toContain('new.example:3333');
    expect(done.map(({ path }) => path)).toEqual(['/api/system', '/api/system', '/api/system/restart']);
    expect(await rig.order(fanOrder(80))).toMatchObject({ status: 'completed' });
    expect(await rig.order(bare('restart'))).toMatchObject({ status: 'completed' });
    expect(await rig.order(bare('disable'))).toMatchObject({ status: 'rejected' });
  });
});

describe('Auradine', () => {
  it('is told by name behind a token', async () => {
    const { device, done } = auradineDevice(login.password);
    const rig = await rigOf('auradine-web', device, 8080);
    expect(await rig.order(bare('disable'))).toMatchObject({ status: 'completed' });
    expect(await rig.order(poolOrder(pool, 'me.1'))).toMatchObject({ status: 'completed' });
    expect((await rig.poll()).pools[0]).toMatchObject({ url: pool, user: 'me.1' });
    expect(await rig.order(fanOrder(70))).toMatchObject({ status: 'completed' });
    expect(await rig.order(bare('restart'))).toMatchObject({ status: 'completed' });
    expect(done[0]?.body).toEqual({ command: 'mode', sleep: 'on' });
    expect(done.at(-1)?.body).toEqual({ command: 'restart', parameter: 'gcminer' });
  });
});

describe('LuxOS', () => {
  async function luxos(): Promise<OrderRig> {
    const rig = await startOrderRig('luxos-s19k', { host: `127.46.2.${++last}` });
    running.push(rig.simulator);
    return rig;
  }

  it('is told within a session that is given back, and polls show it', async () => {
    const rig = await luxos();
    expect(await rig.order(bare('disable'))).toMatchObject({ status: 'completed', family: 'luxos' });
    expect((await rig.poll()).hashrateGhs).toBe(0);
    expect(await rig.order(bare('enable'))).toMatchObject({ status: 'completed' });
    rig.pass(60);
    expect(await rig.order(fanOrder(100))).toMatchObject({ status: 'completed' });
    expect(await rig.order(mhzOrder(400))).toMatchObject({ status: 'completed' });
    expect(await rig.order(poolOrder(pool, 'me.1'))).toMatchObject({ status: 'completed' });
    const polled = await rig.poll();
    expect(polled.pools.find((it) => it.isActive)?.url).toBe(pool);
    expect(rig.simulator.miner(rig.host)).toMatchObject({ fanPct: 100, frequencyMhz: 400 });
    expect(await rig.order(bare('restart'))).toMatchObject({ status: 'completed' });
    rig.pass(60);
    expect((await rig.poll()).uptimeS).toBeLessThan(60);
    expect(await rig.order(bare('reboot'))).toMatchObject({ status: 'completed' });
  });

  it('leaves a session of somebody else alone, and says so', async () => {
    const rig = await luxos();
    await rig.ask('{"command":"logon"}');
    const outcome = await rig.order(bare('disable'));
    expect(outcome).toMatchObject({ status: 'failed', code: 402 });
    expect(outcome.message).toContain('held by another');
    expect(rig.done()).toEqual([]);
  });
});

describe('what a web interface may do', () => {
  it('sends a command nowhere but to the miner, and not twice', async () => {
    const elsewhere = await startHttpMiner('127.46.3.1', () => ({ body: '{}' }));
    running.push(elsewhere);
    for (const status of [301, 302, 307, 308]) {
      const rig = await rigOf('bitaxe', () => ({
        status,
        headers: { location: `http://127.46.3.1:${elsewhere.port}/api/system/restart` },
        body: '',
      }));
      expect(await rig.order(bare('restart'))).toMatchObject({ status: 'failed', code: status });
      expect(rig.http.seen).toHaveLength(1);
    }
    expect(elsewhere.seen).toHaveLength(0);
  });

  it('leaves unknown what it never answers', async () => {
    const rig = await rigOf('bitaxe', () => ({ body: 'x', dripMs: 10_000 }));
    expect(await rig.order(fanOrder(50), { limits: shortLimits })).toMatchObject({ status: 'unknown' });
  });

  it('is not guessed at: firmware that is only read is told nothing', async () => {
    for (const family of ['goldshell', 'proto', 'elphapex', 'obelisk', 'bitfury']) {
      const rig = await rigOf(family, () => ({ body: '{}' }));
      expect(await rig.order(bare('restart'))).toMatchObject({ status: 'rejected' });
      expect(rig.http.seen).toHaveLength(0);
    }
  });
});
