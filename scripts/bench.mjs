// `npm run bench`: all benchmarks, and their figures into load-test/README.md. `npm run bench:NAME -- FLAGS`: one.
// Exit code 1 when a figure misses its target.
import { spawnSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { ensure, fail, root } from './ensure.mjs';

const all = ['poll', 'ingest', 'parse', 'alerts'];
const [name, ...flags] = process.argv.slice(2);
if (name !== undefined && !all.includes(name))
  fail(new Error(`No benchmark ${name}; there are ${all.join(', ')}.`));
await ensure().catch(fail);

const reports = (name === undefined ? all : [name]).map((bench) => {
  const file = path.join(root, 'dist', 'load-test', 'bench', `${bench}.js`);
  const { status, stdout } = spawnSync(process.execPath, [file, ...flags], {
    cwd: root,
    stdio: ['ignore', 'pipe', 'inherit'],
    encoding: 'utf8',
    maxBuffer: 64 * 1024 ** 2,
  });
  process.stdout.write(stdout);
  return { bench, status: status ?? 1, stdout };
});
if (name === undefined) writeFigures();
process.exitCode = reports.some((report) => report.status !== 0) ? 1 : 0;

function writeFigures() {
  const readme = path.join(root, 'load-test', 'README.md');
  const [begin, end] = ['<!-- figures: begin -->', '<!-- figures: end -->'];
  const text = readFileSync(readme, 'utf8');
  const from = text.indexOf(begin);
  const to = text.indexOf(end);
  if (from === -1 || to < from) fail(new Error(`${readme} has lost the marks around its figures.`));
  const figures = reports.map(
    ({ bench, stdout }) => `### \`npm run bench:${bench}\`\n\n\`\`\`text\n${stdout.trimEnd()}\n\`\`\`\n`,
  );
  writeFileSync(readme, `${text.slice(0, from)}${begin}\n\n${figures.join('\n')}\n${text.slice(to)}`);
}
