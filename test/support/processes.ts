import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, openSync, readFileSync } from 'node:fs';
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { packageRoot } from '../../src/config/paths.js';
import { waitFor } from './wait.js';

/** How a process ended. */
export interface Exit {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
}

/** `headframe` in a process of its own. */
export interface Program {
  readonly name: string;
  readonly pid: number;
  readonly exited: Promise<Exit>;
  readonly isRunning: boolean;
  /** What it wrote so far, results first, then the log. */
  output(): string;
  /** The first match in its output; throws, with the end of the output, when it ends or `timeoutMs` pass. */
  waitForOutput(pattern: RegExp, timeoutMs?: number): Promise<RegExpExecArray>;
  /** SIGKILL; resolves when it is gone. */
  kill(): Promise<void>;
  /** A signal, SIGTERM unless another is named; killed after `timeoutMs`, which the exit then tells. */
  stop(options?: { signal?: NodeJS.Signals; timeoutMs?: number }): Promise<Exit>;
}

export interface ProgramOptions {
  /** Of its two log files, `NAME-N.out` and `NAME-N.err`. */
  readonly name: string;
  readonly args: readonly string[];
  /** Where the log files and nothing else go; made when it is not there. */
  readonly logDir: string;
  readonly env?: Readonly<Record<string, string>>;
  /** Its working folder: the log folder unless another is named, so that no settings file is picked up. */
  readonly cwd?: string;
  /** Another build's `dist/src/main.js`: an older release's edge against this api, for one. */
  readonly main?: string;
  /** Flags of Node itself, as `--no-opt`. */
  readonly nodeFlags?: readonly string[];
}

const ownMain = process.env.HEADFRAME_TEST_PROGRAM ?? join(packageRoot, 'dist', 'src', 'main.js');

const running = new Set<Program>();
let started = 0;

// However this process ends by itself, it leaves none of them behind.
process.once('exit', () => {
  for (const program of running) killNow(program.pid);
});

/** Ends every program still running, at once; for `afterAll`. */
export async function killPrograms(): Promise<void> {
  await Promise.all([...running].map((program) => program.kill()));
}

/** Starts `headframe ARGS`. Settings of this process's environment do not reach it. */
export async function startProgram(options: ProgramOptions): Promise<Program> {
  await mkdir(options.logDir, { recursive: true });
  const base = join(options.logDir, `${options.name}-${++started}`);
  const files = [`${base}.out`, `${base}.err`];
  const [out = 0, err = 0] = files.map((file) => openSync(file, 'w'));
  const { nodeFlags = [] } = options;
  const child = spawn(process.execPath, [...nodeFlags, options.main ?? ownMain, ...options.args], {
    cwd: options.cwd ?? options.logDir,
    env: { ...inherited(), ...options.env },
    stdio: ['ignore', out, err],
  });
  closeSync(out);
  closeSync(err);
  const { pid } = child;
  if (pid === undefined) throw new Error(`${options.name} did not start`);
  const exited = once(child, 'exit').then(([code, signal]): Exit => {
    running.delete(program);
    return { code: code as number | null, signal: signal as NodeJS.Signals | null };
  });
  const isRunning = (): boolean => child.exitCode === null && child.signalCode === null;
  const output = (): string => files.map((file) => readFileSync(file, 'utf8')).join('');
  const program: Program = {
    name: options.name,
    pid,
    exited,
    get isRunning() {
      return isRunning();
    },
    output,
    async waitForOutput(pattern, timeoutMs = 30_000) {
      const look = (): RegExpExecArray | null => {
        const found = pattern.exec(output());
        if (found === null && !isRunning())
          throw new Error(`${options.name} ended before ${pattern}:\n${output().slice(-2_000)}`);
        return found;
      };
      return waitFor(`${options.name} to say ${pattern}`, look, { timeoutMs });
    },
    async kill() {
      if (isRunning()) killNow(pid);
      await exited;
    },
    async stop({ signal = 'SIGTERM', timeoutMs = 20_000 } = {}) {
      if (isRunning()) process.kill(pid, signal);
      const timer = setTimeout(() => killNow(pid), timeoutMs);
      const exit = await exited;
      clearTimeout(timer);
      return exit;
    },
  };
  running.add(program);
  return program;
}

/** Runs `headframe ARGS` to its end and answers its output; throws when it fails. */
export async function runProgram(options: ProgramOptions): Promise<string> {
  const program = await startProgram(options);
  const { code, signal } = await program.exited;
  if (code !== 0) throw new Error(`${options.name}: ${signal ?? `exit code ${code}`}\n${program.output()}`);
  return program.output();
}

function inherited(): NodeJS.ProcessEnv {
  const kept = Object.entries(process.env).filter(
    ([name]) => !/^(HEADFRAME_|DATABASE_URL$|REDIS_URL$|VITEST|NODE_OPTIONS$|NODE_ENV$)/.test(name),
  );
  return { ...Object.fromEntries(kept), NO_COLOR: '1' };
}

/** One that has just ended by itself is no error. */
function killNow(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error;
  }
}

/** Memory of a process in MiB, now and at its greatest (Linux). */
export function memoryMib(pid: number): { nowMib: number; peakMib: number } {
  const status = readFileSync(`/proc/${pid}/status`, 'utf8');
  const read = (field: string): number =>
    Number(new RegExp(`^${field}:\\s+(\\d+) kB`, 'm').exec(status)?.[1] ?? NaN) / 1024;
  return { nowMib: read('VmRSS'), peakMib: read('VmHWM') };
}

/** A scrape of `/metrics`: sums by name over all labels, and the series as they stand. */
export interface Scrape {
  sum(name: string, label?: string): number;
}

/** Reads `/metrics` of a running role. */
export async function scrape(url: string): Promise<Scrape> {
  const response = await fetch(new URL('/metrics', url), { signal: AbortSignal.timeout(5_000) });
  const lines = (await response.text()).split('\n').filter((line) => line !== '' && !line.startsWith('#'));
  const series = lines.map((line) => {
    const at = line.lastIndexOf(' ');
    return { name: line.slice(0, at), value: Number(line.slice(at + 1)) };
  });
  return {
    sum: (name, label = '') =>
      series
        .filter((one) => one.name === name || (one.name.startsWith(`${name}{`) && one.name.includes(label)))
        .reduce((sum, { value }) => sum + value, 0),
  };
}
