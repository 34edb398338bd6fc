import type { CommandOrder } from '../../domain/commands.js';
import { toText } from '../numbers.js';
import { callCgminer, isRefusal } from './answers.js';
import {
  change,
  isLevelModel,
  readConfig,
  toFormFields,
  toJsonBody,
  type AntminerConfig,
} from './antminer-config.js';
import { ended, generic } from './generic.js';
import { completed, failed, rejected } from './outcome.js';
import { formRequest, jsonRequest, objectOf, readOnly, readWeb, type WebAck } from './web-answers.js';
import type { MinerIo, WriteContext, WriteOutcome, Writer } from './writer.js';

/** Models that have no mode in which they sleep. */
const sleepless = /\b(?:[ST][1-9]|L3|D[35]|X3|Z[9]|A3|B3|V9|R4)(?:[^0-9]|$)/i;

/**
 * Bitmain's own firmware, and firmware with its pages (Hiveon): nothing is written over the CGMiner API,
 * whose write commands it denies, but over the CGI pages behind digest authentication. A setting is changed
 * by reading the whole configuration and writing it back; the miner then restarts its mining. Without
 * credentials the CGMiner API is tried, which some firmware leaves open.
 */
export const antminer: Writer = {
  families: ['antminer', 'antminer-web', 'hiveon', 'fdminer'],
  refuse(order, context) {
    const { model } = context;
    const isSwitch = order.kind === 'enable' || order.kind === 'disable';
    if (isSwitch && sleepless.test(model ?? '')) return `${model} has no sleep mode`;
    if (order.kind === 'set_frequency') {
      if (isLevelModel(model) && 'frequency' in order.params)
        return 'takes a level in percent of its own frequency, not MHz';
      if (sleepless.test(model ?? '') && 'percent' in order.params)
        return 'takes a frequency in MHz, not in percent';
    }
    return isOpenOnly(order, context) ? generic.refuse(order, context) : null;
  },
  async run(order, io, context) {
    if (isOpenOnly(order, context)) return hinted(await generic.run(order, io, context));
    if (order.kind === 'reboot') return reboot(io, context);
    if (order.kind === 'restart') return restart(order, io, context);
    return rewrite(order, io, context);
  },
};

/** Without credentials only what the CGMiner API may take is left; a boot needs the web page all the same. */
const isOpenOnly = (order: CommandOrder, context: WriteContext): boolean =>
  context.credentials === null && context.family !== 'antminer-web' && order.kind !== 'reboot';

const hinted = (outcome: WriteOutcome): WriteOutcome =>
  outcome.errorClass === 'access_denied' || outcome.errorClass === 'device_error'
    ? { ...outcome, message: `${outcome.message}; credentials for its web interface are not configured` }
    : outcome;

async function reboot(io: MinerIo, context: WriteContext): Promise<WriteOutcome> {
  const ack = readWeb('reboot', await io.http({ method: 'GET', path: '/cgi-bin/reboot.cgi' }), context);
  return ack.kind === 'ok' ? pageOutcome(ack, 'rebooting') : ack.outcome;
}

/**
 * Older firmware has a page for it. Where that is missing, the CGMiner API; where that denies it, the
 * configuration is written back as it is, which restarts the mining too. Each only after a plain refusal.
 */
async function restart(order: CommandOrder, io: MinerIo, context: WriteContext): Promise<WriteOutcome> {
  const page = readWeb(
    'restart',
    await io.http({ method: 'GET', path: '/cgi-bin/reboot_cgminer.cgi' }),
    context,
  );
  if (page.kind === 'ok') return pageOutcome(page, 'restarting');
  if (page.status !== 404) return page.outcome;
  const ack = await callCgminer(io, 'restart', 'restart');
  if (ack.kind === 'ok' || !(isRefusal(ack) || ack.outcome.status === 'failed'))
    return ended(ack, 'restarting');
  return rewrite(order, io, context);
}

/** Reads the configuration, changes one thing and writes all of it back. */
async function rewrite(order: CommandOrder, io: MinerIo, context: WriteContext): Promise<WriteOutcome> {
  const got = readOnly(
    readWeb('set_fan', await io.http({ method: 'GET', path: '/cgi-bin/get_miner_conf.cgi' }), context),
  );
  if (got.kind !== 'ok') return got.outcome;
  const config = readConfig(got.text, context.model);
  if (config === null)
    return failed(1, 'its configuration could not be read whole; nothing was changed', 'not_json');
  const made = change(config, order);
  if (made.kind === 'cannot') return rejected(made.reason);
  const ack = readWeb(order.kind, await io.http(toRequest({ ...config, value: made.value })), context);
  if (ack.kind !== 'ok') return ack.outcome;
  return { ...pageOutcome(ack, doneWords[order.kind]), before: made.before, after: made.after };
}

const doneWords = {
  enable: 'woken',
  disable: 'put to sleep',
  restart: 'configuration written back, which restarts the mining',
  reboot: 'rebooting',
  set_pool: 'pools written',
  set_fan: 'fan set',
  set_frequency: 'frequency set',
} as const;

const setPath = '/cgi-bin/set_miner_conf.cgi';

const toRequest = ({ style, value }: AntminerConfig) =>
  style === 'json'
    ? jsonRequest('POST', setPath, toJsonBody(value))
    : formRequest(setPath, toFormFields(value));

/** The page's word: nothing, `ok` (twice on Hiveon), or an object with a code of which `000` at its end is good. */
function pageOutcome(ack: Extract<WebAck, { kind: 'ok' }>, done: string): WriteOutcome {
  const text = ack.text.trim();
  const value = objectOf(text);
  const state = toText(value['stats'] ?? value['status'] ?? null)?.toLowerCase();
  const code = toText(value['code'] ?? null);
  const isError =
    state === 'error' || state === 'fail' || state === 'failed' || (code !== null && !/0{2,3}$/.test(code));
  if (isError) {
    const told = [toText(value['msg'] ?? null), code].filter((each) => each !== null).join(' ');
    return failed(
      Number(/\d+/.exec(code ?? '')?.[0] ?? 1),
      told === '' ? 'refused by its page' : told,
      'device_error',
    );
  }
  if (/^(?:fail|error|denied)/i.test(text)) return failed(1, text, 'device_error');
  return completed(done);
}
