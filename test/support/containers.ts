import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { chmod, chown, cp, lstat, mkdir, readdir, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { packageRoot } from '../../src/config/paths.js';
import { mountsOf, type ComposeService } from './compose.js';
import { waitFor } from './wait.js';

/** As whom containers of the image run. */
const imageUid = 10_001;
const isRoot = process.getuid?.() === 0;

/** What stands in for containers of this host: an image, volumes, and the processes that run on them. */
export interface Host {
  readonly dir: string;
  /** Folder of a volume. */
  volume(name: string): string;
  /** Runs what the container of a service would, to its end or beside. */
  start(service: ComposeService, options?: StartOptions): Promise<Container>;
  /** Ends all that still run. */
  stop(): Promise<void>;
}

export interface StartOptions {
  /** Over the service's own. */
  readonly env?: Readonly<Record<string, string>>;
  /** Behind its command. */
  readonly args?: readonly string[];
  /** In place of entrypoint and command, as `docker compose exec` or a health check would. */
  readonly run?: readonly string[];
  /** Of texts in its command and environment: addresses of other containers. */
  readonly replace?: Readonly<Record<string, string>>;
}

export interface Container {
  readonly ended: Promise<{ code: number | null; signal: NodeJS.Signals | null }>;
  output(): string;
  /** The first group of the first match in its output; throws with it when it ends before. */
  said(pattern: RegExp, timeoutMs?: number): Promise<string>;
  signal(name: NodeJS.Signals): void;
}

/**
 * Lays the image out as the Dockerfile does: what production needs of the packages and nothing else, owned by root, not
 * to be written. Settings lie where the image looks for them.
 */
export async function openHost(dir: string, settings: string): Promise<Host> {
  await chmod(dir, 0o711);
  const app = join(dir, 'app');
  const bin = join(dir, 'bin');
  const etc = join(dir, 'etc');
  for (const folder of [app, bin, etc]) await mkdir(folder, { mode: 0o755 });
  for (const name of ['package.json', 'bin', 'dist'])
    await cp(join(packageRoot, name), join(app, name), { recursive: true });
  for (const name of productionPackages())
    await cp(join(packageRoot, name), join(app, name), { recursive: true, dereference: true });
  await symlink(join(app, 'bin', 'headframe'), join(bin, 'headframe'));
  await cp(join(packageRoot, 'scripts/compose/with-data-slot.sh'), join(bin, 'with-data-slot'));
  await writeFile(join(etc, 'headframe.yaml'), settings);
  await closeTree(app);

  const running = new Set<ChildProcess>();
  const volume = (name: string): string => join(dir, 'volumes', name);
  return {
    dir,
    volume,
    async start(service, options = {}) {
      for (const { source } of mountsOf(service)) await ensureVolume(volume(source), source);
      const places = mountsOf(service)
        .filter(({ source }) => !source.startsWith('./'))
        .map(({ source, target }): [string, string] => [target, volume(source)]);
      const replace = (text: string): string =>
        [...places, ...Object.entries(options.replace ?? {})].reduce(
          (whole, [from, to]) => whole.replaceAll(from, to),
          text,
        );
      const whole = options.run ?? [
        ...(service.entrypoint ?? (service.build === undefined ? [] : ['headframe'])),
        ...(service.command ?? []),
        ...(options.args ?? []),
      ];
      const [command = '', ...args] = whole.map(replace);
      const own = Object.entries(service.environment ?? {}).map(([key, value]) => [key, replace(value)]);
      const child = spawn(command, args, {
        cwd: etc,
        env: {
          PATH: `${bin}:${process.env.PATH ?? ''}`,
          NODE_ENV: 'production',
          HEADFRAME_DATA_DIR: join(dir, 'nowhere'),
          ...(Object.fromEntries(own) as Record<string, string>),
          ...options.env,
        },
        stdio: ['ignore', 'pipe', 'pipe'],
        ...(isRoot && service.build !== undefined && { uid: imageUid, gid: imageUid }),
      });
      running.add(child);
      let output = '';
      for (const stream of [child.stdout, child.stderr])
        stream.on('data', (data: Buffer) => (output += data.toString()));
      const ended = once(child, 'close').then(([code, signal]) => {
        running.delete(child);
        return { code: code as number | null, signal: signal as NodeJS.Signals | null };
      });
      return {
        ended,
        output: () => output,
        said: (pattern, timeoutMs = 30_000) =>
          waitFor(
            `${command} to say ${pattern}`,
            () => {
              const found = pattern.exec(output);
              if (found === null && !running.has(child))
                throw new Error(`${command} ended before ${pattern}:\n${output.slice(-3_000)}`);
              return found?.[1] ?? null;
            },
            { timeoutMs },
          ),
        signal: (name) => void child.kill(name),
      };
    },
    async stop() {
      for (const child of running) child.kill('SIGKILL');
      await Promise.all([...running].map((child) => once(child, 'close')));
    },
  };
}

/** Secrets belong to root; the rest has the owner of the folder in the image that it is mounted on. */
async function ensureVolume(folder: string, name: string): Promise<void> {
  if (name.startsWith('./')) return;
  const made = await mkdir(folder, { recursive: true, mode: 0o755 });
  if (made !== undefined && isRoot && !name.endsWith('-secrets')) await chown(folder, imageUid, imageUid);
}

/** Folders of packages that `npm prune --omit=dev --omit=optional` leaves. */
function productionPackages(): string[] {
  const lock = JSON.parse(readFileSync(join(packageRoot, 'package-lock.json'), 'utf8')) as {
    packages: Record<string, { dev?: boolean; optional?: boolean; devOptional?: boolean }>;
  };
  return Object.entries(lock.packages)
    .filter(([path, { dev, optional, devOptional }]) => path !== '' && !dev && !optional && !devOptional)
    .map(([path]) => path)
    .filter((path) => !/\/node_modules\//.test(path.slice('node_modules/'.length)));
}

/** Nobody may write in it. */
async function closeTree(folder: string): Promise<void> {
  for (const entry of await readdir(folder, { recursive: true, withFileTypes: true })) {
    const path = join(entry.parentPath, entry.name);
    const { mode } = await lstat(path);
    if (!entry.isSymbolicLink())
      await chmod(path, (mode | 0o444 | (entry.isDirectory() ? 0o111 : 0)) & ~0o222);
  }
  await chmod(folder, 0o555);
}
