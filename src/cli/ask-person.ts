import { createInterface } from 'node:readline/promises';
import { AppError } from '../domain/errors.js';

/** True when there is a person to ask. */
export const canAsk = (): boolean => process.stdin.isTTY && process.stderr.isTTY;

/** A line that is typed, without what is around it. Empty at the end of input. */
export async function askLine(question: string): Promise<string> {
  process.stderr.write(question);
  // The terminal itself edits the line and shows it; Ctrl-C ends the process as it does anywhere.
  const lines = createInterface({ input: process.stdin, output: process.stderr, terminal: false });
  try {
    const ended = new Promise<string>((resolve) => lines.once('close', () => resolve('')));
    return (await Promise.race([lines.question(''), ended])).trim();
  } finally {
    lines.close();
  }
}

/** True for a plain yes. */
export async function askYes(question: string): Promise<boolean> {
  return /^y(es)?$/i.test(await askLine(`${question} [y/N] `));
}

/** What a key does to a line that is not shown. */
export type HiddenLine =
  | { readonly kind: 'typing'; readonly text: string }
  /** `rest` was typed after the line. */
  | { readonly kind: 'entered'; readonly text: string; readonly rest: string }
  | { readonly kind: 'ended' }
  | { readonly kind: 'interrupted' };

// What a terminal without its line editing sends for Ctrl-C, Ctrl-D, backspace and Ctrl-U.
const [interrupt, endOfInput, wipe] = ['\u0003', '\u0004', '\u0015'];
const erases: ReadonlySet<string> = new Set(['\b', '\u007f']);

/** The line after `typed` was added to what was there; other control characters are no part of a password. */
export function typeHidden(before: string, typed: string): HiddenLine {
  let text = before;
  let at = 0;
  for (const key of typed) {
    at += key.length;
    if (key === '\r' || key === '\n') return { kind: 'entered', text, rest: typed.slice(at) };
    if (key === interrupt) return { kind: 'interrupted' };
    if (key === endOfInput && text === '') return { kind: 'ended' };
    if (key === wipe) text = '';
    else if (erases.has(key)) text = [...text].slice(0, -1).join('');
    else if (!/\p{Cc}/u.test(key)) text += key;
  }
  return { kind: 'typing', text };
}

/**
 * A line of which nothing is shown but the question. What is typed ahead stays for the next question.
 *
 * @throws AppError INTERRUPTED for Ctrl-C; REQUEST_INVALID when the input ends.
 */
export async function askHidden(question: string): Promise<string> {
  const { stdin, stderr } = process;
  // Before the question: what is typed as soon as it is seen is not shown either.
  stdin.setRawMode(true);
  stderr.write(question);
  try {
    return await readHidden();
  } finally {
    stdin.setRawMode(false);
    stderr.write('\n');
  }
}

function readHidden(): Promise<string> {
  const { stdin } = process;
  return new Promise((resolve, reject) => {
    let text = '';
    const onEnd = (): void => settle(() => reject(new AppError('REQUEST_INVALID', 'nothing was entered')));
    const onData = (chunk: string): void => {
      const line = typeHidden(text, chunk);
      if (line.kind === 'typing') text = line.text;
      else if (line.kind === 'ended') onEnd();
      else if (line.kind === 'interrupted')
        settle(() => reject(new AppError('INTERRUPTED', 'interrupted, nothing was done')));
      else
        settle(() => {
          if (line.rest !== '') stdin.unshift(line.rest);
          resolve(line.text);
        });
    };
    const settle = (how: () => void): void => {
      // Paused first: what is put back would flow to nobody.
      stdin.off('data', onData).off('end', onEnd).pause();
      how();
    };
    stdin.setEncoding('utf8').on('data', onData).once('end', onEnd).resume();
  });
}
