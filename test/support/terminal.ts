import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { packageRoot } from '../../src/config/paths.js';
import { cleanEnvironment } from './cli.js';
import { waitFor } from './wait.js';

const script = '/usr/bin/script';
const main = join(packageRoot, 'dist', 'src', 'main.js');

/** `headframe` on a terminal of its own. */
export interface OnTerminal {
  /** Waits for `pattern` in what the terminal shows. */
  shows(pattern: RegExp): Promise<string>;
  /** Keys, as the keyboard sends them. */
  type(keys: string): void;
  /** Ends with all the terminal showed. */
  readonly ended: Promise<{ readonly code: number | null; readonly shown: string }>;
}

const quoted = (text: string): string => `'${text.replaceAll("'", String.raw`'\''`)}'`;

/**
 * Runs `headframe ARGS` on a pseudo-terminal, and says after it `code=N` and how the terminal is set (`stty`).
 * Throws, saying what to install, where there is no `script` of util-linux.
 */
export function startOnTerminal(
  args: readonly string[],
  options: { readonly env?: Readonly<Record<string, string>>; readonly cwd: string },
): OnTerminal {
  if (!existsSync(script)) throw new Error(`no ${script}: install it (apt-get install bsdutils)`);
  const command = [process.execPath, main, ...args].map(quoted).join(' ');
  // `--echo always`: a terminal as people have it, though nobody sits before this one.
  const child = spawn(
    script,
    ['--quiet', '--return', '--echo', 'always', '--command', `${command}; echo code=$?; stty`, '/dev/null'],
    { env: { ...cleanEnvironment(), SHELL: '/bin/sh', ...options.env }, cwd: options.cwd },
  );
  let shown = '';
  for (const stream of [child.stdout, child.stderr])
    stream.setEncoding('utf8').on('data', (text: string) => (shown += text));
  let isOver = false;
  const ended = once(child, 'close').then(([code]) => {
    isOver = true;
    return { code: code as number | null, shown };
  });
  return {
    shows: (pattern) =>
      waitFor(
        `${pattern} on the terminal`,
        () => {
          const [found] = pattern.exec(shown) ?? [];
          if (found === undefined && isOver) throw new Error(`it ended and showed: ${shown}`);
          return found;
        },
        { timeoutMs: 30_000 },
      ),
    type: (keys) => void child.stdin.write(keys),
    ended,
  };
}
