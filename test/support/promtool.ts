import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { packageRoot } from '../../src/config/paths.js';
import { testPrometheusProgram } from './services.js';

export const prometheusDir = join(packageRoot, 'dashboards', 'prometheus');

/** Runs `promtool`, in the folder of Prometheus's files. */
export function promtool(...args: string[]): { readonly code: number | null; readonly text: string } {
  const program = testPrometheusProgram('promtool');
  if (program === null) throw new Error('no Prometheus in this run');
  const { status, stdout, stderr } = spawnSync(program, args, {
    cwd: prometheusDir,
    encoding: 'utf8',
    timeout: 60_000,
  });
  return { code: status, text: stdout + stderr };
}
