import type { CommandOrder } from '../../domain/commands.js';
import { toNumber, toText } from '../numbers.js';
import { isObject } from '../reply-status.js';
import type { JsonObject } from '../reply.js';
import { nothingChanged, readAck, type Ack } from './answers.js';
import type { ListedPool } from './generic.js';
import { completed, failed, rejected, wrongPassword } from './outcome.js';
import { arrangePools, refuseWhatsminer } from './whatsminer.js';
import { v3Encrypted, v3Token } from './whatsminer-crypto.js';
import type { MinerIo, WriteOutcome, Writer } from './writer.js';

/** The device's own accounts; credentials that name none of them are for the first. */
const accounts: ReadonlySet<string> = new Set(['super', 'user1', 'user2', 'user3']);

/** btminer's API v3, in frames: every command signed with a salt the device tells, pools encrypted. */
export const whatsminerV3: Writer = {
  families: ['whatsminer-v3'],
  refuse: refuseWhatsminer,
  async run(order, io, context) {
    const salt = await saltOf(io);
    if (typeof salt !== 'string') return salt;
    const made = await commandOf(order, io);
    if ('status' in made) return made;
    const { cmd, param, isEncrypted = false, told = {} } = made;
    const password = context.credentials?.password ?? '';
    const account = context.credentials?.username ?? '';
    const timeS = Math.floor(context.nowMs / 1000);
    const request = {
      cmd,
      ts: timeS,
      token: v3Token(cmd, password, salt, timeS),
      account: accounts.has(account) ? account : 'super',
      ...(param === undefined
        ? {}
        : { param: isEncrypted ? v3Encrypted(param, cmd, password, salt, timeS) : param }),
    };
    const ack = readV3(order.kind, await io.framed(JSON.stringify(request)));
    return ack.kind === 'ok' ? completed(ack.message === '' ? 'done' : ack.message, told) : explained(ack);
  },
};

interface Command {
  readonly cmd: string;
  readonly param?: unknown;
  readonly isEncrypted?: boolean;
  readonly told?: Pick<WriteOutcome, 'before' | 'after'>;
}

const readV3 = (kind: CommandOrder['kind'], answer: Parameters<typeof readAck>[2]): Ack => {
  const ack = readAck(kind, 'v3', answer);
  const code = ack.kind === 'ok' ? toNumber(ack.value['code'] ?? null) : null;
  if (ack.kind !== 'ok' || code === null || code === 0) return ack;
  return {
    kind: 'ended',
    outcome: failed(code, toText(ack.value['msg'] ?? null) ?? 'refused', 'device_error'),
    code,
  };
};

async function read(io: MinerIo, cmd: string, param: string): Promise<JsonObject | WriteOutcome> {
  const ack = nothingChanged(readV3('set_fan', await io.framed(JSON.stringify({ cmd, param }))));
  if (ack.kind !== 'ok') return ack.outcome;
  return isObject(ack.value['msg']) ? ack.value['msg'] : {};
}

async function saltOf(io: MinerIo): Promise<string | WriteOutcome> {
  const told = await read(io, 'get.device.info', 'salt');
  if (isOutcome(told)) return told;
  const salt = toText(told['salt'] ?? null);
  return salt !== null && salt.length <= 64 ? salt : failed(1, 'told no salt to sign with', 'device_error');
}

const isOutcome = (value: JsonObject | WriteOutcome): value is WriteOutcome =>
  typeof value['status'] === 'string' && typeof value['message'] === 'string';

async function commandOf(order: CommandOrder, io: MinerIo): Promise<Command | WriteOutcome> {
  switch (order.kind) {
    case 'enable':
      return { cmd: 'set.miner.service', param: 'start' };
    case 'disable':
      return { cmd: 'set.miner.service', param: 'stop' };
    case 'restart':
      return { cmd: 'set.miner.service', param: 'restart' };
    case 'reboot':
      return { cmd: 'set.system.reboot' };
    case 'set_pool': {
      const told = await read(io, 'get.miner.status', 'pools');
      if (isOutcome(told)) return told;
      const made = arrangePools(poolsIn(told), order.params);
      if ('status' in made) return made;
      return {
        cmd: 'set.miner.pools',
        param: made.pools.map(({ url, user, password }) => ({ pool: url, worker: user, passwd: password })),
        isEncrypted: true,
        told: made.told,
      };
    }
    case 'set_frequency':
      return 'percent' in order.params
        ? { cmd: 'set.miner.target_freq', param: Math.round(order.params.percent) }
        : rejected('takes percent, not MHz');
    case 'set_fan':
      return rejected('takes no fan speed');
  }
}

function poolsIn(told: JsonObject): ListedPool[] {
  const list = told['pools'];
  return (Array.isArray(list) ? list : []).filter(isObject).map((pool, index) => ({
    id: index,
    url: toText(pool['url'] ?? null) ?? '',
    user: toText(pool['account'] ?? null) ?? '',
    isActive: pool['stratum-active'] === true,
  }));
}

/** A signature that is not right is a wrong password. */
function explained(ack: Extract<Ack, { kind: 'ended' }>): WriteOutcome {
  const { outcome } = ack;
  if (outcome.status !== 'failed' || !/token|auth|passw/i.test(outcome.message)) return outcome;
  return failed(wrongPassword, `wrong password (code ${outcome.code}: ${outcome.message})`, 'wrong_password');
}
