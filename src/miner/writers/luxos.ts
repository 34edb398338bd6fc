import type { CommandOrder } from '../../domain/commands.js';
import { own } from '../families/records.js';
import { toNumber, toText } from '../numbers.js';
import { isObject } from '../reply-status.js';
import type { JsonObject } from '../reply.js';
import { callCgminer, readCgminer, type Ack } from './answers.js';
import { ended, setPool } from './generic.js';
import { isUnsplit, splitReason } from './order-text.js';
import { completed, failed, rejected } from './outcome.js';
import type { MinerIo, WriteOutcome, Writer } from './writer.js';

/** Boards set by one command at most. */
const maxBoards = 16;

/**
 * LuxOS: changes want a session, of which there is one at a time. It is taken, used and given back
 * whatever became of the command; a session held by another is reported, not taken over.
 */
export const luxos: Writer = {
  families: ['luxos'],
  refuse(order) {
    if (order.kind === 'set_frequency' && !('frequency' in order.params))
      return 'LuxOS takes a frequency in MHz, not in percent';
    if (order.kind !== 'set_pool' || 'pool_id' in order.params) return null;
    const { pool_url, pool_user, pool_password = '' } = order.params;
    return isUnsplit(pool_url, pool_user, pool_password) ? null : splitReason;
  },
  async run(order, io) {
    if (order.kind === 'set_pool') return setPool(order.params, io);
    const session = await logOn(io);
    if (typeof session !== 'string') return session;
    const outcome = await within(session, order, io);
    // A machine that goes away takes its sessions along.
    if (order.kind !== 'reboot') await io.cgminer(JSON.stringify({ command: 'logoff', parameter: session }));
    return outcome;
  },
};

async function logOn(io: MinerIo): Promise<string | WriteOutcome> {
  const ack = await callCgminer(io, 'set_fan', 'logon');
  const id = ack.kind === 'ok' ? sessionOf(ack.value) : null;
  if (id !== null) return id;
  const held = await readCgminer(io, 'session');
  if (held.kind === 'ok' && sessionOf(held.value) !== null)
    return failed(
      ack.kind === 'ok' ? 1 : ack.code,
      'its session is held by another; try again when it is free',
      'device_error',
    );
  return ack.kind === 'ended' && ack.outcome.status === 'failed'
    ? ack.outcome
    : failed(1, 'gave no session; nothing was changed', 'device_error');
}

/** Ids are short words; anything else would become parameters of its own. */
function sessionOf(value: JsonObject): string | null {
  const list = own(value, 'SESSION');
  const first = Array.isArray(list) ? list[0] : null;
  const id = isObject(first) ? toText(first['SessionID'] ?? null) : null;
  return id !== null && /^[\w-]{1,64}$/.test(id) ? id : null;
}

async function within(session: string, order: CommandOrder, io: MinerIo): Promise<WriteOutcome> {
  const call = (command: string, ...more: readonly string[]): Promise<Ack> =>
    callCgminer(io, order.kind, command, [session, ...more].join(','));
  switch (order.kind) {
    case 'enable':
      return ended(await call('curtail', 'wakeup'), 'waking');
    case 'disable':
      return ended(await call('curtail', 'sleep'), 'asleep');
    case 'restart':
      return ended(await call('resetminer'), 'restarting');
    case 'reboot':
      return ended(await call('rebootdevice'), 'booting');
    case 'set_fan':
      return ended(await call('fanset', `speed=${order.params.speed}`), 'fan set');
    case 'set_frequency':
      return 'frequency' in order.params
        ? setBoards(order.params.frequency, call, io)
        : rejected('takes MHz');
    case 'set_pool':
      return rejected('wants no session');
  }
}

async function setBoards(
  mhz: number,
  call: (command: string, ...more: readonly string[]) => Promise<Ack>,
  io: MinerIo,
): Promise<WriteOutcome> {
  const devs = await readCgminer(io, 'devs');
  if (devs.kind !== 'ok') return devs.outcome;
  const list = own(devs.value, 'DEVS');
  const boards = (Array.isArray(list) ? list : [])
    .filter(isObject)
    .flatMap((board) => toNumber(own(board, 'ASC', 'ID') ?? null) ?? [])
    .slice(0, maxBoards);
  if (boards.length === 0) return failed(10, 'lists no boards', 'device_error');
  for (const board of boards) {
    const ack = await call('frequencyset', String(board), String(Math.round(mhz)));
    if (ack.kind !== 'ok') return ack.outcome;
  }
  return completed(`frequency of ${boards.length} boards set`);
}
