// Installs and builds what is missing or older than its sources. Runs before anything is installed, so
// it uses Node alone. Progress goes to stderr.
import { spawnSync } from 'node:child_process';
import { existsSync, readdirSync, statSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

export const root = path.dirname(path.dirname(fileURLToPath(import.meta.url)));
export const builtStamp = path.join(root, 'dist', '.built');

const sources = ['src', 'workers', 'load-test', 'sql', 'dashboards/web', 'package-lock.json'];
const configs = ['tsconfig.json', 'tsconfig.build.json'];

/** Runs a program of this repository to its end; throws when it fails. Its output goes to stderr. */
export function run(command, args, options = {}) {
  const result = spawnSync(command, args, { cwd: root, stdio: ['ignore', 2, 2], ...options });
  if (result.status !== 0) {
    throw new Error(
      `${[command, ...args].join(' ')}: ${result.error?.message ?? result.signal ?? `exit code ${result.status}`}`,
    );
  }
}

export function ensureInstalled() {
  checkNodeVersion();
  const installed = path.join(root, 'node_modules', '.package-lock.json');
  if (modifiedMs(installed) >= modifiedMs(path.join(root, 'package-lock.json'))) return;
  console.error('Installing packages …');
  const npm = process.env.npm_execpath;
  if (npm) run(process.execPath, [npm, 'ci']);
  else run('npm', ['ci'], { shell: process.platform === 'win32' });
}

async function ensureBuilt() {
  const newest = Math.max(...[...sources, ...configs].map((name) => newestMs(path.join(root, name))));
  if (modifiedMs(builtStamp) >= newest) return;
  const { build } = await import('./build.mjs');
  build();
}

/** Everything that `npm start` and `npm test` need. */
export async function ensure() {
  ensureInstalled();
  await ensureBuilt();
}

function checkNodeVersion() {
  const [major = 0, minor = 0] = process.versions.node.split('.').map(Number);
  if (major > 20 || (major === 20 && minor >= 19)) return;
  throw new Error(`Headframe needs Node.js 20.19 or later; this is ${process.versions.node}.`);
}

/** Of the file, or 0 when there is none. */
function modifiedMs(file) {
  return existsSync(file) ? statSync(file).mtimeMs : 0;
}

/** Of everything in the folder; the folders count too, for a removed file leaves its trace only there. */
function newestMs(file) {
  if (!existsSync(file)) return 0;
  const stat = statSync(file);
  if (!stat.isDirectory()) return stat.mtimeMs;
  const names = readdirSync(file).filter((name) => name !== 'node_modules' && name !== 'dist');
  return Math.max(stat.mtimeMs, ...names.map((name) => newestMs(path.join(file, name))));
}

/** Prints why, without a stack, and ends. */
export function fail(error) {
  console.error(error.message);
  process.exit(1);
}

// Not awaited: build.mjs imports this module, so it must have been evaluated by then.
if (process.argv[1] === fileURLToPath(import.meta.url)) ensure().catch(fail);
