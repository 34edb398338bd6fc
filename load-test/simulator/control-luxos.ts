import { nothing, statusOnly, type Answer } from './answer.js';
import type { SimulatedMiner } from './miner.js';

type Control = (miner: SimulatedMiner, values: readonly string[], nowMs: number) => Answer;

const sessionAnswer = (miner: SimulatedMiner, code: number, words: string): Answer => {
  const id = miner.handedOut.get('session') ?? '';
  return {
    kind: 'sections',
    status: { letter: 'S', code, message: words },
    section: 'SESSION',
    items: [`{"SessionID":"${id}"}`],
    glue: ',',
  };
};

/** Commands that want the session first. */
const controls: Readonly<Record<string, Control>> = {
  curtail: (miner, [mode], nowMs) => {
    if (mode === 'sleep') miner.sleep(nowMs);
    else if (mode === 'wakeup') miner.wake(nowMs);
    else return statusOnly('E', 404, 'Unknown curtail mode');
    return statusOnly('S', 318, `Curtail ${mode}`);
  },
  resetminer: (miner, _, nowMs) => {
    miner.handedOut.delete('session');
    miner.restart(nowMs);
    return statusOnly('S', 320, 'Resetting miner');
  },
  rebootdevice: (miner, _, nowMs) => {
    miner.handedOut.delete('session');
    miner.reboot(nowMs);
    return nothing;
  },
  fanset: (miner, [speed = '']) => {
    const percent = Number(/^speed=(-?\d+)$/.exec(speed)?.[1] ?? NaN);
    if (!(percent >= -1 && percent <= 100)) return statusOnly('E', 405, 'Invalid speed');
    miner.fanPct = percent < 0 ? null : percent;
    return statusOnly('S', 316, 'Fan set');
  },
  frequencyset: (miner, [board, mhz = '']) => {
    const value = Number(mhz);
    if (!(Number(board) < miner.model.boards) || !(value >= 50 && value <= miner.model.frequencyMhz * 1.5))
      return statusOnly('E', 406, 'Invalid board or frequency');
    miner.frequencyMhz = value;
    return statusOnly('S', 315, 'Frequency set');
  },
};

/** LuxOS: one session at a time, and what it is for; null for any other command. */
export function controlLuxos(
  miner: SimulatedMiner,
  command: string,
  parameter: string,
  nowMs: number,
): Answer | null {
  const held = miner.handedOut.get('session');
  switch (command) {
    case 'session':
      return sessionAnswer(miner, 316, 'Session information');
    case 'logon':
      if (held !== undefined) return statusOnly('E', 402, 'Another session is active');
      miner.handedOut.set('session', Math.floor(miner.nextDraw() * 0xffffffff).toString(36));
      return sessionAnswer(miner, 316, 'Session created');
    case 'logoff':
      if (held === undefined || parameter !== held) return statusOnly('E', 403, 'Invalid session');
      miner.handedOut.delete('session');
      return statusOnly('S', 317, 'Session ended');
    default: {
      const control = Object.hasOwn(controls, command) ? controls[command] : undefined;
      if (control === undefined) return null;
      const [session, ...values] = parameter.split(',').map((part) => part.trim());
      if (held === undefined || session !== held) return statusOnly('E', 403, 'Invalid session');
      const answer = control(miner, values, nowMs);
      if (answer.kind !== 'sections' || answer.status.letter !== 'E')
        miner.noteWrite({ via: 'cgminer', command, parameters: values.join(',') });
      return answer;
    }
  }
}
