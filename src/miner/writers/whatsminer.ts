import type { CommandOrder, PoolParams } from '../../domain/commands.js';
import { own } from '../families/records.js';
import { toText } from '../numbers.js';
import { isObject } from '../reply-status.js';
import type { JsonObject } from '../reply.js';
import { codeOf, readAck, readCgminer, nothingChanged, type Ack } from './answers.js';
import { poolsOf, type ListedPool } from './generic.js';
import { isSamePool, newPool, noPassword } from './order-text.js';
import { completed, failed, rejected, wrongPassword } from './outcome.js';
import { decryptAnswer, encryptCommand, makeToken, type WhatsminerToken } from './whatsminer-crypto.js';
import type { MinerIo, WriteContext, WriteOutcome, Writer } from './writer.js';

/** How long a token serves, ms: devices forget it after half an hour. */
const tokenMs = 30 * 60_000 - 30_000;
const codes = { badJson: 23, denied: 45, done: 131, badToken: 135, tokenLimit: 136 } as const;
/** Pools the device keeps. */
const poolSlots = 3;

/** btminer's write API of versions 1 and 2: a token from the password, each command signed and encrypted. */
export const whatsminer: Writer = {
  families: ['whatsminer'],
  refuse: refuseWhatsminer,
  async run(order, io, context) {
    const command = await commandOf(order, io);
    if ('status' in command) return command;
    return { ...(await send(order, command.fields, io, context)), ...command.told };
  },
};

/** What no version can: a fan speed, a frequency in MHz; and nothing without the password. */
export function refuseWhatsminer(order: CommandOrder, context: WriteContext): string | null {
  if (order.kind === 'set_fan') return 'a Whatsminer governs its fans itself; its API takes no speed';
  if (order.kind === 'set_frequency' && !('percent' in order.params))
    return 'a Whatsminer takes a frequency in percent of its own target, not in MHz';
  if (context.credentials === null) return 'needs the miner’s password; none is configured';
  return null;
}

interface Command {
  readonly fields: Readonly<Record<string, unknown>>;
  readonly told: Pick<WriteOutcome, 'before' | 'after'>;
}

const plain = (fields: Readonly<Record<string, unknown>>): Command => ({ fields, told: {} });

async function commandOf(order: CommandOrder, io: MinerIo): Promise<Command | WriteOutcome> {
  switch (order.kind) {
    case 'enable':
      return plain({ cmd: 'power_on' });
    case 'disable':
      return plain({ cmd: 'power_off', respbefore: 'true' });
    case 'restart':
      return plain({ cmd: 'restart_btminer' });
    case 'reboot':
      return plain({ cmd: 'reboot' });
    case 'set_pool':
      return poolCommand(order.params, io);
    case 'set_frequency':
      return 'percent' in order.params
        ? plain({ cmd: 'set_target_freq', percent: String(Math.round(order.params.percent)) })
        : rejected('takes percent, not MHz');
    case 'set_fan':
      return rejected('takes no fan speed');
  }
}

/** All three pools go together: those that stay are read first. A device asleep tells none, and would lose them. */
async function poolCommand(params: PoolParams, io: MinerIo): Promise<Command | WriteOutcome> {
  const list = await readCgminer(io, 'pools');
  if (list.kind !== 'ok')
    return list.code === null
      ? list.outcome
      : rejected('does not tell its pools now, as while it is asleep; new ones would take the place of all');
  const made = arrangePools(poolsOf(list.value), params);
  if ('status' in made) return made;
  const fields: Record<string, unknown> = { cmd: 'update_pools' };
  for (let at = 0; at < poolSlots; at++) {
    const pool = made.pools[at];
    fields[`pool${at + 1}`] = pool?.url ?? '';
    fields[`worker${at + 1}`] = pool?.user ?? '';
    fields[`passwd${at + 1}`] = pool?.password ?? '';
  }
  return { fields, told: made.told };
}

/** Pools as they are to be, the wanted one first. Their passwords are not told by the device: `x` stands in. */
export function arrangePools(
  listed: readonly ListedPool[],
  params: PoolParams,
):
  | {
      readonly pools: readonly { readonly url: string; readonly user: string; readonly password: string }[];
      readonly told: Pick<WriteOutcome, 'before' | 'after'>;
    }
  | WriteOutcome {
  const there = listed.filter((pool) => pool.url !== '');
  const wanted = newPool(params);
  const known =
    'pool_id' in params
      ? there[params.pool_id]
      : there.find((pool) => isSamePool(pool, { url: params.pool_url, user: params.pool_user }));
  if (wanted === null && known === undefined) return rejected('has no pool of this number');
  const first =
    wanted === null
      ? { url: known?.url ?? '', user: known?.user ?? '', password: noPassword }
      : { url: wanted.pool_url, user: wanted.pool_user, password: wanted.pool_password ?? noPassword };
  const rest = (known === undefined ? there.slice(1) : there.filter((pool) => pool !== known)).map(
    (pool) => ({
      url: pool.url,
      user: pool.user,
      password: noPassword,
    }),
  );
  const active = there.find((pool) => pool.isActive) ?? there[0];
  return {
    pools: [first, ...rest].slice(0, poolSlots),
    told: {
      ...(active === undefined ? {} : { before: { pool_url: active.url, pool_user: active.user } }),
      after: { pool_url: first.url, pool_user: first.user },
    },
  };
}

/** A token that is refused was not heeded: the command goes once more under a new one. */
async function send(
  order: CommandOrder,
  fields: Readonly<Record<string, unknown>>,
  io: MinerIo,
  context: WriteContext,
): Promise<WriteOutcome> {
  for (let isNew = false; ; isNew = true) {
    const token = await tokenFor(io, context, isNew);
    if ('status' in token) return token;
    const ack = await ask(order, fields, token, io);
    if (ack.kind === 'ok') return completed(ack.message === '' ? 'done' : ack.message);
    if (ack.code !== codes.badToken || isNew) {
      if (ack.code !== null && ack.code !== codes.denied) context.tokens?.clear();
      return explained(order, ack.outcome);
    }
    context.tokens?.clear();
  }
}

async function tokenFor(
  io: MinerIo,
  context: WriteContext,
  isNew: boolean,
): Promise<WhatsminerToken | WriteOutcome> {
  const { tokens, credentials, nowMs } = context;
  const kept = isNew ? null : (tokens?.get() ?? null);
  if (kept !== null && kept.untilMs > nowMs)
    return { key: kept.values['key'] ?? '', sign: kept.values['sign'] ?? '' };
  const answer = await io.cgminer('{"cmd":"get_token"}');
  const ack = nothingChanged(readAck('set_fan', 'get_token', answer));
  if (ack.kind !== 'ok') return explained(null, ack.outcome);
  const seed = own(ack.value, 'Msg', 'msg');
  const [time, salt, newsalt] = ['time', 'salt', 'newsalt'].map((name) =>
    isObject(seed) ? toText(seed[name] ?? null) : null,
  );
  if (!isSalt(time) || !isSalt(salt) || !isSalt(newsalt)) {
    const code = codeOf(ack.value);
    return explained(null, failed(code, toText(seed ?? null) ?? 'gave no token', 'device_error'));
  }
  const token = makeToken(credentials?.password ?? '', { time, salt, newsalt });
  tokens?.set({ values: { ...token }, untilMs: nowMs + tokenMs });
  return token;
}

/** Salts are short words; a device that sends anything else gets no hash made of it. */
const isSalt = (text: string | null | undefined): text is string =>
  typeof text === 'string' && /^[./0-9A-Za-z]{1,16}$/.test(text);

async function ask(
  order: CommandOrder,
  fields: Readonly<Record<string, unknown>>,
  token: WhatsminerToken,
  io: MinerIo,
): Promise<Ack> {
  const answer = await io.cgminer(encryptCommand(fields, token));
  const outer = readAck(order.kind, 'enc', answer);
  if (outer.kind !== 'ok') return outer;
  const enc = toText(own(outer.value, 'enc') ?? null);
  if (enc === null) return judged(outer);
  const text = decryptAnswer(enc, token);
  return text === null
    ? readAck(order.kind, 'enc', { kind: 'answer', status: 200, text: 'unreadable' })
    : judged(readAck(order.kind, 'enc', { kind: 'answer', status: 200, text }));
}

/** Some versions say `S` beside a code of failure. */
function judged(ack: Ack): Ack {
  if (ack.kind !== 'ok') return ack;
  const code = codeOf(ack.value);
  const isFailure =
    code === 14 ||
    code === codes.badJson ||
    code === codes.denied ||
    (code !== null && code >= 132 && code <= 136);
  if (!isFailure) return ack;
  return { kind: 'ended', outcome: failed(code, wordsOf(ack.value), 'device_error'), code };
}

const wordsOf = (value: JsonObject): string => toText(own(value, 'Msg', 'msg') ?? null) ?? 'refused';

/** The device's words, with what they mean to who reads them. A boot is often heard of by silence. */
function explained(order: CommandOrder | null, outcome: WriteOutcome): WriteOutcome {
  const isSilence = outcome.errorClass === 'deadline' || outcome.errorClass === 'reset';
  if (order?.kind === 'reboot' && outcome.status === 'unknown' && isSilence)
    return completed('booting: no answer came, as usual');
  switch (outcome.code) {
    case codes.badJson:
      return failed(wrongPassword, `wrong password (code 23: ${outcome.message})`, 'wrong_password');
    case codes.denied:
      return {
        ...outcome,
        message: `${outcome.message} (its write API is off: WhatsMinerTool opens it, and asks for a password of your own)`,
        errorClass: 'access_denied',
      };
    case codes.tokenLimit:
      return { ...outcome, message: `${outcome.message} (as many tokens or addresses as it keeps)` };
    default:
      return outcome;
  }
}
