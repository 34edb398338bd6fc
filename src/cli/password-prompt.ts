import { readFileSync } from 'node:fs';
import { createInterface } from 'node:readline';
import { Writable } from 'node:stream';
import { AppError } from '../domain/errors.js';

const minLength = 10;
const maxLength = 1_024;

/**
 * A new password: the first line of a file (`-`: of stdin), or asked twice on a terminal without showing it. Never
 * from an argument, which every process of the machine may read.
 *
 * @throws AppError REQUEST_INVALID for one that is too short, that differs, or with no terminal to ask on.
 */
export async function readNewPassword(file: string | undefined): Promise<string> {
  if (file !== undefined) return checked(firstLine(file));
  if (!process.stdin.isTTY || !process.stderr.isTTY)
    throw refused('there is no terminal to ask on: give --password-file FILE, or - for stdin');
  const password = checked(await askHidden('Password: '));
  if ((await askHidden('The same again: ')) !== password) throw refused('the two are not the same');
  return password;
}

function firstLine(file: string): string {
  try {
    return readFileSync(file === '-' ? 0 : file, 'utf8').split(/\r?\n/, 1)[0] ?? '';
  } catch (error) {
    throw new AppError('REQUEST_INVALID', `--password-file: ${(error as Error).message}`, { cause: error });
  }
}

function checked(password: string): string {
  if (password.length < minLength) throw refused(`the password must have ${minLength} characters or more`);
  if (password.length > maxLength) throw refused(`the password must have ${maxLength} characters at most`);
  return password;
}

const refused = (message: string): AppError => new AppError('REQUEST_INVALID', message);

/** One line from the terminal, of which nothing is shown but the question. */
async function askHidden(question: string): Promise<string> {
  process.stderr.write(question);
  // The line editor echoes what is typed to its output.
  const nowhere = new Writable({ write: (_chunk, _encoding, done) => done() });
  const lines = createInterface({ input: process.stdin, output: nowhere, terminal: true });
  try {
    return await new Promise((resolve, reject) => {
      lines.once('line', resolve);
      lines.once('SIGINT', () => reject(refused('interrupted')));
      lines.once('close', () => reject(refused('nothing was entered')));
    });
  } finally {
    lines.close();
    process.stderr.write('\n');
  }
}
