import * as web from '../fixtures/web-replies.js';
import type { Device, SeenRequest, WebAnswer } from './http-miners.js';

/** What a device of these is, from inside: the changes it made, oldest first. */
export interface WebDevice {
  readonly device: Device;
  readonly done: { readonly path: string; readonly body: unknown }[];
}

type Pages = Readonly<Record<string, unknown>>;
/** A change by what it was sent; each says what it takes the body for. */
type Change = (body: never) => WebAnswer | undefined;

const bodyOf = (request: SeenRequest): unknown =>
  request.body === '' ? undefined : JSON.parse(request.body);

/** Pages, a login that earns a header, and changes by method and path. */
function behindToken(
  pages: Pages,
  login: {
    path: string;
    isRight: (body: never) => boolean;
    answer: unknown;
    header: readonly [string, string];
  },
  changes: Readonly<Record<string, Change>>,
): WebDevice {
  const done: WebDevice['done'] = [];
  const device: Device = (request) => {
    const { method, path, headers } = request;
    if (path === login.path)
      return login.isRight(bodyOf(request) as never) ? { body: login.answer } : { status: 403, body: '' };
    if (headers[login.header[0]] !== login.header[1]) return { status: 401, body: '' };
    const change = changes[`${method} ${path}`];
    if (change === undefined)
      return path in pages ? { body: pages[path] } : { status: 404, body: 'Not Found' };
    const body = bodyOf(request);
    const answer = change(body as never) ?? { body: '' };
    done.push({ path, body });
    return answer;
  };
  return { device, done };
}

/** VNish: its mining is started and stopped, its settings taken. */
export function vnishDevice(password: string): WebDevice {
  const pages = structuredClone(web.vnishPages);
  const { miner } = pages['/api/v1/summary'];
  const settings = {
    miner: {
      pools: miner.pools.slice(0, 2).map(({ url, user }) => ({ url, user, pass: 'x' })),
      cooling: { mode: { name: 'auto', param: 60 }, fan_min_count: 4 },
      overclock: { preset: 'disabled', globals: { freq: 495, volt: 13_000 } },
    },
  };
  const setState = (state: string) => () => {
    miner.miner_status.miner_state = state;
    if (state === 'stopped') miner.instant_hashrate = miner.hr_realtime = 0;
    return undefined;
  };
  return behindToken(
    { ...pages, '/api/v1/settings': settings },
    {
      path: '/api/v1/unlock',
      isRight: (body: { pw: string }) => body.pw === password,
      answer: { token: 'jwt' },
      header: ['authorization', 'Bearer jwt'],
    },
    {
      'POST /api/v1/mining/start': setState('mining'),
      'POST /api/v1/mining/stop': setState('stopped'),
      'POST /api/v1/mining/restart': setState('mining'),
      'POST /api/v1/system/reboot': () => undefined,
      'POST /api/v1/mining/switch-pool': (body: { pool_id: number }) =>
        body.pool_id < 2 ? undefined : { status: 400, body: { err: 'no such pool' } },
      'POST /api/v1/settings': (body: { miner: Partial<typeof settings.miner> }) => {
        Object.assign(settings.miner, body.miner);
        const { pools, overclock } = body.miner;
        if (pools !== undefined)
          pools.forEach((pool, at) =>
            Object.assign(miner.pools[at] ?? {}, { url: pool.url, user: pool.user }),
          );
        if (overclock !== undefined)
          for (const chain of miner.chains) chain.frequency = overclock.globals.freq;
        return { body: { restart_required: true, reboot_required: false } };
      },
    },
  );
}

/** Braiins OS 25.07: actions and pools. */
export function braiinsDevice(username: string, password: string): WebDevice {
  const pages: Record<string, unknown> = structuredClone(web.braiinsRestPages);
  const setStatus = (status: number) => () => {
    pages['/api/v1/miner/details'] = { ...(pages['/api/v1/miner/details'] as object), status };
    if (status === 3) pages['/api/v1/miner/stats'] = { miner_stats: {} };
    return undefined;
  };
  return behindToken(
    pages,
    {
      path: '/api/v1/auth/login',
      isRight: (body: { username: string; password: string }) =>
        body.username === username && body.password === password,
      answer: { token: 'plain' },
      header: ['authorization', 'plain'],
    },
    {
      'PUT /api/v1/actions/pause': setStatus(3),
      'PUT /api/v1/actions/resume': setStatus(2),
      'PUT /api/v1/actions/restart': () => undefined,
      'PUT /api/v1/actions/reboot': () => undefined,
      'PUT /api/v1/pools/batch': (body: { pools: object[] }[]) => {
        pages['/api/v1/pools'] = body.map((group) => ({
          ...group,
          pools: group.pools.map((pool, at) => ({
            ...pool,
            password: undefined,
            alive: true,
            active: at === 0,
          })),
        }));
        return undefined;
      },
    },
  );
}

/** Auradine: commands by name behind a token. */
export function auradineDevice(password: string): WebDevice {
  const pages = structuredClone(web.auradinePages);
  const ok = { body: { STATUS: [{ STATUS: 'S', Code: 0, Msg: 'done' }] } };
  const taken = () => ok;
  return behindToken(
    pages,
    {
      path: '/token',
      isRight: (body: { password: string }) => body.password === password,
      answer: { Token: [{ Token: 'word' }] },
      header: ['token', 'word'],
    },
    {
      'POST /mode': taken,
      'POST /restart': taken,
      'POST /fan': taken,
      'POST /updatepools': (body: { pools: { url: string; user: string }[] }) => {
        Object.assign(pages['/pools'].POOLS[0] ?? {}, { URL: body.pools[0]?.url, User: body.pools[0]?.user });
        return ok;
      },
    },
  );
}

/** ePIC: the password goes with each command. */
export function epicDevice(password: string): WebDevice {
  const pages = structuredClone(web.epicPages);
  const summary = pages['/summary'];
  const done: WebDevice['done'] = [];
  const changes: Readonly<Record<string, (param: never) => void>> = {
    '/miner': (param: string) => {
      summary.Status['Operating State'] = param === 'Stop' ? 'Idling' : 'Mining';
      if (param === 'Stop') for (const board of summary.HBs) board.Hashrate = [0, 0, 0];
    },
    '/softreboot': () => undefined,
    '/reboot': () => undefined,
    '/fanspeed': () => undefined,
    '/tune/clock/all': (param: number) => {
      for (const board of summary.HBs) board['Core Clock Avg'] = param;
    },
    '/coin': (param: { stratum_configs: typeof summary.StratumConfigs }) => {
      summary.StratumConfigs = param.stratum_configs;
      summary.Stratum['Current Pool'] = param.stratum_configs[0]?.pool ?? '';
    },
  };
  const device: Device = (request) => {
    const { method, path } = request;
    if (method === 'GET')
      return path in pages ? { body: pages[path as keyof typeof pages] } : { status: 404, body: '' };
    const { param, password: given } = bodyOf(request) as { param: unknown; password: string };
    if (given !== password) return { body: { result: false, error: 'Incorrect password' } };
    const change = changes[path];
    if (change === undefined) return { status: 404, body: '' };
    change(param as never);
    done.push({ path, body: param });
    return { body: { result: true, error: null } };
  };
  return { device, done };
}

/** ESP-Miner: one object of settings, taken at the next start where it is about the pool. */
export function bitaxeDevice(): WebDevice {
  const info = structuredClone(web.bitaxeInfo);
  const done: WebDevice['done'] = [];
  const device: Device = (request) => {
    const { method, path } = request;
    if (method === 'GET') return path === '/api/system/info' ? { body: info } : { status: 404, body: '' };
    const body = bodyOf(request);
    done.push({ path, body });
    if (method === 'PATCH') Object.assign(info, body, { isUsingFallbackStratum: 0 });
    return { body: '' };
  };
  return { device, done };
}
