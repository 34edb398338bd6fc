import { chmodSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { homedir } from 'node:os';
import { dirname, join } from 'node:path';
import { z } from 'zod';
import { AppError } from '../domain/errors.js';

const schema = z.object({
  url: z.string(),
  /** Name of the user, for people. */
  name: z.string(),
  /** The header that proves it, whole. Secret. */
  header: z.object({ name: z.enum(['authorization', 'cookie']), value: z.string() }),
});

/** Where the command line is signed in, and with what. */
export type Login = z.infer<typeof schema>;

/** In the user's folder for settings; readable to the user alone. */
export function loginFile(env: NodeJS.ProcessEnv = process.env): string {
  return join(env['XDG_CONFIG_HOME'] || join(homedir(), '.config'), 'headframe', 'login.json');
}

/** Null when nobody is signed in. Throws `CONFIG_INVALID` for a file that is damaged. */
export function readLogin(file = loginFile()): Login | null {
  let text: string;
  try {
    text = readFileSync(file, 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return null;
    throw new AppError('CONFIG_INVALID', `${file}: ${(error as Error).message}`, { cause: error });
  }
  try {
    return schema.parse(JSON.parse(text));
  } catch (cause) {
    throw new AppError('CONFIG_INVALID', `${file} is damaged: run \`headframe login\` again`, { cause });
  }
}

/** Replaces the login before. */
export function writeLogin(login: Login, file = loginFile()): void {
  mkdirSync(dirname(file), { recursive: true, mode: 0o700 });
  writeFileSync(file, `${JSON.stringify(login)}\n`, { mode: 0o600 });
  // The mode above is that of a new file alone.
  chmodSync(file, 0o600);
}

/** Idempotent. */
export function forgetLogin(file = loginFile()): void {
  rmSync(file, { force: true });
}
