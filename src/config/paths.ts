import { existsSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

/** The folder of `package.json`, found upwards from this file: it may run from `src/` or from `dist/`. */
export const packageRoot = findRoot(dirname(fileURLToPath(import.meta.url)));

/** This program's version. */
export const version = (
  JSON.parse(readFileSync(join(packageRoot, 'package.json'), 'utf8')) as { version: string }
).version;

/** The compiled entry of a worker thread, by name: `poll-worker`. */
export function workerFile(name: string): string {
  return join(packageRoot, 'dist', 'workers', `${name}.js`);
}

/** The built web page. */
export const webDir = join(packageRoot, 'dist', 'web');

function findRoot(from: string): string {
  if (existsSync(join(from, 'package.json'))) return from;
  const above = dirname(from);
  if (above === from) throw new Error('package.json not found above the program');
  return findRoot(above);
}
