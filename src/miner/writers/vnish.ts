import type { CommandOrder, PoolParams } from '../../domain/commands.js';
import { digList, digObject } from '../http/web-replies.js';
import { vnishWeb } from '../families/vnish-web.js';
import { toText } from '../numbers.js';
import type { JsonObject } from '../reply.js';
import { isSamePool, newPool, noPassword } from './order-text.js';
import { completed, rejected } from './outcome.js';
import { logIn, loginReason, type WebSession } from './web-login.js';
import type { WebAck } from './web-answers.js';
import type { WriteOutcome, Writer } from './writer.js';

const paths = {
  enable: '/api/v1/mining/start',
  disable: '/api/v1/mining/stop',
  restart: '/api/v1/mining/restart',
  reboot: '/api/v1/system/reboot',
} as const;

/** VNish (AnthillOS): its web interface, unlocked by a password; settings are read, changed in one thing and sent back. */
export const vnish: Writer = {
  families: ['vnish', 'vnish-web'],
  refuse(order, { credentials }) {
    if (order.kind === 'set_frequency' && !('frequency' in order.params))
      return 'VNish takes a frequency in MHz, not in percent';
    return credentials === null ? loginReason : null;
  },
  async run(order, io, context) {
    const session = await logIn(vnishWeb, io, context);
    if ('kind' in session) return session.outcome;
    switch (order.kind) {
      case 'enable':
      case 'disable':
      case 'restart':
      case 'reboot': {
        const ack = await session.call(order.kind, 'POST', paths[order.kind]);
        return ack.kind === 'ok' ? completed(`${order.kind} acknowledged`) : ack.outcome;
      }
      case 'set_pool':
        if (!('pool_id' in order.params)) return setPool(order.params, session);
        return done(
          await session.call('set_pool', 'POST', '/api/v1/mining/switch-pool', {
            pool_id: order.params.pool_id,
          }),
          `switched to pool ${order.params.pool_id}`,
        );
      case 'set_fan':
        return change(order, session, (miner) => ({
          cooling: { ...digObject(miner, 'cooling'), mode: { name: 'manual', param: order.params.speed } },
        }));
      case 'set_frequency': {
        if (!('frequency' in order.params)) return rejected('takes MHz');
        const freq = Math.round(order.params.frequency);
        return change(order, session, (miner) => ({
          overclock: {
            ...digObject(miner, 'overclock'),
            globals: { ...digObject(miner, 'overclock', 'globals'), freq },
          },
        }));
      }
    }
  },
};

const done = (ack: WebAck, words: string, more: Pick<WriteOutcome, 'before' | 'after'> = {}): WriteOutcome =>
  ack.kind === 'ok' ? completed(words, more) : ack.outcome;

/** One part of the miner's settings, whole; mining is restarted where the answer asks for it. */
async function change(
  order: CommandOrder,
  session: WebSession,
  make: (miner: JsonObject) => JsonObject,
  more: Pick<WriteOutcome, 'before' | 'after'> = {},
): Promise<WriteOutcome> {
  const got = await session.read('/api/v1/settings');
  if (got.kind !== 'ok') return got.outcome;
  const ack = await session.call(order.kind, 'POST', '/api/v1/settings', {
    miner: make(digObject(got.value, 'miner')),
  });
  if (ack.kind !== 'ok' || ack.value['restart_required'] !== true) return done(ack, 'settings written', more);
  return done(
    await session.call('restart', 'POST', paths.restart),
    'settings written; mining restarted to take them',
    more,
  );
}

async function setPool(
  params: Extract<PoolParams, { readonly pool_url: string }>,
  session: WebSession,
): Promise<WriteOutcome> {
  const wanted = newPool(params) ?? params;
  const first = { url: wanted.pool_url, user: wanted.pool_user };
  return change(
    { kind: 'set_pool', params },
    session,
    (miner) => {
      const pools = digList(miner, 'pools');
      const known = pools.find((pool) =>
        isSamePool(
          { url: toText(pool['url'] ?? null) ?? '', user: toText(pool['user'] ?? null) ?? '' },
          first,
        ),
      );
      return {
        pools: [
          // One that is there already keeps the password it has.
          { ...first, pass: wanted.pool_password ?? known?.['pass'] ?? noPassword },
          ...(known === undefined ? pools.slice(1) : pools.filter((pool) => pool !== known)),
        ],
      };
    },
    { after: { pool_url: first.url, pool_user: first.user } },
  );
}
