import { innosiliconWeb } from '../families/innosilicon-web.js';
import { completed } from './outcome.js';
import { logIn, loginReason } from './web-login.js';
import type { Writer } from './writer.js';

/** Innosilicon and DragonMint by their web interface: booting is what is known for certain. */
export const innosilicon: Writer = {
  families: ['innosilicon-web'],
  refuse(order, { credentials }) {
    if (order.kind !== 'reboot') return 'of this firmware only how it is booted is known for certain';
    return credentials === null ? loginReason : null;
  },
  async run(order, io, context) {
    const session = await logIn(innosiliconWeb, io, context);
    if ('kind' in session) return session.outcome;
    const ack = await session.call(order.kind, 'POST', '/api/reboot', {});
    return ack.kind === 'ok' ? completed('booting') : ack.outcome;
  },
};
