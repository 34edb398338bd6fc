import { v3Decrypted, v3Token } from '../../src/miner/writers/whatsminer-crypto.js';
import { noteWhatsminer } from './control-whatsminer.js';
import type { SimulatedMiner } from './miner.js';
import { saltV3 } from './replies/whatsminer-v3.js';

/** How far the sender's clock may be off, s. */
const clockS = 120;

/** What a set command of API v3 made: an answer, or nothing because the machine is gone. */
export type AnswerV3 = { readonly code: number; readonly msg: string } | 'silent';

type Control = (miner: SimulatedMiner, param: unknown, nowMs: number) => boolean | 'silent';

const controls: Readonly<Record<string, Control>> = {
  'set.miner.service': (miner, param, nowMs) => {
    if (param === 'stop') miner.sleep(nowMs);
    else if (param === 'start') miner.wake(nowMs);
    else if (param === 'restart') miner.restart(nowMs);
    else return false;
    return true;
  },
  'set.system.reboot': (miner, _, nowMs) => {
    miner.reboot(nowMs);
    return 'silent';
  },
  'set.miner.target_freq': (miner, param) => {
    if (typeof param !== 'number' || !(param >= -100 && param <= 100)) return false;
    miner.frequencyMhz = Math.max(50, Math.round(miner.model.frequencyMhz * (1 + param / 100)));
    return true;
  },
  'set.miner.pools': (miner, param, nowMs) => {
    if (!Array.isArray(param)) return false;
    const pools = (param as Record<string, unknown>[]).flatMap(({ pool, worker }) =>
      typeof pool === 'string' && pool !== '' && typeof worker === 'string'
        ? [{ url: pool, user: worker, isEnabled: true, isAlive: true, accepted: 0 }]
        : [],
    );
    if (pools.length === 0) return false;
    miner.switchPool(0, nowMs);
    miner.pools = pools;
    return true;
  },
};

/** Runs a set command of API v3: signed, pools encrypted. */
export function controlV3(
  miner: SimulatedMiner,
  request: Readonly<Record<string, unknown>>,
  nowMs: number,
  password: string,
): AnswerV3 {
  const { cmd, param, ts, token, account } = request;
  const command = typeof cmd === 'string' ? cmd : '';
  const timeS = Number(ts);
  const salt = saltV3(miner);
  const isSigned =
    account === 'super' &&
    Math.abs(timeS - Date.now() / 1000) < clockS &&
    token === v3Token(command, password, salt, timeS);
  if (!isSigned || miner.fault?.kind === 'wrong_password') return { code: -2, msg: 'invalid token' };
  if (miner.fault?.kind === 'write_denied') return { code: -3, msg: 'api is disabled' };
  const control = Object.hasOwn(controls, command) ? controls[command] : undefined;
  if (control === undefined) return { code: -4, msg: 'invalid command' };
  let given = param;
  if (command === 'set.miner.pools') {
    const text = typeof param === 'string' ? v3Decrypted(param, command, password, salt, timeS) : null;
    try {
      given = JSON.parse(text ?? '') as unknown;
    } catch {
      return { code: -1, msg: 'param error' };
    }
  }
  const outcome = control(miner, given, nowMs);
  if (outcome === false) return { code: -1, msg: 'param error' };
  const shown = Array.isArray(given)
    ? (given as Record<string, unknown>[]).map(({ pool, worker }) => ({ pool, worker }))
    : given;
  noteWhatsminer(miner, 'whatsminer-v3', command, shown === undefined ? {} : { param: shown });
  return outcome === 'silent' ? 'silent' : { code: 0, msg: 'ok' };
}
