import { chmod, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { mixes } from '../../load-test/simulator/mix.js';
import { startSimulator } from '../../load-test/simulator/simulator.js';
import type { Config } from '../config/schema.js';
import { AppError } from '../domain/errors.js';
import { formatIp, parseIp } from '../domain/ip-ranges.js';
import type { Logger } from '../telemetry/logger.js';
import { startUp, type Up } from './up.js';

/** What the demo sets before anything else; flags and environment still win. */
export interface DemoPreset {
  readonly miners: number;
  readonly settings: Readonly<Record<string, unknown>>;
}

const base = '127.20.0.1';
const maxMiners = 20_000;

/** @throws AppError CONFIG_INVALID for a count that makes no farm. */
export function demoPreset(flags: { readonly miners: string; readonly port: string }): DemoPreset {
  const miners = Number(flags.miners);
  if (!Number.isInteger(miners) || miners < 1 || miners > maxMiners) {
    throw new AppError('CONFIG_INVALID', `--miners ${flags.miners}: give a number from 1 to ${maxMiners}`);
  }
  return {
    miners,
    settings: {
      log_level: 'warn',
      allow_loopback: true,
      'poll.interval_s': 10,
      'poll.scan_slots': 3,
      'api.port': Number(flags.port),
      'api.rate_limit_per_minute': 1_200,
      shutdown_ms: 8_000,
    },
  };
}

/** `headframe demo`: a simulated farm and all of Headframe on it, in a folder that is removed at the end. */
export async function startDemo(config: Config, log: Logger, preset: DemoPreset): Promise<Up> {
  const folder = await mkdtemp(join(tmpdir(), 'headframe-demo-'));
  // As root the database runs as another account, which must be able to pass through.
  await chmod(folder, 0o711);
  const simulator = await startSimulator({ miners: { base, count: preset.miners }, mix: mixes.demo });
  const end = async (): Promise<void> => {
    await simulator.stop();
    await rm(folder, { recursive: true, force: true });
  };
  const last = formatIp((parseIp(base) ?? 0) + preset.miners - 1);
  try {
    const up = await startUp(
      {
        ...config,
        data_dir: folder,
        sites: [{ name: 'demo', ranges: [`${base}-${last}`], zone: 'default', port: simulator.port }],
      },
      log,
    );
    return {
      ...up,
      async stop() {
        await up.stop();
        await end();
      },
    };
  } catch (error) {
    await end();
    throw error;
  }
}
