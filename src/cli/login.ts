import { readFileSync } from 'node:fs';
import { forgetLogin, readLogin, writeLogin, type Login } from '../config/login-file.js';
import { AppError } from '../domain/errors.js';
import { send } from './api-client.js';
import { askHidden, askLine, canAsk } from './ask-person.js';

/** `headframe login URL`: keeps a token, or a session begun with name and password. */
export async function login(
  options: { readonly url: string; readonly name: string | null; readonly tokenFile: string | null },
  print: (line: string) => void,
): Promise<number> {
  const url = options.url.replace(/\/+$/, '');
  if (!URL.canParse(url) || !/^https?:$/.test(new URL(url).protocol))
    throw new AppError('CONFIG_INVALID', `${url}: not a URL that begins with https:// or http://`);
  const header =
    options.tokenFile === null ? await beginSession(url, options.name) : tokenHeader(options.tokenFile);
  const { status, answer } = await send(url, '/api/auth/me', { headers: { [header.name]: header.value } });
  const { name } = (answer['data'] ?? {}) as { name?: unknown };
  if (status !== 200 || typeof name !== 'string')
    throw new AppError('API_REFUSED', `${url} does not know this login (${status})`);
  writeLogin({ url, name, header });
  print(`signed in to ${url} as ${name}`);
  return 0;
}

/** `headframe logout`: ends the session, and forgets it whatever the api says. */
export async function logout(print: (line: string) => void): Promise<number> {
  const kept = readLogin();
  forgetLogin();
  if (kept === null) {
    print('not signed in');
    return 0;
  }
  if (kept.header.name === 'cookie') {
    const headers = { 'content-type': 'application/json', cookie: kept.header.value };
    await send(kept.url, '/api/auth/logout', { method: 'POST', headers, body: '{}' }).catch(
      (error: unknown) => {
        process.stderr.write(
          `the session was not ended: ${error instanceof Error ? error.message : String(error)}\n`,
        );
      },
    );
  }
  print(`signed out of ${kept.url}`);
  return 0;
}

function tokenHeader(file: string): Login['header'] {
  try {
    return { name: 'authorization', value: `Bearer ${readFileSync(file, 'utf8').trim()}` };
  } catch (cause) {
    throw new AppError('CONFIG_INVALID', `--token-file: ${(cause as Error).message}`, { cause });
  }
}

async function beginSession(url: string, given: string | null): Promise<Login['header']> {
  if (!canAsk())
    throw new AppError('CONFIG_INVALID', 'there is no terminal to ask for a password on: use --token-file');
  const name = given ?? (await askLine('Name: '));
  const password = await askHidden('Password: ');
  const { status, answer, headers } = await send(url, '/api/auth/login', {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ name, password }),
  });
  const cookies = headers.getSetCookie().map((cookie) => cookie.split(';')[0] ?? '');
  if (status === 200 && cookies.length > 0) return { name: 'cookie', value: cookies.join('; ') };
  const words = typeof answer['error'] === 'string' ? answer['error'] : `the api answered ${status}`;
  throw new AppError('API_REFUSED', status === 404 ? `${url} has no accounts` : words);
}
