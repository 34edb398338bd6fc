import type { CommandOrder } from '../../domain/commands.js';
import { auradineWeb } from '../families/auradine-web.js';
import { digList } from '../http/web-replies.js';
import { toNumber } from '../numbers.js';
import { readDeviceError } from '../reply-status.js';
import { noPassword } from './order-text.js';
import { completed, failed, rejected } from './outcome.js';
import { logIn, loginReason, type WebSession } from './web-login.js';
import type { WebAck } from './web-answers.js';
import type { WriteOutcome, Writer } from './writer.js';

/** Fans and boards set by one command at most. */
const maxParts = 16;

/** Auradine (FluxOS): commands by name on port 8080, behind a token of its own. */
export const auradine: Writer = {
  families: ['auradine', 'auradine-web'],
  refuse(order, { credentials }) {
    if (order.kind === 'set_pool' && 'pool_id' in order.params)
      return 'FluxOS takes a pool by its address alone';
    if (order.kind === 'set_frequency' && !('frequency' in order.params))
      return 'FluxOS takes a frequency in MHz, not in percent';
    return credentials === null ? loginReason : null;
  },
  async run(order, io, context) {
    const session = await logIn(auradineWeb, io, context);
    if ('kind' in session) return session.outcome;
    const call = (command: string, fields: Readonly<Record<string, unknown>>): Promise<WebAck> =>
      session.call(order.kind, 'POST', `/${command}`, { command, ...fields });
    switch (order.kind) {
      case 'enable':
        return told(await call('mode', { sleep: 'off' }));
      case 'disable':
        return told(await call('mode', { sleep: 'on' }));
      case 'restart':
        return told(await call('restart', { parameter: 'gcminer' }));
      case 'reboot':
        return told(await call('restart', {}));
      case 'set_pool': {
        if ('pool_id' in order.params) return rejected('takes a pool by its address');
        const { pool_url, pool_user, pool_password = noPassword } = order.params;
        const after = { after: { pool_url, pool_user } };
        return told(
          await call('updatepools', { pools: [{ url: pool_url, user: pool_user, pass: pool_password }] }),
          after,
        );
      }
      case 'set_fan':
        return forEach('fan', 'Fan', session, order, (index) => ({ index, percentage: order.params.speed }));
      case 'set_frequency': {
        if (!('frequency' in order.params)) return rejected('takes MHz');
        const { frequency } = order.params;
        return forEach('frequency', 'Frequency', session, order, (board) => ({ board, frequency }));
      }
    }
  },
};

/** Its answers have a STATUS as the CGMiner API's. */
function told(ack: WebAck, more: Pick<WriteOutcome, 'before' | 'after'> = {}): WriteOutcome {
  if (ack.kind !== 'ok') return ack.outcome;
  const error = readDeviceError(ack.value);
  return error === null ? completed('acknowledged', more) : failed(error.code, error.message, 'device_error');
}

/** Each fan or board by the number that the machine's own list gives it. */
async function forEach(
  command: string,
  section: string,
  session: WebSession,
  order: CommandOrder,
  fields: (id: number) => Readonly<Record<string, unknown>>,
): Promise<WriteOutcome> {
  const list = await session.read(`/${command}`);
  if (list.kind !== 'ok') return list.outcome;
  const ids = digList(list.value, section)
    .flatMap((part) => toNumber(part['ID'] ?? null) ?? [])
    .filter((id) => command !== 'frequency' || id > 0)
    .slice(0, maxParts);
  if (ids.length === 0) return failed(1, `lists no ${command} to set`, 'device_error');
  for (const id of ids) {
    const outcome = told(await session.call(order.kind, 'POST', `/${command}`, { command, ...fields(id) }));
    if (outcome.status !== 'completed') return outcome;
  }
  return completed(`${ids.length} set`);
}
