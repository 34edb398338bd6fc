import { execFileSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { packageRoot } from '../../src/config/paths.js';
import { makeFolder, print } from './scenario.js';

/** Another revision of this program, built. */
export interface Release {
  readonly name: string;
  /** Its `dist/src/main.js`; undefined: the one of this checkout. */
  readonly main: string | undefined;
}

/** Builds a revision of this repository with the packages of its own lock file, in a folder that is left to the caller. */
export async function buildRelease(ref: string): Promise<{ release: Release; dir: string }> {
  const git = (...args: string[]): string =>
    execFileSync('git', args, { cwd: packageRoot, encoding: 'utf8' });
  const commit = git('rev-parse', '--short', `${ref}^{commit}`).trim();
  const dir = await makeFolder(`release-${commit}`);
  print(`building ${commit} in ${dir}`);
  const tar = execFileSync('git', ['archive', commit], { cwd: packageRoot, maxBuffer: 2 ** 30 });
  execFileSync('tar', ['-x', '-C', dir], { input: tar });
  const quiet = { cwd: dir, stdio: ['ignore', 'ignore', 2] as ('ignore' | number)[] };
  execFileSync('npm', ['ci', '--ignore-scripts', '--no-audit', '--no-fund', '--loglevel=error'], quiet);
  execFileSync('npm', ['run', '--silent', 'build'], quiet);
  return { release: releaseIn(dir, commit), dir };
}

/** One that is built already. */
export function releaseIn(dir: string, name = dir): Release {
  const main = join(dir, 'dist', 'src', 'main.js');
  if (!existsSync(main)) throw new Error(`${dir} is not built`);
  return { name, main };
}

/** This checkout. */
export const ownRelease: Release = { name: 'this', main: undefined };
