/**
 * `headframe scan` over a range in which nobody answers: every packet is dropped, by a rule of its own that
 * it removes. Needs root, nftables and a build.
 *
 *     node --import tsx load-test/scenarios/scan-dead.ts --descriptors 20000,4096,1024
 *
 * Prints a report, a line for each limit of open files; exits 1 when an address is not accounted for.
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { packageRoot } from '../../src/config/paths.js';
import { dropPackets } from '../../test/support/dropped-packets.js';
import { print } from './scenario.js';

const { values } = parseArgs({
  options: {
    range: { type: 'string', default: '127.91.0.0/16' },
    descriptors: { type: 'string', default: '20000' },
    'connect-timeout': { type: 'string', default: '1000' },
  },
});

interface ScanRun {
  readonly descriptors: number;
  readonly seconds: number;
  /** Open at once, as seen every 50 ms. */
  readonly most_descriptors: number;
  readonly rss_mib: number;
  readonly silent: number;
  readonly exit_code: number | null;
}

async function measure(descriptors: number): Promise<ScanRun> {
  const args = [
    'scan',
    values.range,
    '--allow-loopback',
    '--json',
    '--connect-timeout',
    values['connect-timeout'],
  ];
  const shell = `ulimit -n ${descriptors} && exec "$0" "$@"`;
  const program = [process.execPath, join(packageRoot, 'dist', 'src', 'main.js')];
  const began = performance.now();
  const child = spawn('sh', ['-c', shell, ...program, ...args], { stdio: ['ignore', 'inherit', 'pipe'] });
  const told: Buffer[] = [];
  child.stderr.on('data', (chunk: Buffer) => told.push(chunk));
  let [most, rss] = [0, 0];
  const look = setInterval(() => {
    try {
      most = Math.max(most, readdirSync(`/proc/${child.pid}/fd`).length);
      const status = readFileSync(`/proc/${child.pid}/status`, 'utf8');
      rss = Math.max(rss, Number(/VmHWM:\s+(\d+)/.exec(status)?.[1] ?? 0));
    } catch {
      // It has just ended.
    }
  }, 50);
  const [code] = (await once(child, 'close')) as [number | null];
  clearInterval(look);
  const text = Buffer.concat(told).toString('utf8');
  print(text.trim());
  return {
    descriptors,
    seconds: Math.round((performance.now() - began) / 10) / 100,
    most_descriptors: most,
    rss_mib: Math.round(rss / 1024),
    silent: Number(/([\d,]+) did not answer/.exec(text)?.[1]?.replaceAll(',', '') ?? 0),
    exit_code: code,
  };
}

const undo = await dropPackets(values.range, 4028);
try {
  for (const text of values.descriptors.split(',')) {
    const run = await measure(Number(text));
    process.stdout.write(`${JSON.stringify(run)}\n`);
    const isWhole = !values.range.endsWith('/16') || run.silent === 65_536;
    if (!isWhole || run.exit_code !== 1) process.exitCode = 1;
  }
} finally {
  await undo();
}
