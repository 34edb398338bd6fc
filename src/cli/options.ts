import type { Command } from 'commander';
import { fromText, loadConfig } from '../config/load.js';
import { configSchema, type Config } from '../config/schema.js';
import { settingsOf } from '../config/settings.js';
import { AppError } from '../domain/errors.js';

/** The flags every command that reads settings takes. */
export interface ConfigFlags {
  config?: string;
  set?: string[];
  dataDir?: string;
  logLevel?: string;
}

const collect = (value: string, previous: string[] | undefined): string[] => [...(previous ?? []), value];

/** Adds those flags to a command. */
export function withConfigFlags(command: Command): Command {
  return command
    .option('-c, --config <file>', 'settings file (default: headframe.yaml, when there is one)')
    .option('--set <setting=value>', 'one setting, as api.port=9000; repeatable', collect)
    .option('--data-dir <folder>', 'folder for everything kept on disk')
    .option('--log-level <level>', 'least level logged to stderr');
}

/** The effective settings of a command: flags > environment > file > preset > default. */
export function configOf(
  flags: ConfigFlags,
  preset: Readonly<Record<string, unknown>> = {},
  more: Readonly<Record<string, unknown>> = {},
): Config {
  const values: Record<string, unknown> = { ...more };
  const known = new Map(settingsOf(configSchema).map((setting) => [setting.path, setting]));
  for (const text of flags.set ?? []) {
    const at = text.indexOf('=');
    const path = text.slice(0, at);
    const setting = known.get(path);
    if (at < 1) throw new AppError('CONFIG_INVALID', `--set ${text}: write it as setting=value`);
    if (!setting)
      throw new AppError(
        'CONFIG_INVALID',
        `--set ${text}: there is no setting "${path}"; see docs/configuration.md`,
      );
    values[path] = fromText(text.slice(at + 1), setting);
  }
  if (flags.dataDir !== undefined) values['data_dir'] = flags.dataDir;
  if (flags.logLevel !== undefined) values['log_level'] = flags.logLevel;
  return loadConfig({ file: flags.config, flags: values, preset });
}
