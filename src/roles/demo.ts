import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { chmod, mkdtemp, rm } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { mixes } from '../../load-test/simulator/mix.js';
import { startSimulator } from '../../load-test/simulator/simulator.js';
import { configSchema, type Config } from '../config/schema.js';
import type { Logger } from '../telemetry/logger.js';
import { startUp, type Up, type UpStart } from './up.js';

const base = '127.20.0.1';

/** What the demo presets; flags and environment still win. */
export const demoSettings: Readonly<Record<string, unknown>> = {
  log_level: 'warn',
  allow_loopback: true,
  'poll.interval_s': 10,
  'poll.scan_slots': 3,
  'api.rate_limit_per_minute': 1_200,
  // Nothing of the demo is worth a password.
  'api.local_access': 'admin',
  shutdown_ms: 8_000,
};

/**
 * `headframe demo`: a simulated farm and all of Headframe on it, in a folder that is removed at the end,
 * whatever database or sites the settings name.
 */
export async function startDemo(
  config: Config,
  log: Logger,
  miners: number,
  options: UpStart = {},
): Promise<Up> {
  const folder = await mkdtemp(join(tmpdir(), 'headframe-demo-'));
  // As root the database runs as another account, which must be able to pass through.
  await chmod(folder, 0o711);
  const login = { username: 'root', password: randomBytes(12).toString('base64url') };
  const simulator = await startSimulator({
    miners: { base, count: miners },
    mix: mixes.demo,
    httpPort: 0,
    login,
  });
  const end = async (): Promise<void> => {
    await simulator.stop();
    await rm(folder, { recursive: true, force: true });
  };
  try {
    const up = await startUp(
      {
        ...config,
        data_dir: folder,
        database: { ...config.database, url: undefined },
        api: { ...config.api, port: await pagePort(config) },
        sites: [
          {
            name: 'demo',
            plan: 'file',
            ranges: [`${base}-${simulator.addresses.at(-1)}`],
            zone: 'default',
            port: simulator.port,
            // So that its miners take commands, as a farm's do.
            ...(simulator.httpPort === null ? {} : { http_port: simulator.httpPort }),
            credentials: [login],
          },
        ],
      },
      log,
      options,
    );
    // Its one site is in no settings that could be read again.
    const { url, firstLogin, status, failed } = up;
    return {
      url,
      firstLogin,
      status,
      failed,
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

const defaultPort = configSchema.parse({}).api.port;

/** The port asked for; instead of the default one, when that is taken, any free one. */
async function pagePort({ api }: Config): Promise<number> {
  if (api.port !== defaultPort) return api.port;
  const probe = createServer().listen(api.port, api.host);
  const isFree = await once(probe, 'listening').then(
    () => true,
    () => false,
  );
  if (isFree) await once(probe.close(), 'close');
  return isFree ? api.port : 0;
}
