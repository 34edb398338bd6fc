import type { CommandOrder, PoolParams } from '../../domain/commands.js';
import { braiinsRest } from '../families/braiins-rest.js';
import { toText } from '../numbers.js';
import { isObject } from '../reply-status.js';
import type { JsonObject, JsonValue } from '../reply.js';
import { callCgminer } from './answers.js';
import { ended } from './generic.js';
import { isSamePool, newPool, noPassword } from './order-text.js';
import { completed, rejected } from './outcome.js';
import { logIn, loginReason, type WebSession } from './web-login.js';
import type { WriteOutcome, Writer } from './writer.js';

const actions = {
  enable: ['/api/v1/actions/resume', 'resume'],
  disable: ['/api/v1/actions/pause', 'pause'],
  restart: ['/api/v1/actions/restart', null],
  reboot: ['/api/v1/actions/reboot', null],
} as const;

/** Braiins OS: its REST interface (25.07 and later); before that only `pause` and `resume` of its CGMiner API last. */
export const braiins: Writer = {
  families: ['braiins', 'braiins-rest', 'braiins-graphql'],
  refuse(order, { credentials, family }) {
    if (order.kind === 'set_fan') return 'Braiins OS governs fans by its cooling mode; it takes no speed';
    if (order.kind === 'set_frequency')
      return 'Braiins OS tunes to a power target; it takes no frequency and no percent';
    const isSwitch = order.kind === 'enable' || order.kind === 'disable';
    if (credentials !== null || (isSwitch && family !== 'braiins-rest')) return null;
    return loginReason;
  },
  async run(order, io, context) {
    const session = context.credentials === null ? null : await logIn(braiinsRest, io, context);
    if (session !== null && !('kind' in session)) return overRest(order, session);
    if (session !== null && !session.isMissing) return session.outcome;
    if (order.kind === 'enable' || order.kind === 'disable')
      return ended(await callCgminer(io, order.kind, actions[order.kind][1]), actions[order.kind][1]);
    return rejected(
      'this version has no REST interface (25.07 and later have); it can only be paused and resumed',
    );
  },
};

async function overRest(order: CommandOrder, session: WebSession): Promise<WriteOutcome> {
  if (order.kind === 'set_pool') return setPool(order.params, session);
  if (order.kind === 'set_fan' || order.kind === 'set_frequency') return rejected('cannot be done');
  const ack = await session.call(order.kind, 'PUT', actions[order.kind][0]);
  return ack.kind === 'ok' ? completed(`${order.kind} acknowledged`) : ack.outcome;
}

/** The groups go together: the first one's pools are read, the wanted one put first, all written back. */
async function setPool(params: PoolParams, session: WebSession): Promise<WriteOutcome> {
  const got = await session.read('/api/v1/pools');
  if (got.kind !== 'ok') return got.outcome;
  const groups = groupsIn(got.text);
  const [group = { name: 'default', pools: [] }] = groups;
  const pools = (Array.isArray(group['pools']) ? group['pools'] : []).filter(isObject);
  const at = (pool: JsonObject) => ({
    url: toText(pool['url'] ?? null) ?? '',
    user: toText(pool['user'] ?? null) ?? '',
  });
  const wanted = newPool(params);
  const known =
    'pool_id' in params
      ? pools[params.pool_id]
      : pools.find((pool) => isSamePool(at(pool), { url: params.pool_url, user: params.pool_user }));
  if (wanted === null && known === undefined) return rejected('has no pool of this number');
  const first =
    wanted === null
      ? writable(known ?? {})
      : { url: wanted.pool_url, user: wanted.pool_user, password: wanted.pool_password ?? noPassword };
  const rest = (known === undefined ? pools.slice(1) : pools.filter((pool) => pool !== known)).map(writable);
  const body = [{ ...group, pools: [first, ...rest] }, ...groups.slice(1)];
  const ack = await session.call('set_pool', 'PUT', '/api/v1/pools/batch', body);
  if (ack.kind !== 'ok') return ack.outcome;
  const before =
    pools[0] === undefined ? {} : { before: { pool_url: at(pools[0]).url, pool_user: at(pools[0]).user } };
  return completed('pools written', { ...before, after: { pool_url: first.url, pool_user: first.user } });
}

const writable = (pool: JsonObject) => ({
  url: toText(pool['url'] ?? null) ?? '',
  user: toText(pool['user'] ?? null) ?? '',
  password: toText(pool['password'] ?? null) ?? noPassword,
});

/** The list of groups, bare or under a name; of a group what may be written back. */
function groupsIn(text: string): JsonObject[] {
  let value: JsonValue;
  try {
    value = JSON.parse(text) as JsonValue;
  } catch {
    return [];
  }
  const list = Array.isArray(value) ? value : isObject(value) ? value['pool_groups'] : [];
  return (Array.isArray(list) ? list : []).filter(isObject).map((group) => {
    const kept: JsonObject = { name: group['name'] ?? 'default', pools: group['pools'] ?? [] };
    if (isObject(group['load_balance_strategy']))
      kept['load_balance_strategy'] = group['load_balance_strategy'];
    return kept;
  });
}
