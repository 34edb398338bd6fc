import { InvalidArgumentError, type Command } from 'commander';
import { fromText, loadConfig } from '../config/load.js';
import { configSchema, type Config } from '../config/schema.js';
import { settingsOf } from '../config/settings.js';
import { AppError } from '../domain/errors.js';
import { parseIp } from '../domain/ip-ranges.js';

/** Takes the exit code of a command. */
export type Finish = (code: number) => void;

/** The flags every command that reads settings takes. */
export interface ConfigFlags {
  config?: string;
  set?: string[];
  dataDir?: string;
  logLevel?: string;
}

/** What a command adds to the settings. */
export interface ConfigExtras {
  /** Everything else overrides these: dotted path → value. */
  readonly preset?: Readonly<Record<string, unknown>>;
  /** From flags of the command's own, over file and environment. */
  readonly flags?: Readonly<Record<string, unknown>>;
  /** Read `headframe.yaml` or `--config`; default true. */
  readonly readsFile?: boolean;
}

/** Gathers a flag that may be given several times. */
export const collect = (value: string, previous: string[] | undefined): string[] => [
  ...(previous ?? []),
  value,
];

/** Adds the flags that set settings, below a command's own. */
export function withSettingFlags(command: Command): Command {
  return command
    .optionsGroup('Settings:')
    .option('--set <setting=value>', 'one setting, as poll.interval_s=10; repeatable', collect)
    .option('--log-level <level>', 'least level logged to stderr');
}

/** Those, and where settings and data lie. */
export function withConfigFlags(command: Command): Command {
  return withSettingFlags(
    command
      .optionsGroup('Settings:')
      .option('-c, --config <file>', 'settings file; headframe.yaml where there is one')
      .option('--data-dir <folder>', 'folder for everything kept on disk; ./data'),
  );
}

/**
 * The effective settings of a command: flags > environment > file > preset > default.
 *
 * @throws AppError CONFIG_INVALID naming every fault of the flags, or else every fault of the settings.
 */
export function configOf(flags: ConfigFlags, extras: ConfigExtras = {}): Config {
  const values: Record<string, unknown> = { ...extras.flags };
  const known = new Map(settingsOf(configSchema).map((setting) => [setting.path, setting]));
  const faults: string[] = [];
  for (const text of flags.set ?? []) {
    const at = text.indexOf('=');
    const path = text.slice(0, at);
    const setting = known.get(path);
    if (at < 1) faults.push(`--set ${text}: write it as setting=value`);
    else if (!setting) faults.push(`--set ${text}: there is no setting "${path}"; see docs/configuration.md`);
    else values[path] = fromText(text.slice(at + 1), setting);
  }
  if (faults.length > 0) throw new AppError('CONFIG_INVALID', faults.join('\n'));
  if (flags.dataDir !== undefined) values['data_dir'] = flags.dataDir;
  if (flags.logLevel !== undefined) values['log_level'] = flags.logLevel;
  const file = extras.readsFile === false ? null : flags.config;
  return loadConfig({ file, flags: values, preset: extras.preset ?? {} });
}

/** Reads a flag or argument that is a whole number within bounds; wrong usage otherwise. */
export function wholeNumber(min: number, max: number): (text: string) => number {
  return (text) => {
    const value = /^-?\d+$/.test(text.trim()) ? Number(text) : NaN;
    if (value >= min && value <= max) return value;
    throw new InvalidArgumentError(`Give a whole number from ${min} to ${max}.`);
  };
}

/** Reads a TCP port to connect to. */
export const tcpPort = wholeNumber(1, 65_535);
/** Reads a TCP port to listen on; 0 is any free one. */
export const listenPort = wholeNumber(0, 65_535);

/** Reads an IPv4 address. */
export function ipv4(text: string): string {
  if (parseIp(text) === null) throw new InvalidArgumentError('Give an IPv4 address, such as 10.1.0.17.');
  return text;
}

/** Reads the name of a site, as the settings would. */
export function siteName(text: string): string {
  const { error } = configSchema.safeParse({ sites: [{ name: text, ranges: ['10.0.0.1'] }] });
  if (error) throw new InvalidArgumentError(error.issues.map((issue) => issue.message).join('; '));
  return text;
}

/** Examples below a command's help. */
export function withExamples(command: Command, ...lines: readonly string[]): Command {
  return command.addHelpText('after', ['', 'Examples:', ...lines.map((line) => `  ${line}`)].join('\n'));
}
