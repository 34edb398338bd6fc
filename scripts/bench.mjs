// `npm run bench`: all benchmarks, and their figures into load-test/README.md. `npm run bench:NAME -- FLAGS`: one;
// with `--write` among the flags its figures take the place of its last ones.
// Exit code 1 when a figure misses its target.
import { spawnSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { ensure, fail, root } from './ensure.mjs';

const all = ['poll', 'ingest', 'parse', 'alerts', 'read', 'commands', 'cluster'];
const [name, ...given] = process.argv.slice(2);
const flags = given.filter((flag) => flag !== '--write');
const isWritten = name === undefined || flags.length < given.length;
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
if (isWritten) writeFigures();
process.exitCode = reports.some((report) => report.status !== 0) ? 1 : 0;

/** Sections of benchmarks that did not run stay as they are. */
function writeFigures() {
  const readme = path.join(root, 'load-test', 'README.md');
  const [begin, end] = ['<!-- figures: begin -->', '<!-- figures: end -->'];
  const text = readFileSync(readme, 'utf8');
  const from = text.indexOf(begin);
  const to = text.indexOf(end);
  if (from === -1 || to < from) fail(new Error(`${readme} has lost the marks around its figures.`));
  const old = text.slice(from + begin.length, to).split(/^(?=### )/m);
  const command = ['', ...flags].join(' ').trim();
  const sections = all.flatMap((bench) => {
    const report = reports.find((candidate) => candidate.bench === bench && candidate.stdout.trim() !== '');
    const kept = old.find((section) => section.startsWith(`### \`npm run bench:${bench}`));
    if (report === undefined) return kept === undefined ? [] : [kept.trimEnd()];
    const title = `npm run bench:${bench}${command === '' ? '' : ` -- ${command}`}`;
    return [`### \`${title}\`\n\n\`\`\`text\n${report.stdout.trimEnd()}\n\`\`\``];
  });
  writeFileSync(readme, `${text.slice(0, from)}${begin}\n\n${sections.join('\n\n')}\n\n${text.slice(to)}`);
}
