import { createInterface } from 'node:readline/promises';
import { Writable } from 'node:stream';

/** True when there is a person to ask. */
export const canAsk = (): boolean => process.stdin.isTTY && process.stderr.isTTY;

/** A line that is typed, without what is around it; `isHidden` shows nothing of it. Empty at the end of input. */
export async function askLine(question: string, options: { isHidden?: boolean } = {}): Promise<string> {
  process.stderr.write(question);
  const silent = new Writable({ write: (_chunk, _encoding, done) => done() });
  const lines = createInterface({
    input: process.stdin,
    output: options.isHidden === true ? silent : process.stderr,
    terminal: options.isHidden === true,
  });
  try {
    const ended = new Promise<string>((resolve) => lines.once('close', () => resolve('')));
    return (await Promise.race([lines.question(''), ended])).trim();
  } finally {
    lines.close();
    if (options.isHidden === true) process.stderr.write('\n');
  }
}

/** True for a plain yes. */
export async function askYes(question: string): Promise<boolean> {
  return /^y(es)?$/i.test(await askLine(`${question} [y/N] `));
}
