import { Option, type Command } from 'commander';
import type { Config } from '../config/schema.js';
import { AppError } from '../domain/errors.js';
import type { FirstLogin } from '../roles/people.js';
import type { Up, UpStart } from '../roles/up.js';
import { createLogger, type Logger } from '../telemetry/logger.js';
import { formatLogLine } from './log-line.js';
import {
  configOf,
  listenPort,
  tcpPort,
  wholeNumber,
  withConfigFlags,
  withExamples,
  withSettingFlags,
  type ConfigFlags,
  type Finish,
} from './options.js';
import { runRole, type Role } from './run-role.js';
import { showStatus } from './status-line.js';
import { openTerminal, type Terminal } from './terminal.js';

type Start = (config: Config, log: Logger, terminal: Terminal | null) => Promise<Role>;

/** Runs a role with what `read` reads; on a terminal its log is text, above the line of status. */
async function run(read: () => Config, start: Start): Promise<number> {
  const config = read();
  const terminal = openTerminal();
  const log = createLogger(
    config.log_level,
    terminal && { write: (json: string) => terminal.print(formatLogLine(json)) },
  );
  try {
    return await runRole(() => start(config, log, terminal), {
      log,
      shutdownMs: config.shutdown_ms,
      reread: read,
    });
  } catch (error) {
    terminal?.clear();
    throw error;
  }
}

/** Starts what has a page: prints the steps on a terminal, the address on stdout, then the status. */
async function runWithPage(
  read: () => Config,
  start: (config: Config, log: Logger, options: UpStart) => Promise<Up>,
  farewell: string,
): Promise<number> {
  return run(read, async (config, log, terminal) => {
    const up = await start(config, log, { onStep: (step) => terminal?.show(`${step} …`) });
    terminal?.clear();
    process.stdout.write(`${up.url}\n`);
    // Beside the data, so that a pipe of the address holds the address alone.
    if (up.firstLogin !== null) process.stderr.write(`${welcome(up.firstLogin)}\n`);
    return terminal === null ? up : showStatus(up, terminal, farewell);
  });
}

const welcome = ({ name, password }: FirstLogin): string =>
  `Sign in as ${name} with the password ${password} (shown this once).`;

/** `demo`, `up` and the roles they are made of. */
export function addRoleCommands(program: Command, finish: Finish): void {
  program.commandsGroup('Everything in one process:');
  addDemo(program, finish);
  addUp(program, finish);
  program.commandsGroup('Roles:');
  const role = (name: string, description: string, load: () => Promise<Start>): Command =>
    withConfigFlags(program.command(name).description(description)).action(async (flags: ConfigFlags) =>
      finish(await run(() => configOf(flags), await load())),
    );
  withExamples(
    role(
      'edge',
      "a farm's collector: polls, spools, uploads; no database",
      async () => (await import('../roles/edge.js')).startEdgeRole,
    ),
    'headframe edge                        # sites, keys and upload.url from headframe.yaml',
    'headframe edge -c north.yaml --data-dir /var/lib/headframe',
    'headframe edge --set upload.url=https://telemetry.example.com',
  );
  role(
    'api',
    'ingest, reads and the page, on a database of your own',
    async () => (await import('../roles/api.js')).startApiRole,
  );
  role(
    'coordinator',
    'adds the slot jobs of the sites to Redis',
    async () => (await import('../roles/coordinator.js')).startCoordinatorRole,
  );
  role(
    'poller',
    'takes slot jobs from Redis, polls, spools, uploads',
    async () => (await import('../roles/poller.js')).startPollerRole,
  );
}

function addDemo(program: Command, finish: Finish): void {
  const demo = program
    .command('demo')
    .description('a simulated farm, polled, stored and shown; leaves nothing behind')
    .addOption(
      new Option('--miners <count>', 'simulated miners').argParser(wholeNumber(1, 20_000)).default(200),
    )
    .addOption(
      new Option('--port <port>', 'port of the page; 8420, or a free one when that is taken').argParser(
        listenPort,
      ),
    );
  withExamples(
    withSettingFlags(demo),
    'headframe demo',
    'headframe demo --miners 2000 --port 9000 --set poll.interval_s=5',
  ).action(async (flags: ConfigFlags & { miners: number; port?: number }) => {
    const { startDemo, demoSettings } = await import('../roles/demo.js');
    const read = () => configOf(flags, { preset: demoSettings, flags: portSetting(flags), readsFile: false });
    const start = (config: Config, log: Logger, options: UpStart) =>
      startDemo(config, log, flags.miners, options);
    finish(await runWithPage(read, start, 'Nothing of the demo is left.'));
  });
}

function addUp(program: Command, finish: Finish): void {
  const up = program
    .command('up')
    .description('polls your ranges, keeps what they say, shows it')
    .option('-r, --range <range...>', 'ranges to poll, instead of `sites` in the settings')
    .addOption(new Option('--miner-port <port>', 'their TCP port; 4028').argParser(tcpPort))
    .addOption(new Option('--port <port>', 'port of the page; 8420').argParser(listenPort));
  withExamples(
    withConfigFlags(up),
    'headframe up --range 10.1.0.0/24',
    "headframe up --range 10.1.0.10-60 '!10.1.0.13' --set poll.interval_s=10",
    'headframe up                          # sites from headframe.yaml',
    'DATABASE_URL=postgres://… headframe up -c farm.yaml',
  ).action(async (flags: ConfigFlags & UpFlags) => {
    const { startUp } = await import('../roles/up.js');
    const read = () => configOf(flags, { flags: { ...sitesSetting(flags), ...portSetting(flags) } });
    finish(await runWithPage(read, startUp, ''));
  });
}

interface UpFlags {
  range?: string[];
  minerPort?: number;
  port?: number;
}

/** Ranges on the command line stand for one site called `site`. */
function sitesSetting({ range, minerPort }: UpFlags): Record<string, unknown> {
  if (range !== undefined)
    return { sites: [{ name: 'site', ranges: range, ...(minerPort && { port: minerPort }) }] };
  if (minerPort === undefined) return {};
  throw new AppError(
    'CONFIG_INVALID',
    '--miner-port goes with --range; a site in the settings has its own port',
  );
}

const portSetting = ({ port }: { port?: number }): Record<string, number> =>
  port === undefined ? {} : { 'api.port': port };
