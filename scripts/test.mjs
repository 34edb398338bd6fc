// `npm test`: installs and builds what is missing, then runs vitest with the arguments given.
import { spawnSync } from 'node:child_process';
import path from 'node:path';
import { ensure, fail, root } from './ensure.mjs';

await ensure().catch(fail);
const vitest = path.join(root, 'node_modules', 'vitest', 'vitest.mjs');
const { status } = spawnSync(process.execPath, [vitest, 'run', ...process.argv.slice(2)], {
  cwd: root,
  stdio: 'inherit',
});
process.exitCode = status ?? 1;
