import { readFileSync } from 'node:fs';
import { AppError } from '../domain/errors.js';
import { askHidden, canAsk } from './ask-person.js';

const minLength = 10;
const maxLength = 1_024;
const maxAttempts = 3;

/**
 * A new password: the first line of a file (`-`: of stdin), or asked twice on a terminal without showing it, again
 * when the two differ or it will not do. Never from an argument, which every process of the machine may read.
 *
 * @throws AppError REQUEST_INVALID for one that will not do, after three attempts on a terminal, or with no terminal
 *   to ask on; INTERRUPTED.
 */
export async function readNewPassword(file: string | undefined): Promise<string> {
  if (file !== undefined) {
    const password = firstLine(file);
    const fault = faultOf(password);
    if (fault !== null) throw refused(fault);
    return password;
  }
  if (!canAsk()) throw refused('there is no terminal to ask on: give --password-file FILE, or - for stdin');
  for (let attempt = 1; ; attempt += 1) {
    const password = await askHidden('Password: ');
    const fault =
      faultOf(password) ??
      ((await askHidden('The same again: ')) === password ? null : 'the two are not the same');
    if (fault === null) return password;
    if (attempt === maxAttempts) throw refused(fault);
    process.stderr.write(`${fault}; once more\n`);
  }
}

function firstLine(file: string): string {
  try {
    return readFileSync(file === '-' ? 0 : file, 'utf8').split(/\r?\n/, 1)[0] ?? '';
  } catch (error) {
    throw refused(`--password-file: ${(error as Error).message}`, error);
  }
}

/** Why a password will not do; null: it will. */
function faultOf(password: string): string | null {
  if (password.length < minLength) return `the password must have ${minLength} characters or more`;
  if (password.length > maxLength) return `the password must have ${maxLength} characters at most`;
  return null;
}

const refused = (message: string, cause?: unknown): AppError =>
  new AppError('REQUEST_INVALID', message, cause === undefined ? {} : { cause });
