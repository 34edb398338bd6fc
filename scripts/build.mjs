// Sources → dist/: the program, its SQL, and the page. `dist/.built` is touched last.
import { cpSync, existsSync, rmSync, utimesSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { builtStamp, ensureInstalled, fail, root, run } from './ensure.mjs';

/** Throws when a step fails; `dist/.built` is then missing and the next start builds again. */
export function build() {
  console.error('Building …');
  // Taken before the build: a file changed while it runs is newer and builds again.
  const startedAt = new Date();
  rmSync(path.join(root, 'dist'), { recursive: true, force: true });
  run(process.execPath, [tool('typescript/bin/tsc'), '-p', 'tsconfig.build.json']);
  cpSync(path.join(root, 'sql'), path.join(root, 'dist', 'sql'), { recursive: true });
  const web = path.join(root, 'dashboards', 'web');
  if (existsSync(path.join(web, 'vite.config.ts'))) {
    run(process.execPath, [tool('vite/bin/vite.js'), 'build', web, '--logLevel', 'warn']);
  }
  writeFileSync(builtStamp, '');
  utimesSync(builtStamp, startedAt, startedAt);
}

const tool = (name) => path.join(root, 'node_modules', name);

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  try {
    ensureInstalled();
    build();
  } catch (error) {
    fail(error);
  }
}
