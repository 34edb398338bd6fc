import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { chmod, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { packageRoot } from '../../src/config/paths.js';
import { waitFor } from './wait.js';

/** How a command ended, and all it wrote. */
export interface Ended {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** A command that runs. */
export interface RunningCommand {
  readonly pid: number;
  readonly ended: Promise<Ended>;
  /** The first match in what it wrote to stdout; throws with its stderr when it ends before. */
  said(pattern: RegExp, timeoutMs?: number): Promise<string>;
  signal(name: NodeJS.Signals): void;
}

export interface CommandOptions {
  readonly env?: Readonly<Record<string, string>>;
  readonly cwd?: string;
}

const main = join(packageRoot, 'dist', 'src', 'main.js');
const running = new Set<RunningCommand>();

/** Runs `headframe ARGS` to its end. Settings of this process do not reach it. */
export async function headframe(args: readonly string[], options: CommandOptions = {}): Promise<Ended> {
  return startCommand(args, options).ended;
}

/** Starts `headframe ARGS`. */
export function startCommand(args: readonly string[], options: CommandOptions = {}): RunningCommand {
  const child = spawn(process.execPath, [main, ...args], {
    env: { ...cleanEnvironment(), ...options.env },
    cwd: options.cwd ?? tmpdir(),
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let [stdout, stderr] = ['', ''];
  child.stdout.setEncoding('utf8').on('data', (text: string) => (stdout += text));
  child.stderr.setEncoding('utf8').on('data', (text: string) => (stderr += text));
  let isOver = false;
  const ended = once(child, 'close').then(([code]) => {
    isOver = true;
    running.delete(command);
    return { code: code as number | null, stdout, stderr };
  });
  const command: RunningCommand = {
    pid: child.pid ?? 0,
    ended,
    said: (pattern, timeoutMs = 30_000) =>
      waitFor(
        `${pattern} from headframe ${args.join(' ')}`,
        () => {
          const [found] = pattern.exec(stdout) ?? [];
          if (found === undefined && isOver) throw new Error(`it ended and said: ${stdout}${stderr}`);
          return found;
        },
        { timeoutMs },
      ),
    signal: (name) => void child.kill(name),
  };
  running.add(command);
  return command;
}

/** Kills what still runs; for `afterEach` or `afterAll`. */
export async function killCommands(): Promise<void> {
  await Promise.all(
    [...running].map(async (command) => {
      command.signal('SIGKILL');
      await command.ended;
    }),
  );
}

/** Without settings, and without what makes another program colourful. */
export function cleanEnvironment(): NodeJS.ProcessEnv {
  const isSetting = (name: string): boolean =>
    name.startsWith('HEADFRAME_') || ['DATABASE_URL', 'REDIS_URL', 'FORCE_COLOR'].includes(name);
  return Object.fromEntries(Object.entries(process.env).filter(([name]) => !isSetting(name)));
}

/** A new folder that any account may pass through, and the end of it. */
export async function makeOpenFolder(): Promise<{ path: string; remove(): Promise<void> }> {
  const path = await mkdtemp(join(tmpdir(), 'headframe-cli-test-'));
  await chmod(path, 0o711);
  return { path, remove: () => rm(path, { recursive: true, force: true }) };
}

/** Ids of live processes whose command line names `text`; Linux only, elsewhere none is seen. */
export function processesNaming(text: string): number[] {
  if (!existsSync('/proc/self/cmdline')) return [];
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .filter((pid) => {
      try {
        return readFileSync(`/proc/${pid}/cmdline`, 'utf8').includes(text);
      } catch {
        return false;
      }
    })
    .map(Number);
}
