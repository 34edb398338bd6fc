// Writes dashboards/grafana/json/*.json; with --check, fails when one is out of step instead.
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { boards } from './boards.js';
import { build } from './kit/board.js';

const folder = path.join(import.meta.dirname, '..', 'json');
const files = new Map(
  boards.map((board) => [`${board.name}.json`, `${JSON.stringify(build(board), null, 2)}\n`]),
);

mkdirSync(folder, { recursive: true });
const isCheck = process.argv.includes('--check');
let stale = 0;
const differs = (file: string): void => {
  console.error(`dashboards/grafana/json/${file} is out of step: run \`npm run docs\``);
  stale++;
};
for (const [name, text] of files) {
  const file = path.join(folder, name);
  if (!isCheck) writeFileSync(file, text);
  else if (!existsSync(file) || readFileSync(file, 'utf8') !== text) differs(name);
}
for (const name of readdirSync(folder)) {
  if (files.has(name)) continue;
  if (isCheck) differs(name);
  else rmSync(path.join(folder, name));
}
process.exitCode = stale > 0 ? 1 : 0;
