import type { PoolParams } from '../../domain/commands.js';
import { rows } from '../families/records.js';
import { toNumber, toText } from '../numbers.js';
import type { JsonObject } from '../reply.js';
import { callCgminer, messageOf, readCgminer, type Ack } from './answers.js';
import { escapeComma, isSamePool, newPool, noPassword } from './order-text.js';
import { completed, failed, rejected } from './outcome.js';
import type { MinerIo, WriteOutcome, Writer } from './writer.js';

/** Boards switched by one command at most. */
const maxBoards = 64;

/**
 * The calls of CGMiner's own API, for firmware that is not known better: `ascenable`/`ascdisable` board by
 * board, `restart`, `addpool` and `switchpool`, `fanctrl`, `setconfig freq`.
 */
export const generic: Writer = {
  families: ['generic', 'asicseer', 'mskminer', 'sealminer'],
  refuse(order) {
    if (order.kind === 'reboot') return 'CGMiner’s API cannot boot the machine; restart is what it can';
    if (order.kind === 'set_frequency' && !('frequency' in order.params))
      return 'takes a frequency in MHz, not in percent';
    return null;
  },
  async run(order, io) {
    switch (order.kind) {
      case 'enable':
      case 'disable':
        return switchBoards(order.kind, io);
      case 'restart':
        return ended(await callCgminer(io, order.kind, 'restart'), 'restarting');
      case 'set_pool':
        return setPool(order.params, io);
      case 'set_fan':
        return ended(await callCgminer(io, order.kind, 'fanctrl', String(order.params.speed)), 'fan set');
      case 'set_frequency':
        if (!('frequency' in order.params)) break;
        return ended(
          await callCgminer(io, order.kind, 'setconfig', `freq,${order.params.frequency}`),
          'frequency set',
        );
      case 'reboot':
        break;
    }
    return rejected(generic.refuse(order, noContext) ?? 'cannot be done');
  },
};

const noContext = { family: 'generic', model: null, credentials: null, nowMs: 0, randomHex: () => '' };

/** The end of an order that one call decides. */
export const ended = (ack: Ack, done: string): WriteOutcome =>
  ack.kind === 'ok' ? completed(ack.message === '' ? done : ack.message) : ack.outcome;

/** Every board by its number: the whole list first, so that none is left out unnoticed. */
async function switchBoards(kind: 'enable' | 'disable', io: MinerIo): Promise<WriteOutcome> {
  const list = await readCgminer(io, 'devs');
  if (list.kind !== 'ok') return list.outcome;
  const boards = boardsOf(list.value);
  if (boards.length === 0) return failed(10, 'lists no boards to switch', 'device_error');
  let done = 0;
  for (const [type, id] of boards) {
    const ack = await callCgminer(io, kind, `${type.toLowerCase()}${kind}`, id);
    if (ack.kind === 'ok') done++;
    else if (done === 0) return ack.outcome;
    else
      return {
        ...ack.outcome,
        message: `${done} of ${boards.length} boards done, then: ${ack.outcome.message}`,
      };
  }
  return completed(`${done} boards ${kind}d`);
}

function boardsOf(value: JsonObject): [type: string, id: string][] {
  return sectionRows(value, 'devs', 'DEVS')
    .slice(0, maxBoards)
    .flatMap((board): [string, string][] => {
      for (const type of ['ASC', 'PGA']) {
        const id = toNumber(board[type] ?? null);
        if (id !== null && Number.isInteger(id)) return [[type, String(id)]];
      }
      return [];
    });
}

const sectionRows = (value: JsonObject, command: string, section: string): JsonObject[] =>
  rows(
    new Map([[command, { kind: 'ok', command, value, repairs: [], isTruncated: false, bytes: 0 }]]),
    [command],
    section,
  );

/** A pool of the miner's list. */
export interface ListedPool {
  readonly id: number;
  readonly url: string;
  readonly user: string;
  readonly isActive: boolean;
}

/** The pools a `pools` reply lists. */
export function poolsOf(value: JsonObject): ListedPool[] {
  return sectionRows(value, 'pools', 'POOLS').map((pool, index) => ({
    id: toNumber(pool['POOL'] ?? pool['id'] ?? null) ?? index,
    url: toText(pool['URL'] ?? pool['url'] ?? null) ?? '',
    user: toText(pool['User'] ?? pool['user'] ?? null) ?? '',
    isActive: toText(pool['Stratum Active'] ?? null) === 'true',
  }));
}

/** A pool that is there already is switched to, so that a command done twice adds none. */
export async function setPool(params: PoolParams, io: MinerIo): Promise<WriteOutcome> {
  const list = await readCgminer(io, 'pools');
  if (list.kind !== 'ok') return list.outcome;
  const pools = poolsOf(list.value);
  const active = pools.find((pool) => pool.isActive);
  const before = active === undefined ? {} : { before: { pool_url: active.url, pool_user: active.user } };
  const wanted = newPool(params);
  let id: number;
  if ('pool_id' in params) id = params.pool_id;
  else {
    const added = await poolNumber(params, pools, io);
    if (typeof added !== 'number') return added;
    id = added;
  }
  const ack = await callCgminer(io, 'set_pool', 'switchpool', String(id));
  if (ack.kind !== 'ok') return ack.outcome;
  const after =
    wanted === null
      ? { pool_id: id }
      : { pool_id: id, pool_url: wanted.pool_url, pool_user: wanted.pool_user };
  return completed(ack.message === '' ? `switched to pool ${id}` : ack.message, { ...before, after });
}

async function poolNumber(
  pool: Extract<PoolParams, { readonly pool_url: string }>,
  pools: readonly ListedPool[],
  io: MinerIo,
): Promise<number | WriteOutcome> {
  const same = { url: pool.pool_url, user: pool.pool_user };
  const there = pools.find((each) => isSamePool(each, same));
  if (there !== undefined) return there.id;
  const parameter = [pool.pool_url, pool.pool_user, pool.pool_password ?? noPassword]
    .map(escapeComma)
    .join(',');
  const ack = await callCgminer(io, 'set_pool', 'addpool', parameter);
  if (ack.kind !== 'ok') return ack.outcome;
  const told = /pool\s+(\d+)/i.exec(messageOf(ack.value))?.[1];
  if (told !== undefined) return Number(told);
  const again = await readCgminer(io, 'pools');
  if (again.kind !== 'ok') return again.outcome;
  return (
    poolsOf(again.value).find((each) => isSamePool(each, same))?.id ??
    failed(1, 'the pool added is not listed', 'device_error')
  );
}
