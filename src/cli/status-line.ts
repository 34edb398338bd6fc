import type { UpStatus } from '../roles/up.js';
import type { Role } from './run-role.js';
import type { Terminal } from './terminal.js';

/** A role that can say how it does. */
export interface Watchable extends Role {
  status(): Promise<UpStatus>;
}

const everyMs = 1_000;

/** Keeps one live line of status on the terminal, and says at the end what was done. */
export function showStatus(role: Watchable, terminal: Terminal, farewell: string): Role {
  let isOver = false;
  let stored = 0;
  let timer: NodeJS.Timeout | undefined;
  const draw = async (): Promise<void> => {
    const status = await role.status();
    stored = status.samplesStored;
    if (isOver) return;
    terminal.show(statusText(status, terminal.width));
    timer = setTimeout(() => void draw(), everyMs);
  };
  void draw();
  return {
    failed: role.failed,
    async stop() {
      isOver = true;
      clearTimeout(timer);
      terminal.show('Stopping …');
      await role.stop();
      terminal.clear();
      terminal.print(`Stopped: ${count(stored)} samples stored. ${farewell}`.trim());
    },
  };
}

/** A status in one line of at most `width` columns: what matters least is left out first. */
export function statusText(status: UpStatus, width: number): string {
  const { minersOnline, minersKnown, hashrateThs, samplesStored, onTheWay, lagS, conservationError } = status;
  if (minersKnown === 0) return 'Waiting for the first replies …';
  const parts = [
    `${minersOnline === null ? '–' : count(minersOnline)}/${count(minersKnown)} miners online`,
    ...(conservationError === 0 ? [] : [`conservation error ${count(conservationError)}`]),
    ...(hashrateThs === null ? [] : [hashrateText(hashrateThs)]),
    `${count(samplesStored)} samples stored`,
    `${count(onTheWay)} on the way`,
    ...(lagS === null ? [] : [`lag ${ageText(lagS)}`]),
    status.url,
  ];
  while (parts.length > 1 && parts.join(separator).length > width) parts.pop();
  return parts.join(separator);
}

const separator = ' · ';
const count = (value: number): string => value.toLocaleString('en-US');

/** TH/s with three digits and the unit that fits. */
function hashrateText(ths: number): string {
  const units = ['TH/s', 'PH/s', 'EH/s'];
  let value = ths;
  let unit = 0;
  while (value >= 1_000 && unit < units.length - 1) {
    value /= 1_000;
    unit++;
  }
  return `${Number(value.toPrecision(3))} ${units[unit]}`;
}

/** A time in the unit that fits. */
export function ageText(seconds: number): string {
  if (seconds < 100) return `${Math.round(seconds)} s`;
  return seconds < 6_000 ? `${Math.round(seconds / 60)} min` : `${Math.round(seconds / 3_600)} h`;
}
