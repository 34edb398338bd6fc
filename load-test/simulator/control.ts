import { nothing, statusOnly, type Answer } from './answer.js';
import { controlLuxos } from './control-luxos.js';
import type { SimulatedMiner } from './miner.js';
import type { Dialect } from './model.js';
import type { Request } from './request.js';

type Control = (miner: SimulatedMiner, parameter: string, nowMs: number) => Answer;

const ended = (word: string): Answer => ({ kind: 'raw', json: `{"STATUS":"${word}","id":1}`, text: word });

/** Parameters are one text with commas. */
const split = (parameter: string): string[] => parameter.split(',').map((part) => part.trim());

/** As cgminer reads the details of a pool: a backslash keeps the comma or backslash behind it. */
const splitEscaped = (parameter: string): string[] =>
  (parameter.match(/(?:\\.|[^,\\])*(?:,|$)/gs) ?? [])
    .map((part) => part.replace(/,$/, '').replace(/\\(.)/gs, '$1'))
    .slice(0, 3);

function poolIndex(miner: SimulatedMiner, parameter: string): number | Answer {
  if (parameter === '') return statusOnly('E', 25, 'Missing pool id parameter');
  const index = Number(parameter);
  const count = miner.ownPools().length;
  if (Number.isInteger(index) && index >= 0 && index < count) return index;
  return statusOnly('E', 26, `Invalid pool id ${parameter} - range is 0 - ${count - 1}`);
}

/** Runs `act` with a valid pool number, or answers why there is none. */
const onPool =
  (act: (miner: SimulatedMiner, index: number, nowMs: number) => Answer): Control =>
  (miner, parameter, nowMs) => {
    const index = poolIndex(miner, parameter);
    return typeof index === 'number' ? act(miner, index, nowMs) : index;
  };

const urlOf = (miner: SimulatedMiner, index: number): string => miner.ownPools()[index]?.url ?? '';

function setEnabled(miner: SimulatedMiner, index: number, isEnabled: boolean): Answer {
  const pools = miner.ownPools();
  const pool = pools[index];
  const name = `pool ${index}:'${urlOf(miner, index)}'`;
  if (pool === undefined || pool.isEnabled === isEnabled) {
    return isEnabled
      ? statusOnly('I', 49, `${name} already enabled`)
      : statusOnly('I', 50, `${name} already disabled`);
  }
  if (!isEnabled && pools.filter((each) => each.isEnabled).length === 1) {
    return statusOnly('E', 51, 'Cannot disable last active pool');
  }
  pool.isEnabled = isEnabled;
  return isEnabled ? statusOnly('S', 47, `Enabling ${name}`) : statusOnly('S', 48, `Disabling ${name}`);
}

function addPool(miner: SimulatedMiner, parameter: string): Answer {
  const [url = '', user = '', password] = splitEscaped(parameter);
  if (parameter === '') return statusOnly('E', 52, 'Missing addpool details');
  if (url === '' || user === '' || password === undefined)
    return statusOnly('E', 53, `Invalid addpool details '${parameter}'`);
  const index = miner.ownPools().push({ url, user, isEnabled: true, isAlive: true, accepted: 0 }) - 1;
  return statusOnly('S', 55, `Added pool ${index}: '${url}'`);
}

function removePool(miner: SimulatedMiner, index: number): Answer {
  const pools = miner.ownPools();
  if (pools.length === 1) return statusOnly('E', 66, 'Cannot remove last pool');
  if (index === miner.activePool) return statusOnly('E', 67, 'Cannot remove active pool');
  const [removed] = pools.splice(index, 1);
  if (index < miner.activePool) miner.activePool--;
  return statusOnly('S', 68, `Removed pool ${index}:'${removed?.url ?? ''}'`);
}

function setFan(miner: SimulatedMiner, text: string): boolean {
  if (text === '-1' || text === 'auto') {
    miner.fanPct = null;
    return true;
  }
  const percent = Number(text);
  if (text === '' || !(percent >= 0 && percent <= 100)) return false;
  miner.fanPct = percent;
  return true;
}

function setFrequency(miner: SimulatedMiner, text: string): boolean {
  const mhz = Number(text);
  if (!(mhz >= 50 && mhz <= miner.model.frequencyMhz * 1.5)) return false;
  miner.frequencyMhz = mhz;
  return true;
}

/** Dialects that show all boards as one device. */
const wholeDialects: ReadonlySet<Dialect> = new Set<Dialect>([
  'antminer-s19',
  'antminer-new-api',
  'antminer-mskminer',
  'antminer-fdminer',
  'antminer-vnish',
  'avalon',
  'avalon-home',
]);

/** Boards by number; a machine that shows one device switches all its boards. */
function setBoard(miner: SimulatedMiner, parameter: string, isEnabled: boolean): Answer {
  const isWhole = wholeDialects.has(miner.model.dialect);
  const count = isWhole ? 1 : miner.model.boards;
  const index = Number(parameter);
  if (parameter === '') return statusOnly('E', 105, 'Missing device id parameter');
  if (!Number.isInteger(index) || index < 0 || index >= count) {
    return statusOnly('E', 107, `Invalid ASC id ${parameter} - range is 0 - ${count - 1}`);
  }
  const bits = isWhole ? (1 << miner.model.boards) - 1 : 1 << index;
  miner.disabledBoards = isEnabled ? miner.disabledBoards & ~bits : miner.disabledBoards | bits;
  return isEnabled
    ? statusOnly('S', 110, `ASC ${index} sent enable message`)
    : statusOnly('S', 111, `ASC ${index} set disable flag`);
}

/** Commands that change a machine with a cgminer API. */
const controls: Readonly<Record<string, Control>> = {
  restart: (miner, _, nowMs) => {
    miner.restart(nowMs);
    return ended('RESTART');
  },
  quit: (miner, _, nowMs) => {
    miner.restart(nowMs);
    return ended('BYE');
  },
  addpool: addPool,
  switchpool: onPool((miner, index, nowMs) => {
    miner.switchPool(index, nowMs);
    setEnabled(miner, index, true);
    return statusOnly('S', 27, `Switching to pool ${index}: '${urlOf(miner, index)}'`);
  }),
  enablepool: onPool((miner, index) => setEnabled(miner, index, true)),
  disablepool: onPool((miner, index) => setEnabled(miner, index, false)),
  removepool: onPool(removePool),
  ascenable: (miner, parameter) => setBoard(miner, parameter, true),
  ascdisable: (miner, parameter) => setBoard(miner, parameter, false),
  pause: (miner, _, nowMs) => {
    miner.sleep(nowMs);
    return statusOnly('S', 46, 'Paused');
  },
  resume: (miner, _, nowMs) => {
    miner.wake(nowMs);
    return statusOnly('S', 46, 'Resumed');
  },
  fanctrl: (miner, parameter) =>
    setFan(miner, split(parameter).at(-1) ?? '')
      ? statusOnly('S', 119, `Fan control set to '${parameter}'`)
      : statusOnly('E', 120, `Invalid fan control '${parameter}'`),
  setconfig: (miner, parameter) => {
    const [name = '', value = ''] = split(parameter);
    if (name !== 'freq') return statusOnly('E', 83, `Unknown config '${name}'`);
    return setFrequency(miner, value)
      ? statusOnly('S', 76, `Set config 'freq' to ${value}`)
      : statusOnly('E', 84, `Invalid number (${value}) for 'freq'`);
  },
  ascset: (miner, parameter, nowMs) => ascSet(miner, parameter, nowMs),
};

/** `ascset|0,<option>[,<value>]`, Avalon; every other machine knows reboot only. */
function ascSet(miner: SimulatedMiner, parameter: string, nowMs: number): Answer {
  const [id = '', option = '', ...values] = split(parameter);
  const ok = statusOnly('S', 119, 'ASC 0 set OK');
  const info = statusOnly('I', 118, `ASC 0 set info: ${option}`);
  const failed = statusOnly(
    'E',
    120,
    `ASC 0 set failed: ${option === '' ? 'Missing option' : `invalid ${option}`}`,
  );
  if (id !== '0') return statusOnly('E', 107, `Invalid ASC id ${id} - range is 0 - 0`);
  if (option === 'reboot') {
    miner.reboot(nowMs);
    return nothing;
  }
  if (!miner.model.dialect.startsWith('avalon')) return failed;
  const [value = ''] = values;
  if (isOldAvalon(miner) && (option === 'softoff' || option === 'softon')) return failed;
  switch (option) {
    case 'softoff':
      miner.sleep(nowMs);
      return info;
    case 'softon':
      miner.wake(nowMs);
      return nothing;
    case 'hashpower':
      if (value === '0') miner.sleep(nowMs);
      else miner.wake(nowMs);
      return nothing;
    case 'fan-spd':
      return setFan(miner, value) ? ok : failed;
    case 'workmode': {
      const mode = (['low', 'normal', 'high'] as const)[Number(value === 'set' ? values[1] : value)];
      if (mode === undefined) return failed;
      miner.powerMode = mode;
      return ok;
    }
    case 'frequency':
      return setFrequency(miner, value.split(':')[0] ?? '') ? ok : failed;
    case 'setpool':
      return setPoolAtBoot(miner, values) ? ok : failed;
    case 'led':
      return ok;
    default:
      return failed;
  }
}

/** Those before the A11 know no `softoff`, and no place in the list of pools. */
const isOldAvalon = ({ model }: SimulatedMiner): boolean =>
  model.dialect === 'avalon-modules' || /^10/.test(model.type);

/** `<web user>,<web password>,[index,]<url>,<worker>,<password>`; taken at the next boot. */
function setPoolAtBoot(miner: SimulatedMiner, values: readonly string[]): boolean {
  const rest = values.slice(2);
  const hasIndex = /^\d+$/.test(rest[0] ?? '');
  if (hasIndex && isOldAvalon(miner)) return false;
  const index = hasIndex ? Number(rest.shift()) : 0;
  const [url, user] = rest;
  if (index > 2 || url === undefined || user === undefined) return false;
  miner.pendingPool = { index, url, user };
  return true;
}

/**
 * Runs a control command of the cgminer API, or answers null when it is none.
 *
 * Without `isAllowed` it is refused with code 45, and `privileged` too.
 */
export function controlCgminer(
  miner: SimulatedMiner,
  request: Request,
  nowMs: number,
  isAllowed: boolean,
): Answer | null {
  const [command = ''] = request.members;
  const control = Object.hasOwn(controls, command) ? controls[command] : undefined;
  const isOpen = isAllowed && miner.fault?.kind !== 'write_denied';
  if (!isOpen && (control !== undefined || command === 'privileged')) {
    return statusOnly('E', 45, `Access denied to '${command}' command`);
  }
  if (miner.model.dialect === 'antminer-luxos') {
    const answer = controlLuxos(miner, command, request.parameter, nowMs);
    if (answer !== null)
      return isOpen ? answer : statusOnly('E', 45, `Access denied to '${command}' command`);
  }
  if (control === undefined) return null;
  const answer = control(miner, request.parameter, nowMs);
  if (!isRefused(answer))
    miner.noteWrite({ via: 'cgminer', command, parameters: withoutPassword(command, request.parameter) });
  return answer;
}

const isRefused = (answer: Answer): boolean => answer.kind === 'sections' && answer.status.letter === 'E';

/** The last part of a pool's details is its password; those of the web login come first. */
function withoutPassword(command: string, parameter: string): string {
  if (command === 'addpool') return splitEscaped(parameter).slice(0, 2).join(',');
  if (!/^0\s*,\s*setpool/.test(parameter)) return parameter;
  const [id, option, , , ...pool] = split(parameter);
  return [id, option, '*', '*', ...pool.slice(0, -1), '*'].join(',');
}
