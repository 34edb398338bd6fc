import { readFileSync } from 'node:fs';
import { InvalidArgumentError, Option, type Command } from 'commander';
import { commandKinds, commandStatuses } from '../domain/commands.js';
import type { CommandCall, Order } from './commands.js';
import {
  collect,
  configOf,
  ipv4,
  siteName,
  wholeNumber,
  withConfigFlags,
  withExamples,
  type ConfigFlags,
  type Finish,
} from './options.js';
import { print } from './print.js';

/** What says which api is asked, and how its answer is told. */
export interface CallFlags extends ConfigFlags {
  url?: string;
  json?: boolean;
}
interface OrderFlags extends CallFlags {
  site?: string;
  param?: string[];
  priority: number;
  ttl: number;
  dryRun?: boolean;
  yes?: boolean;
  wait?: boolean;
}
interface BatchFlags extends OrderFlags {
  miner?: string[];
  file?: string;
  all?: boolean;
  model?: string;
  firmware?: string;
  state?: string;
  health?: string;
  pool?: string;
  subnet?: string;
  search?: string;
  onlineOnly?: boolean;
  wave?: number;
  pause: number;
  maxFailed: number;
}

const idNumber = wholeNumber(1, 2 ** 31 - 1);
/** The site that is meant. */
export const onSite = (): Option =>
  new Option('--site <name>', 'the site; not needed where there is one').argParser(siteName);

/** `login`, `logout` and `command`: what asks a running api. */
export function addControlCommands(program: Command, finish: Finish): void {
  program.commandsGroup('Control:');
  const login = program
    .command('login')
    .description('signs in to an api: with name and password, or with an API token')
    .argument('<url>', 'of the api, as https://telemetry.example.com')
    .option('--name <name>', 'name of the user; asked for otherwise')
    .option('--token-file <file>', 'file that holds an API token');
  withExamples(login, 'headframe login https://telemetry.example.com --token-file ~/headframe.token').action(
    async (url: string, flags: { name?: string; tokenFile?: string }) => {
      const { login: run } = await import('./login.js');
      finish(await run({ url, name: flags.name ?? null, tokenFile: flags.tokenFile ?? null }, print));
    },
  );
  program
    .command('logout')
    .description('ends the session and forgets it')
    .action(async () => {
      const { logout } = await import('./login.js');
      finish(await logout(print));
    });
  const command = program.command('command').description('tells miners what to do, through the api');
  addCreate(command, finish);
  addBatch(command, finish);
  addReads(command, finish);
  addChanges(command, finish);
}

function addCreate(parent: Command, finish: Finish): void {
  const create = withOrderFlags(
    parent
      .command('create')
      .description('tells one miner to do something')
      .argument('<type>', commandKinds.join(', '), kind)
      .argument('<miner>', 'name of the miner'),
  ).addOption(new Option('--ip <address>', 'its address, where it is not known').argParser(ipv4));
  withExamples(
    create,
    'headframe command create reboot 10.1.0.17 --wait',
    'headframe command create set_fan 10.1.0.17 --param speed=80 --yes',
  ).action(async (type: string, miner: string, flags: OrderFlags & { ip?: string }) => {
    const { createCommand } = await import('./commands.js');
    finish(
      await createCommand(callOf(flags), { ...orderOf(type, flags), miner, ip: flags.ip ?? null }, print),
    );
  });
}

function addBatch(parent: Command, finish: Finish): void {
  const batch = withOrderFlags(
    parent
      .command('batch')
      .description('tells many miners of a site; exit code 5 when part of it is left out or failed')
      .argument('<type>', commandKinds.join(', '), kind)
      .option('--miner <name>', 'a miner; repeatable', collect)
      .option('--file <file>', 'names of miners, one a line')
      .option('--all', 'every miner of the site')
      .option('--model <name>', 'miners of this model')
      .option('--firmware <name>', 'of this firmware')
      .option('--state <state>', 'in this state')
      .option('--health <health>', 'of this health')
      .option('--pool <text>', 'whose pool holds this')
      .option('--subnet <network>', 'of this network')
      .option('--search <text>', 'that hold this in name, address, MAC, model, firmware, worker or pool')
      .option('--online-only', 'that answered when they were last asked')
      .addOption(new Option('--wave <miners>', 'so many at a time').argParser(wholeNumber(1, 1_000_000)))
      .addOption(
        new Option('--pause <seconds>', 'between two waves').argParser(wholeNumber(0, 86_400)).default(60),
      )
      .addOption(
        new Option('--max-failed <percent>', 'stop when more failed or got worse')
          .argParser(wholeNumber(0, 100))
          .default(20),
      ),
  );
  withExamples(
    batch,
    'headframe command batch reboot --model "Antminer S19" --wave 50 --dry-run',
    'headframe command batch set_pool --subnet 10.1.2.0/24 --param pool_url=stratum+tcp://pool:3333 --param pool_user=a.1',
  ).action(async (type: string, flags: BatchFlags, self: Command) => {
    const miners = [...(flags.miner ?? []), ...(flags.file === undefined ? [] : namesIn(flags.file))];
    const filter = filterOf(flags);
    if (miners.length > 0 === Object.keys(filter).length > 0)
      self.error(
        'error: name miners (--miner, --file) or what they have in common (--all, --model, --subnet, …)',
      );
    const { createBatch } = await import('./commands.js');
    const { wave, pause, maxFailed } = flags;
    const targets = { miners, filter, waveSize: wave ?? null, pauseS: pause, maxFailedPercent: maxFailed };
    finish(await createBatch(callOf(flags), orderOf(type, flags), targets, print));
  });
}

function addReads(parent: Command, finish: Finish): void {
  const list = withCallFlags(
    parent
      .command('list')
      .description('lists commands, the newest first')
      .addOption(onSite())
      .option('--miner <name>', 'of one miner')
      .addOption(new Option('--status <status>', 'of one status').choices(commandStatuses))
      .addOption(new Option('--batch <id>', 'of one batch').argParser(idNumber))
      .option('--batches', 'batches instead')
      .addOption(new Option('--limit <n>', 'how many').argParser(wholeNumber(1, 1_000)).default(100)),
  );
  withExamples(list, 'headframe command list --status pending').action(
    async (
      flags: CallFlags & {
        site?: string;
        miner?: string;
        status?: string;
        batch?: number;
        batches?: boolean;
        limit: number;
      },
    ) => {
      const { listCommands } = await import('./commands.js');
      const isBatches = flags.batches === true;
      const limit = String(isBatches ? Math.min(flags.limit, 500) : flags.limit);
      const own = { miner_id: flags.miner, status: flags.status, batch_id: flags.batch?.toString() };
      const query = Object.fromEntries(
        Object.entries({ limit, ...(isBatches ? {} : own) }).flatMap(([name, value]) =>
          value === undefined ? [] : [[name, value] as const],
        ),
      );
      finish(await listCommands(callOf(flags), { site: flags.site ?? null, query, isBatches }, print));
    },
  );
  const show = withCallFlags(
    parent
      .command('show')
      .description('one command and all that happened to it, or one batch')
      .argument('<id>', 'number of the command, or of the batch', idNumber)
      .option('--batch', 'a batch'),
  );
  show.action(async (id: number, flags: CallFlags & { batch?: boolean }) => {
    const { showCommand } = await import('./commands.js');
    finish(await showCommand(callOf(flags), { id, isBatch: flags.batch === true }, print));
  });
}

function addChanges(parent: Command, finish: Finish): void {
  const cancel = withCallFlags(
    parent
      .command('cancel')
      .description('cancels a command that has not ended, or what is pending of a batch')
      .argument('<id>', 'number of the command, or of the batch', idNumber)
      .option('--batch', 'a batch'),
  );
  cancel.action(async (id: number, flags: CallFlags & { batch?: boolean }) => {
    const { changeCommand } = await import('./commands.js');
    const options = { id, isBatch: flags.batch === true, change: 'cancel' as const };
    finish(await changeCommand(callOf(flags), options, print));
  });
  const approve = withCallFlags(
    parent
      .command('approve')
      .description('releases a batch that waits for a second person')
      .argument('<id>', 'number of the batch', idNumber),
  );
  approve.action(async (id: number, flags: CallFlags) => {
    const { changeCommand } = await import('./commands.js');
    finish(await changeCommand(callOf(flags), { id, isBatch: true, change: 'approve' }, print));
  });
}

/** Adds {@link CallFlags}. */
export function withCallFlags(command: Command): Command {
  return withConfigFlags(
    command
      .option('--url <url>', 'of the api; else where one is signed in, else that of the settings')
      .option('--json', 'machine-readable'),
  );
}

function withOrderFlags(command: Command): Command {
  return withCallFlags(
    command
      .addOption(onSite())
      .option('--param <name=value>', 'a parameter, as speed=80; repeatable', collect)
      .addOption(
        new Option('--priority <n>', '0 to 10, higher first').argParser(wholeNumber(0, 10)).default(5),
      )
      .addOption(
        new Option('--ttl <minutes>', 'never executed after that')
          .argParser(wholeNumber(1, 10_080))
          .default(30),
      )
      .option('--dry-run', 'say what would happen, and do nothing')
      .option('-y, --yes', 'do not ask')
      .option('--wait', 'stay until it has ended'),
  );
}

/** The call that flags describe. */
export function callOf(flags: CallFlags): CommandCall {
  return { config: configOf(flags), url: flags.url ?? null, isJson: flags.json === true };
}

function orderOf(type: string, flags: OrderFlags): Order {
  return {
    site: flags.site ?? null,
    type,
    parameters: parametersOf(flags.param ?? []),
    priority: flags.priority,
    ttlMinutes: flags.ttl,
    isDryRun: flags.dryRun === true,
    isSure: flags.yes === true,
    waits: flags.wait === true,
  };
}

function filterOf(flags: BatchFlags): Record<string, unknown> {
  const { model, firmware, state, health, pool, subnet, search } = flags;
  const given = { model, firmware, state, health, pool, subnet, search };
  return {
    ...Object.fromEntries(Object.entries(given).filter(([, value]) => value !== undefined)),
    ...(flags.all === true ? { all: true } : {}),
    ...(flags.onlineOnly === true ? { online_only: true } : {}),
  };
}

/** Numbers are read where the api takes numbers alone: a worker may be called 17. */
const numeric = new Set(['speed', 'frequency', 'percent', 'pool_id']);

function parametersOf(given: readonly string[]): Record<string, unknown> {
  return Object.fromEntries(
    given.map((text) => {
      const at = text.indexOf('=');
      if (at < 1) throw new InvalidArgumentError(`--param ${text}: write it as name=value.`);
      const [name, value] = [text.slice(0, at), text.slice(at + 1)];
      return [name, numeric.has(name) && value.trim() !== '' ? Number(value) : value];
    }),
  );
}

function namesIn(file: string): string[] {
  let text: string;
  try {
    text = readFileSync(file, 'utf8');
  } catch (error) {
    throw new InvalidArgumentError(`--file: ${(error as Error).message}`);
  }
  return text
    .split(/\r?\n/)
    .map((line) => line.trim())
    .filter((line) => line !== '' && !line.startsWith('#'));
}

function kind(text: string): string {
  if ((commandKinds as readonly string[]).includes(text)) return text;
  throw new InvalidArgumentError(`Give one of ${commandKinds.join(', ')}.`);
}
