import type { Answer } from './answer.js';
import { nothing } from './answer.js';
import type { Request } from './request.js';
import { btminerAnswer } from './replies/whatsminer.js';
import type { Scene } from './replies/common.js';

/** True when it was done; false when its parameters are wrong; `silent` when the machine is gone before it answers. */
type Outcome = boolean | 'silent';
type Control = (scene: Scene, fields: Request['fields']) => Outcome;

const controls: Readonly<Record<string, Control>> = {
  power_off: ({ miner, nowMs }) => {
    miner.sleep(nowMs);
    return true;
  },
  power_on: ({ miner, nowMs }) => {
    miner.wake(nowMs);
    return true;
  },
  restart_btminer: ({ miner, nowMs }) => {
    miner.restart(nowMs);
    return true;
  },
  reboot: ({ miner, nowMs }) => {
    miner.reboot(nowMs);
    return 'silent';
  },
  update_pools: updatePools,
  set_low_power: ({ miner }) => setMode(miner, 'low'),
  set_normal_power: ({ miner }) => setMode(miner, 'normal'),
  set_high_power: ({ miner }) => setMode(miner, 'high'),
  adjust_power_limit: ({ miner }, fields) => {
    const watts = Number(fields['power_limit']);
    if (!(watts > 0 && watts <= miner.model.nominalW * 1.5)) return false;
    miner.powerLimitW = watts;
    return true;
  },
  set_target_freq: ({ miner }, fields) => {
    const percent = Number(fields['percent']);
    if (!(percent >= -100 && percent <= 100)) return false;
    miner.frequencyMhz = Math.max(50, Math.round(miner.model.frequencyMhz * (1 + percent / 100)));
    return true;
  },
  set_led: () => true,
};

function setMode(miner: Scene['miner'], mode: 'low' | 'normal' | 'high'): boolean {
  miner.powerMode = mode;
  return true;
}

function updatePools({ miner, nowMs }: Scene, fields: Request['fields']): boolean {
  const pools = [1, 2, 3].flatMap((number) => {
    const url = fields[`pool${number}`];
    const user = fields[`worker${number}`];
    return typeof url === 'string' && url !== '' && typeof user === 'string'
      ? [{ url, user, isEnabled: true, isAlive: true, accepted: 0 }]
      : [];
  });
  if (pools.length === 0) return false;
  miner.switchPool(0, nowMs);
  miner.pools = pools;
  return true;
}

/** What a command changed, in the log of writes; passwords and tokens are left out. */
export function noteWhatsminer(
  miner: Scene['miner'],
  via: 'whatsminer' | 'whatsminer-v3',
  command: string,
  fields: Readonly<Record<string, unknown>>,
): void {
  const shown = Object.entries(fields).filter(([name]) => !/^(?:passwd|token|command|cmd)/.test(name));
  miner.noteWrite({
    via,
    command,
    parameters: shown.length === 0 ? '' : JSON.stringify(Object.fromEntries(shown)),
  });
}

/**
 * Runs a control command of btminer sent in the clear, or answers null when it is none.
 *
 * Real machines take these encrypted with a token only; without `isAllowed` they refuse with code 45.
 */
export function controlWhatsminer(scene: Scene, request: Request, isAllowed: boolean): Answer | null {
  const [command = ''] = request.members;
  const control = Object.hasOwn(controls, command) ? controls[command] : undefined;
  if (control === undefined) return null;
  const isOpen = isAllowed && scene.miner.fault?.kind !== 'write_denied';
  if (!isOpen) return btminerAnswer(scene, 'E', 45, '"can\'t access write cmd"');
  const outcome = control(scene, request.fields);
  if (outcome !== false) noteWhatsminer(scene.miner, 'whatsminer', command, request.fields);
  if (outcome === 'silent') return nothing;
  return outcome
    ? btminerAnswer(scene, 'S', 131, '"API command OK"')
    : btminerAnswer(scene, 'E', 132, '"API command ERROR"');
}
