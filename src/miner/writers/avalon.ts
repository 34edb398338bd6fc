import type { CommandOrder, PoolParams } from '../../domain/commands.js';
import { isRefusal, readAck, readCgminer, type Ack } from './answers.js';
import { ended, poolsOf } from './generic.js';
import { isSamePool, isUnsplit, newPool, noPassword, splitReason } from './order-text.js';
import { completed, failed, rejected } from './outcome.js';
import type { MinerIo, WriteContext, WriteOutcome, Writer } from './writer.js';

/** A switch takes effect at a time that is told, a little ahead, s. */
const aheadS = 5;

/**
 * Canaan's firmware: `ascset` with one list of words. Newer and older firmware differ in the words, so the
 * older form follows where the newer was refused, and there only. The machine is silent when it wakes or
 * boots: that is how it obeys.
 */
export const avalon: Writer = {
  families: ['avalon'],
  refuse(order, context) {
    const { credentials, model } = context;
    if (order.kind === 'set_frequency' && !('frequency' in order.params))
      return 'takes a frequency in MHz, not in percent';
    if (order.kind !== 'set_pool') return null;
    if ('pool_id' in order.params) return null;
    if (/\bQ\b/.test(model ?? '')) return 'an Avalon Q takes its pools from its app alone';
    if (credentials === null)
      return 'needs the login of the miner’s web page to set pools; none is configured';
    const { pool_url, pool_user, pool_password = '' } = order.params;
    return isUnsplit(pool_url, pool_user, pool_password, credentials.username, credentials.password)
      ? null
      : splitReason;
  },
  async run(order, io, context) {
    const startS = Math.floor(context.nowMs / 1000) + aheadS;
    switch (order.kind) {
      case 'disable':
        return inTurn(io, 'disable', [`softoff,1:${startS}`, 'softoff', 'hashpower,0'], ['hashpower,0']);
      case 'enable':
        // The oldest sleep until they are booted.
        return inTurn(io, 'enable', [`softon,1:${startS}`, 'reboot,0'], 'all');
      case 'restart':
        return ended(readAck('restart', 'restart', await io.cgminer('restart')), 'restarting');
      case 'reboot':
        return inTurn(io, 'reboot', ['reboot,0'], 'all');
      case 'set_fan':
        return ended(await ascset(io, order.kind, `fan-spd,${order.params.speed}`), 'fan set');
      case 'set_frequency': {
        if (!('frequency' in order.params)) return rejected('takes MHz');
        const mhz = Math.round(order.params.frequency);
        return ended(await ascset(io, order.kind, `frequency,${mhz}:${mhz}:${mhz}:${mhz}`), 'frequency set');
      }
      case 'set_pool':
        return setPool(order.params, io, context);
    }
  },
};

const ascset = async (io: MinerIo, kind: CommandOrder['kind'], words: string): Promise<Ack> =>
  readAck(kind, 'ascset', await io.cgminer(`ascset|0,${words}`));

/** One form after the other until one is not refused. `silent` are those that obey without a word. */
async function inTurn(
  io: MinerIo,
  kind: 'enable' | 'disable' | 'reboot',
  forms: readonly string[],
  silent: 'all' | readonly string[],
): Promise<WriteOutcome> {
  let last: Ack | null = null;
  for (const form of forms) {
    last = await ascset(io, kind, form);
    if (last.kind === 'ok') return completed(last.message === '' ? form : last.message);
    const isSilent = last.outcome.status === 'unknown' && last.outcome.errorClass !== 'not_json';
    if (isSilent && (silent === 'all' || silent.includes(form)))
      return completed(`${form.split(',')[0]}: no answer came, which is how it obeys`);
    if (!isRefusal(last) || last.code === 45) return last.outcome;
  }
  return last?.kind === 'ended' ? last.outcome : rejected('no form known');
}

/** Written to the first place of the list and taken at the next boot, which follows. */
async function setPool(params: PoolParams, io: MinerIo, context: WriteContext): Promise<WriteOutcome> {
  const list = await readCgminer(io, 'pools');
  if (list.kind !== 'ok') return list.outcome;
  const pools = poolsOf(list.value);
  const active = pools.find((pool) => pool.isActive) ?? pools[0];
  const wanted = newPool(params);
  if (wanted === null) {
    const id = 'pool_id' in params ? params.pool_id : 0;
    const ack = readAck('set_pool', 'switchpool', await io.cgminer(`switchpool|${id}`));
    return ended(ack, `switched to pool ${id}`);
  }
  const before = active === undefined ? {} : { before: { pool_url: active.url, pool_user: active.user } };
  const after = { after: { pool_url: wanted.pool_url, pool_user: wanted.pool_user } };
  const first = pools.find((pool) => pool.id === 0);
  // Told again it must not boot again.
  if (first !== undefined && isSamePool(first, { url: wanted.pool_url, user: wanted.pool_user }))
    return completed('has this pool first already', { ...before, ...after });
  const { username = '', password = '' } = context.credentials ?? {};
  const pool = [wanted.pool_url, wanted.pool_user, wanted.pool_password ?? noPassword].join(',');
  const login = `setpool,${username === '' ? 'root' : username},${password}`;
  let ack = await ascset(io, 'set_pool', `${login},0,${pool}`);
  if (isRefusal(ack) && ack.kind === 'ended' && ack.code !== 45)
    ack = await ascset(io, 'set_pool', `${login},${pool}`);
  if (ack.kind !== 'ok') return ack.outcome;
  const booted = await inTurn(io, 'reboot', ['reboot,0'], 'all');
  if (booted.status === 'completed')
    return completed('pool written; booting to take it', { ...before, ...after });
  return failed(
    booted.code,
    `pool written, but it could not be booted to take it: ${booted.message}`,
    booted.errorClass ?? 'internal',
  );
}
