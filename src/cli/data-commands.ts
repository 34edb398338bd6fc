import { InvalidArgumentError, Option, type Command } from 'commander';
import {
  configOf,
  siteName,
  wholeNumber,
  withConfigFlags,
  withExamples,
  type ConfigFlags,
  type Finish,
} from './options.js';
import { addPeopleCommands } from './people-commands.js';
import { print } from './print.js';

/** `migrate`, `db`, `keys`, `users`, `tokens`, `alerts`, `quirks` and `racks`: commands on the database. */
export function addDataCommands(program: Command, finish: Finish): void {
  program.commandsGroup('Database:');
  withConfigFlags(
    program.command('migrate').description('brings the database to the schema of this program'),
  ).action(async (flags: ConfigFlags) => {
    const { migrateDatabase } = await import('./data.js');
    finish(await migrateDatabase(configOf(flags), print));
  });
  const db = program.command('db').description('the database: what it holds and how it is kept');
  const status = db
    .command('status')
    .description('edition, sizes, chunks, oldest and newest rows, lag of retention and rollups')
    .option('--json', 'machine-readable');
  withExamples(withConfigFlags(status), 'headframe db status').action(
    async (flags: ConfigFlags & { json?: boolean }) => {
      const { showDatabase } = await import('./db-status.js');
      finish(await showDatabase(configOf(flags), { isJson: flags.json === true }, print));
    },
  );
  addReader(db, finish);
  addKeys(program, finish);
  addPeopleCommands(program, finish);
  addAlerts(program, finish);
  const quirks = program
    .command('quirks')
    .description('lists what is wrong with the replies of miners: repaired or unreadable, by firmware')
    .addOption(new Option('--site <name>', 'one site; all of them').argParser(siteName))
    .option('--json', 'machine-readable');
  withExamples(withConfigFlags(quirks), 'headframe quirks --site north').action(
    async (flags: ConfigFlags & { site?: string; json?: boolean }) => {
      const { listQuirks } = await import('./quirks.js');
      const options = { site: flags.site ?? null, isJson: flags.json === true };
      finish(await listQuirks(configOf(flags), options, print));
    },
  );
  const racks = program
    .command('racks')
    .description('reads where the miners of a site stand: CSV with the columns miner, rack, row, column')
    .argument('<site>', 'name of the site', siteName)
    .argument(
      '<file>',
      'the CSV file; a miner is named by its name, address or MAC; replaces the map before',
    );
  withExamples(withConfigFlags(racks), 'headframe racks north racks.csv').action(
    async (site: string, file: string, flags: ConfigFlags) => {
      const { readRacks } = await import('./racks.js');
      finish(await readRacks(configOf(flags), { site, file }, print));
    },
  );
}

function addReader(db: Command, finish: Finish): void {
  const reader = db
    .command('reader')
    .description('makes a database role that reads what dashboards show and no secrets, or renews its rights')
    .argument('[role]', 'name of the role', roleName, 'headframe_reader')
    .addOption(new Option('--password-file <file>', '- for stdin; else one is made and shown this once'))
    .addOption(
      new Option('--statement-timeout-s <seconds>', 'longest query')
        .argParser(wholeNumber(1, 3_600))
        .default(15),
    )
    .addOption(
      new Option('--connections <number>', 'connections at once')
        .argParser(wholeNumber(1, 1_000))
        .default(10),
    );
  type Flags = ConfigFlags & { passwordFile?: string; statementTimeoutS: number; connections: number };
  withExamples(withConfigFlags(reader), 'headframe db reader > grafana.password').action(
    async (role: string, flags: Flags) => {
      const { settleReader } = await import('./reader.js');
      const { statementTimeoutS, connections, passwordFile } = flags;
      const limits = { statementTimeoutS, connections };
      finish(await settleReader(configOf(flags), { role, passwordFile, limits }, print));
    },
  );
}

/** A name that stands as it is wherever a role is written. */
function roleName(text: string): string {
  if (/^[a-z_][a-z0-9_]{0,62}$/.test(text)) return text;
  throw new InvalidArgumentError('Give small letters, digits and _.');
}

function addAlerts(program: Command, finish: Finish): void {
  const alerts = program.command('alerts').description('alerts: what is wrong now, and who has taken note');
  const list = alerts
    .command('list')
    .description('lists alerts that are not over, the newest first')
    .addOption(new Option('--site <name>', 'one site; all of them').argParser(siteName))
    .option('--all', 'those that are over too, as long as they are kept')
    .option('--json', 'machine-readable');
  withExamples(withConfigFlags(list), 'headframe alerts list --site north').action(
    async (flags: ConfigFlags & { site?: string; all?: boolean; json?: boolean }) => {
      const { listAlerts } = await import('./alerts.js');
      const options = {
        site: flags.site ?? null,
        isAll: flags.all === true,
        isJson: flags.json === true,
      };
      finish(await listAlerts(configOf(flags), options, print));
    },
  );
  const ack = alerts
    .command('ack')
    .description('acknowledges an alert, in the name of the user of this system')
    .argument('<id>', 'number of the alert, from `headframe alerts list`', wholeNumber(1, 2 ** 31 - 1))
    .addOption(new Option('--note <text>', 'what is done about it').argParser(noteText));
  withExamples(withConfigFlags(ack), 'headframe alerts ack 17 --note "fan ordered"').action(
    async (id: number, flags: ConfigFlags & { note?: string }) => {
      const { acknowledgeAlert } = await import('./alerts.js');
      finish(await acknowledgeAlert(configOf(flags), { id, note: flags.note ?? null }, print));
    },
  );
}

/** A note as the api takes it. */
function noteText(text: string): string {
  if (/^[^\p{Cc}]{1,1000}$/u.test(text)) return text;
  throw new InvalidArgumentError('Give 1 to 1000 characters on one line.');
}

function addKeys(program: Command, finish: Finish): void {
  const keys = program
    .command('keys')
    .description('collector keys: what an edge, a poller or another collector uploads with');
  const create = keys
    .command('create')
    .description('makes a key for a site, and the site when it is new; the key is shown this once')
    .argument('<site>', 'name of the site', siteName)
    .addOption(new Option('--label <text>', 'what it is for'))
    .option('--json', 'machine-readable');
  withExamples(
    withConfigFlags(create),
    'headframe keys create north --label "edge at the north farm" > north.key',
  ).action(async (site: string, flags: ConfigFlags & { label?: string; json?: boolean }) => {
    const { createKey } = await import('./data.js');
    const options = { site, label: flags.label ?? null, isJson: flags.json === true };
    finish(await createKey(configOf(flags), options, print));
  });
  const ensure = keys
    .command('ensure')
    .description('every site of the settings has a key in upload.keys_dir, and the database knows it');
  withExamples(
    withConfigFlags(ensure),
    'headframe keys ensure --set upload.keys_dir=/etc/headframe/keys   # again: changes nothing',
  ).action(async (flags: ConfigFlags) => {
    const { ensureKeys } = await import('./ensure-keys.js');
    finish(await ensureKeys(configOf(flags), print));
  });
  withConfigFlags(
    keys
      .command('list')
      .description('lists keys; of a key itself only its beginning is known')
      .option('--json', 'machine-readable'),
  ).action(async (flags: ConfigFlags & { json?: boolean }) => {
    const { listKeys } = await import('./data.js');
    finish(await listKeys(configOf(flags), { isJson: flags.json === true }, print));
  });
  withConfigFlags(
    keys
      .command('revoke')
      .description('ends a key; uploads with it are refused within 30 s')
      .argument('<id>', 'number of the key, from `headframe keys list`', wholeNumber(1, 2 ** 31 - 1)),
  ).action(async (id: number, flags: ConfigFlags) => {
    const { revokeKey } = await import('./data.js');
    finish(await revokeKey(configOf(flags), id, print));
  });
}
