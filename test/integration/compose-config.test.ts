import { spawnSync } from 'node:child_process';
import { describe, expect, it } from 'vitest';
import { packageRoot } from '../../src/config/paths.js';
import { readCompose } from '../support/compose.js';
import { testComposeProgram } from '../support/services.js';

const program = testComposeProgram();

/** Compose itself on the file; it asks no engine for that. */
function config(
  profiles: string,
  ...args: string[]
): { status: number | null; stdout: string; stderr: string } {
  return spawnSync(program ?? '', ['config', ...args], {
    cwd: packageRoot,
    encoding: 'utf8',
    env: {
      PATH: process.env.PATH,
      HOME: '/nonexistent',
      COMPOSE_PROFILES: profiles,
      HEADFRAME_SETTINGS: './scripts/compose/sim.yaml',
    },
  });
}

describe.runIf(program !== null)('docker-compose', () => {
  it.each(['', 'sim', 'obs', 'otel', 'sim,obs,otel'])('takes the file with the profiles "%s"', (profiles) => {
    const { status, stderr } = config(profiles, '-q');
    expect({ status, stderr }).toEqual({ status: 0, stderr: '' });
  });

  it('reads it as the other tests do', () => {
    const { stdout } = config('sim,obs,otel', '--format', 'json');
    const { services } = JSON.parse(stdout) as {
      services: Record<string, { command: string[] | null; environment?: Record<string, string> }>;
    };
    const ours = readCompose().services;
    expect(Object.keys(services).sort()).toEqual(Object.keys(ours).sort());
    for (const [name, { command, environment = {} }] of Object.entries(services)) {
      // It doubles dollars again, for its answer is a file to be read once more.
      expect(command?.map((word) => word.replaceAll('$$', '$')) ?? []).toEqual(ours[name]?.command ?? []);
      expect(environment).toEqual(ours[name]?.environment ?? {});
    }
  });
});
