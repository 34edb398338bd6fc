import type { Command } from 'commander';
import type { Config } from '../config/schema.js';
import { createLogger, type Logger } from '../telemetry/logger.js';
import { configOf, withConfigFlags, type ConfigFlags } from './options.js';
import { runRole, type Role } from './run-role.js';

type Finish = (code: number) => void;

/** A range given on the command line stands for one site called `site`. */
function sitesFromRanges(ranges: string[] | undefined): Record<string, unknown> {
  return ranges === undefined ? {} : { sites: [{ name: 'site', ranges }] };
}

async function run(config: Config, start: (config: Config, log: Logger) => Promise<Role>): Promise<number> {
  const log = createLogger(config.log_level);
  return runRole(() => start(config, log), { log, shutdownMs: config.shutdown_ms });
}

/** `demo`, `up` and the roles they are made of. */
export function addRoleCommands(program: Command, finish: Finish): void {
  withConfigFlags(program.command('demo'))
    .description('a simulated farm of 200 miners, polled, stored and shown; leaves nothing behind')
    .option('--miners <count>', 'simulated miners', '200')
    .option('--port <port>', 'port of the page', '8420')
    .action(async (flags: ConfigFlags & { miners: string; port: string }) => {
      const { startDemo, demoPreset } = await import('../roles/demo.js');
      const { showStatus } = await import('./status-line.js');
      const preset = demoPreset(flags);
      const config = configOf(flags, preset.settings);
      finish(
        await run(config, async (_config, log) => {
          const demo = await startDemo(config, log, preset);
          process.stdout.write(`${demo.url}\n`);
          return showStatus(demo);
        }),
      );
    });

  withConfigFlags(program.command('up'))
    .description('everything in one process: poll the configured ranges, keep them, show them')
    .option('-r, --range <range...>', 'ranges to poll, instead of `sites` in the settings')
    .action(async (flags: ConfigFlags & { range?: string[] }) => {
      const { startUp } = await import('../roles/up.js');
      const { showStatus } = await import('./status-line.js');
      const config = configOf(flags, {}, sitesFromRanges(flags.range));
      finish(
        await run(config, async (_config, log) => {
          const up = await startUp(config, log);
          process.stdout.write(`${up.url}\n`);
          return showStatus(up);
        }),
      );
    });

  const role = (name: string, description: string, load: () => Promise<(config: Config, log: Logger) => Promise<Role>>): void => {
    withConfigFlags(program.command(name))
      .description(description)
      .action(async (flags: ConfigFlags) => finish(await run(configOf(flags), await load())));
  };
  role('api', 'ingest, reads and the page, on a database of your own', async () => (await import('../roles/api.js')).startApiRole);
  role('coordinator', 'adds the slot jobs to Redis', async () => (await import('../roles/coordinator.js')).startCoordinatorRole);
  role('poller', 'takes slot jobs from Redis, polls, uploads', async () => (await import('../roles/poller.js')).startPollerRole);
  role('edge', 'coordinator and poller of a farm in one process: no Redis, no database', async () => (await import('../roles/edge.js')).startEdgeRole);
}
