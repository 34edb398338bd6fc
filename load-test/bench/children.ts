import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';

const startTimeoutMs = 60_000;
const stopTimeoutMs = 15_000;

/** A process of this benchmark's own. */
export interface Child {
  readonly pid: number;
  /** SIGTERM, SIGKILL after 15 s. Idempotent. */
  stop(): Promise<void>;
}

/** Path of a compiled program, from the root of the build. */
const program = (path: string): string => fileURLToPath(new URL(`../../${path}`, import.meta.url));

/**
 * Starts a program of the build and waits until a line on `from` satisfies `isReady`.
 *
 * @throws Error with what it said last when it ends before, or is not ready within a minute.
 */
async function start<T>(
  path: string,
  args: readonly string[],
  options: {
    readonly from: 'stdout' | 'stderr';
    readonly readyLine: (line: string) => T | null;
    readonly env?: NodeJS.ProcessEnv;
  },
): Promise<Child & { readonly ready: T }> {
  const child = spawn(process.execPath, [program(path), ...args], {
    stdio: ['ignore', 'pipe', 'pipe'],
    env: { ...process.env, ...options.env },
  });
  const said: string[] = [];
  const stop = (): Promise<void> => end(child);
  try {
    const ready = await new Promise<T>((resolve, reject) => {
      const fail = (why: string): void => reject(new Error(`${path} ${why}\n${said.join('\n')}`));
      const timer = setTimeout(() => fail('was not ready in time'), startTimeoutMs);
      for (const name of ['stdout', 'stderr'] as const) {
        createInterface({ input: child[name] }).on('line', (line) => {
          if (said.push(line) > 20) said.shift();
          const value = name === options.from ? options.readyLine(line) : null;
          if (value === null) return;
          clearTimeout(timer);
          resolve(value);
        });
      }
      child.once('error', reject);
      child.once('exit', (code, signal) => fail(`ended (${signal ?? code})`));
    });
    return { pid: child.pid ?? 0, ready, stop };
  } catch (error) {
    await stop();
    throw error;
  }
}

async function end(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null || child.pid === undefined) return;
  const exited = once(child, 'exit');
  child.kill('SIGTERM');
  const timer = setTimeout(() => child.kill('SIGKILL'), stopTimeoutMs);
  await exited;
  clearTimeout(timer);
}

/** A simulator in its own process, on a free port. */
export interface SimulatorProcess extends Child {
  readonly port: number;
}

/** Starts `load-test/simulator/main.ts` with the given flags. */
export async function startSimulatorProcess(flags: readonly string[]): Promise<SimulatorProcess> {
  const child = await start('load-test/simulator/main.js', ['--port', '0', ...flags], {
    from: 'stdout',
    readyLine: (line) => (JSON.parse(line) as { listening?: number }).listening ?? null,
  });
  return { pid: child.pid, stop: child.stop, port: child.ready };
}

/** Starts a program of the benchmarks that prints `{"ready":true}` when it works. */
export async function startProgram(path: string, flags: readonly string[]): Promise<Child> {
  return start(path, flags, {
    from: 'stdout',
    readyLine: (line) => (parseLine(line)?.['ready'] === true ? true : null),
  });
}

/** Starts a role of the program; `readyText` is the message it logs when it works. Answers that log line. */
export async function startRole(
  args: readonly string[],
  readyText: string,
  env: NodeJS.ProcessEnv = {},
): Promise<Child & { readonly ready: Readonly<Record<string, unknown>> }> {
  return start('src/main.js', args, {
    from: 'stderr',
    readyLine: (line) => {
      const entry = parseLine(line);
      return entry?.['msg'] === readyText ? entry : null;
    },
    env,
  });
}

function parseLine(line: string): Record<string, unknown> | null {
  try {
    return JSON.parse(line) as Record<string, unknown>;
  } catch {
    return null;
  }
}
