import type { Command } from 'commander';
import { configOf, withConfigFlags, type ConfigFlags } from './options.js';

type Finish = (code: number) => void;
const print = (line: string): void => void process.stdout.write(`${line}\n`);

/** `migrate` and `keys`: commands on the database. */
export function addDataCommands(program: Command, finish: Finish): void {
  withConfigFlags(program.command('migrate'))
    .description('bring the database to the schema of this program')
    .action(async (flags: ConfigFlags) => {
      const { migrateDatabase } = await import('./data.js');
      finish(await migrateDatabase(configOf(flags), print));
    });

  const keys = program.command('keys').description('collector keys');
  withConfigFlags(keys.command('create'))
    .description('make a key for a site, made when it is new; the key is shown this once')
    .argument('<site>', 'name of the site')
    .option('--label <text>', 'what it is for')
    .option('--json', 'machine-readable')
    .action(async (site: string, flags: ConfigFlags & { label?: string; json?: boolean }) => {
      const { createKey } = await import('./data.js');
      finish(await createKey(configOf(flags), { site, label: flags.label ?? null, isJson: flags.json === true }, print));
    });
  withConfigFlags(keys.command('list'))
    .description('list keys; of a key itself only its beginning is known')
    .option('--json', 'machine-readable')
    .action(async (flags: ConfigFlags & { json?: boolean }) => {
      const { listKeys } = await import('./data.js');
      finish(await listKeys(configOf(flags), { isJson: flags.json === true }, print));
    });
  withConfigFlags(keys.command('revoke'))
    .description('end a key; uploads with it are refused within 30 s')
    .argument('<id>', 'number of the key, from `keys list`')
    .action(async (id: string, flags: ConfigFlags) => {
      const { revokeKey } = await import('./data.js');
      finish(await revokeKey(configOf(flags), id, print));
    });
}
