// Everything that must hold before a change lands, besides the tests. Runs all of it, then fails if any failed.
import { spawnSync } from 'node:child_process';

const checks = {
  format: 'prettier --check --log-level warn .',
  lint: 'eslint . --max-warnings 0',
  types: 'tsc --noEmit -p tsconfig.json',
  'types of the page': 'tsc --noEmit -p dashboards/web/tsconfig.json',
  layers: 'depcruise --config .dependency-cruiser.cjs src workers load-test',
  'unused code': 'knip',
  'docs in step': 'node scripts/docs.mjs --check',
  'dashboards in step': 'tsx dashboards/grafana/src/main.ts --check',
};

const failed = [];
for (const [name, command] of Object.entries(checks)) {
  console.error(`── ${name}`);
  const [program, ...args] = command.split(' ');
  const path = `node_modules/.bin:${process.env.PATH}`;
  const { status } = spawnSync(program, args, { stdio: 'inherit', env: { ...process.env, PATH: path } });
  if (status !== 0) failed.push(name);
}
if (failed.length > 0) console.error(`failed: ${failed.join(', ')}`);
console.error(`checks: ${Object.keys(checks).length - failed.length} passed, ${failed.length} failed`);
process.exit(failed.length > 0 ? 1 : 0);
