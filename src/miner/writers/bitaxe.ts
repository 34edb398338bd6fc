import type { CommandOrder } from '../../domain/commands.js';
import { noPassword } from './order-text.js';
import { completed, rejected } from './outcome.js';
import { jsonRequest, readWeb } from './web-answers.js';
import type { WriteOutcome, Writer } from './writer.js';

/** ESP-Miner (Bitaxe, NerdAxe): settings by PATCH, one restart for all; most versions cannot pause. */
export const bitaxe: Writer = {
  families: ['bitaxe'],
  refuse(order) {
    if (order.kind === 'enable' || order.kind === 'disable') return 'ESP-Miner cannot pause its mining';
    if (order.kind === 'set_frequency' && !('frequency' in order.params))
      return 'ESP-Miner takes a frequency in MHz, not in percent';
    if (order.kind === 'set_pool' && 'pool_id' in order.params) return 'ESP-Miner has no list of pools';
    if (order.kind === 'set_pool' && 'pool_url' in order.params && !isPlainTcp(order.params.pool_url))
      return 'this firmware takes stratum+tcp alone';
    return null;
  },
  async run(order, io, context) {
    const settings = settingsOf(order);
    if (settings === null) {
      const ack = readWeb(
        order.kind,
        await io.http({ method: 'POST', path: '/api/system/restart' }),
        context,
      );
      return ack.kind === 'ok' ? completed('restarting') : ack.outcome;
    }
    if (isOutcome(settings)) return settings;
    const ack = readWeb(order.kind, await io.http(jsonRequest('PATCH', '/api/system', settings)), context);
    if (ack.kind !== 'ok') return ack.outcome;
    if (order.kind !== 'set_pool') return completed('set');
    // It connects to a pool when it starts, and then alone.
    const restart = readWeb(
      'restart',
      await io.http({ method: 'POST', path: '/api/system/restart' }),
      context,
    );
    const { stratumURL, stratumPort, stratumUser } = settings;
    return restart.kind === 'ok'
      ? completed('pool set; restarting to use it', {
          after: { pool_url: `${String(stratumURL)}:${String(stratumPort)}`, pool_user: stratumUser },
        })
      : restart.outcome;
  },
};

const isPlainTcp = (url: string): boolean => /^stratum\+tcp:\/\//.test(url);
const defaultPort = 3333;

type Settings = Readonly<Record<string, string | number>>;

const isOutcome = (made: Settings | WriteOutcome): made is WriteOutcome => 'status' in made;

/** What is set; `null` for a restart. */
function settingsOf(order: CommandOrder): Settings | WriteOutcome | null {
  switch (order.kind) {
    case 'restart':
    case 'reboot':
      return null;
    case 'set_fan':
      return { autofanspeed: 0, fanspeed: order.params.speed };
    case 'set_frequency':
      return 'frequency' in order.params ? { frequency: order.params.frequency } : rejected('takes MHz');
    case 'set_pool': {
      if ('pool_id' in order.params) return rejected('has no list of pools');
      const { pool_url, pool_user, pool_password = noPassword } = order.params;
      const found = /^[a-z0-9+]+:\/\/([^:/]+)(?::(\d+))?/.exec(pool_url);
      return {
        stratumURL: found?.[1] ?? pool_url,
        stratumPort: Number(found?.[2] ?? defaultPort),
        stratumUser: pool_user,
        stratumPassword: pool_password,
      };
    }
    case 'enable':
    case 'disable':
      return rejected('cannot pause');
  }
}
