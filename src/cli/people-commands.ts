import { InvalidArgumentError, Option, type Command } from 'commander';
import { roles, type Role } from '../domain/principal.js';
import {
  collect,
  configOf,
  siteName,
  wholeNumber,
  withConfigFlags,
  withExamples,
  type ConfigFlags,
  type Finish,
} from './options.js';
import { print } from './print.js';

/** A name or label, as the api takes it. */
function line(text: string): string {
  if (/^[^\p{Cc}]{1,64}$/u.test(text) && text === text.trim()) return text;
  throw new InvalidArgumentError('Give 1 to 64 characters on one line, without spaces around them.');
}

const siteOption = (): Option =>
  new Option('--site <name>', 'a site they may see and touch; repeatable; all of them').argParser(
    (text: string, before: string[] | undefined) => collect(siteName(text), before),
  );
const roleOption = (): Option => new Option('--role <role>', 'what they may do').choices(roles);
const passwordOption = (): Option =>
  new Option('--password-file <file>', 'its first line is the password; - is stdin; asked for without');

/** `users` and `tokens`: who may do what, on the database itself. */
export function addPeopleCommands(program: Command, finish: Finish): void {
  addUsers(program, finish);
  addTokens(program, finish);
}

function addUsers(program: Command, finish: Finish): void {
  const users = program.command('users').description('people who sign in on the page, and what they may do');
  const add = users
    .command('add')
    .description('adds a user; the password is asked for, or comes from a file')
    .argument('<name>', 'what they sign in as', line)
    .addOption(roleOption().default('viewer'))
    .addOption(siteOption())
    .addOption(passwordOption())
    .option('--first', 'only where there is no user yet; else nothing is done');
  withExamples(
    withConfigFlags(add),
    'headframe users add ana --role admin',
    'headframe users add admin --role admin --first --password-file /run/secrets/admin_password',
    'headframe users add bo --role operator --site north --password-file - < bo.password',
  ).action(async (name: string, flags: ConfigFlags & UserFlags) => {
    const { addUser } = await import('./people.js');
    const { role, site, passwordFile, first } = flags;
    const options = { name, role, sites: site ?? [], passwordFile, isFirst: first === true };
    finish(await addUser(configOf(flags), options, print));
  });
  withConfigFlags(
    users.command('list').description('lists users').option('--json', 'machine-readable'),
  ).action(async (flags: ConfigFlags & { json?: boolean }) => {
    const { listUsers } = await import('./people.js');
    finish(await listUsers(configOf(flags), { isJson: flags.json === true }, print));
  });
  for (const isDisabled of [true, false]) {
    const command = users
      .command(isDisabled ? 'disable' : 'enable')
      .description(
        isDisabled
          ? 'ends what a user may do, their sessions and tokens, within seconds'
          : 'lets a disabled user sign in again',
      )
      .argument('<name>', 'of the user', line);
    withConfigFlags(command).action(async (name: string, flags: ConfigFlags) => {
      const { setUserDisabled } = await import('./people.js');
      finish(await setUserDisabled(configOf(flags), { name, isDisabled }, print));
    });
  }
  const passwd = users
    .command('passwd')
    .description('sets the password of a user; every session of theirs ends')
    .argument('<name>', 'of the user', line)
    .addOption(passwordOption());
  withConfigFlags(passwd).action(async (name: string, flags: ConfigFlags & { passwordFile?: string }) => {
    const { setUserPassword } = await import('./people.js');
    finish(await setUserPassword(configOf(flags), { name, passwordFile: flags.passwordFile }, print));
  });
}

interface UserFlags {
  role: Role;
  site?: string[];
  passwordFile?: string;
  first?: boolean;
}

function addTokens(program: Command, finish: Finish): void {
  const tokens = program.command('tokens').description('API tokens of scripts: Authorization: Bearer hst_…');
  const create = tokens
    .command('create')
    .description('makes a token that may do no more than its user; it is shown this once')
    .argument('<user>', 'whose it is', line)
    .addOption(new Option('--label <text>', 'what it is for').argParser(line).makeOptionMandatory())
    .addOption(roleOption())
    .addOption(siteOption())
    .addOption(new Option('--days <count>', 'how long it lasts').argParser(wholeNumber(1, 3_650)).default(90))
    .option('--json', 'machine-readable');
  withExamples(
    withConfigFlags(create),
    'headframe tokens create ana --label "night report" --role viewer > report.token',
  ).action(async (user: string, flags: ConfigFlags & TokenFlags) => {
    const { createToken } = await import('./people.js');
    const { label, days } = flags;
    const options = { user, label, days, role: flags.role ?? null, sites: flags.site ?? [] };
    finish(await createToken(configOf(flags), { ...options, isJson: flags.json === true }, print));
  });
  withConfigFlags(
    tokens
      .command('list')
      .description('lists tokens; of a token itself only its beginning is known')
      .option('--json', 'machine-readable'),
  ).action(async (flags: ConfigFlags & { json?: boolean }) => {
    const { listTokens } = await import('./people.js');
    finish(await listTokens(configOf(flags), { isJson: flags.json === true }, print));
  });
  withConfigFlags(
    tokens
      .command('revoke')
      .description('ends a token, within seconds')
      .argument('<id>', 'number of the token, from `headframe tokens list`', wholeNumber(1, 2 ** 31 - 1)),
  ).action(async (id: number, flags: ConfigFlags) => {
    const { revokeToken } = await import('./people.js');
    finish(await revokeToken(configOf(flags), id, print));
  });
}

interface TokenFlags {
  label: string;
  role?: Role;
  site?: string[];
  days: number;
  json?: boolean;
}
