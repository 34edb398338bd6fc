import type { CommandOrder } from '../../domain/commands.js';
import { digList, digObject } from '../http/web-replies.js';
import { toText } from '../numbers.js';
import type { JsonObject } from '../reply.js';
import { isSamePool, noPassword } from './order-text.js';
import { completed, failed, passwordRefused, rejected } from './outcome.js';
import { loginReason } from './web-login.js';
import { jsonRequest, readWhole, readWeb } from './web-answers.js';
import type { MinerIo, WriteContext, WriteOutcome, Writer } from './writer.js';

/** Pools the device keeps. */
const poolSlots = 3;

/** ePIC's PowerPlay: HTTP on the CGMiner port; each command carries the password and what it is about. */
export const epic: Writer = {
  families: ['epic'],
  refuse(order, { credentials }) {
    if (order.kind === 'set_pool' && 'pool_id' in order.params)
      return 'PowerPlay chooses among its pools itself; give the pool by its address';
    if (order.kind === 'set_frequency' && !('frequency' in order.params))
      return 'PowerPlay takes a clock in MHz, not in percent';
    return credentials === null ? loginReason : null;
  },
  async run(order, io, context) {
    const made = await requestOf(order, io, context);
    if ('status' in made) return made;
    const password = context.credentials?.password ?? '';
    const ack = readWeb(
      order.kind,
      await io.http(jsonRequest('POST', made.path, { param: made.param, password })),
      context,
    );
    if (ack.kind !== 'ok') return ack.outcome;
    if (ack.value['result'] === false) return refusal(toText(ack.value['error'] ?? null) ?? 'refused');
    return completed(`${order.kind} acknowledged`, made.told);
  },
};

const refusal = (told: string): WriteOutcome =>
  /password/i.test(told) ? passwordRefused(true, told) : failed(1, told, 'device_error');

interface Request {
  readonly path: string;
  readonly param: unknown;
  readonly told?: Pick<WriteOutcome, 'before' | 'after'>;
}

async function requestOf(
  order: CommandOrder,
  io: MinerIo,
  context: WriteContext,
): Promise<Request | WriteOutcome> {
  switch (order.kind) {
    case 'enable':
      return { path: '/miner', param: 'Autostart' };
    case 'disable':
      return { path: '/miner', param: 'Stop' };
    case 'restart':
      return { path: '/softreboot', param: 0 };
    case 'reboot':
      return { path: '/reboot', param: 0 };
    case 'set_fan':
      return { path: '/fanspeed', param: order.params.speed };
    case 'set_frequency':
      return 'frequency' in order.params
        ? { path: '/tune/clock/all', param: Math.round(order.params.frequency) }
        : rejected('takes MHz');
    case 'set_pool': {
      if ('pool_id' in order.params) return rejected('takes a pool by its address');
      const { pool_url, pool_user, pool_password = noPassword } = order.params;
      const got = readWhole(readWeb('set_fan', await io.http({ method: 'GET', path: '/summary' }), context));
      if (got.kind !== 'ok') return got.outcome;
      const pools = digList(got.value, 'StratumConfigs').map(writable);
      const first = { pool: pool_url, login: pool_user, password: pool_password };
      const isFirst = (pool: ReturnType<typeof writable>) =>
        isSamePool({ url: pool.pool, user: pool.login }, { url: pool_url, user: pool_user });
      const rest = pools.some(isFirst) ? pools.filter((pool) => !isFirst(pool)) : pools.slice(1);
      const coin = toText(digObject(got.value, 'Mining')['Coin'] ?? null) ?? 'Btc';
      return {
        path: '/coin',
        param: { coin, stratum_configs: [first, ...rest].slice(0, poolSlots), unique_id: false },
        told: { after: { pool_url, pool_user } },
      };
    }
  }
}

const writable = (pool: JsonObject) => ({
  pool: toText(pool['pool'] ?? null) ?? '',
  login: toText(pool['login'] ?? null) ?? '',
  password: toText(pool['password'] ?? null) ?? noPassword,
});
