import { existsSync, readFileSync } from 'node:fs';
import { parse as parseYaml } from 'yaml';
import { z } from 'zod';
import { AppError } from '../domain/errors.js';
import { checkOidc } from './oidc-schema.js';
import { configSchema, type Config } from './schema.js';
import { settingsOf, type Setting } from './settings.js';

export interface LoadOptions {
  /** From `--config`; without it `headframe.yaml` in the working folder, when there is one; null: no file. */
  readonly file?: string | null | undefined;
  /** From flags: dotted path → value, `api.port` → `8080`. */
  readonly flags?: Readonly<Record<string, unknown>>;
  readonly env?: NodeJS.ProcessEnv;
  /** What a command presets; everything else overrides it. */
  readonly preset?: Readonly<Record<string, unknown>>;
}

const wellKnown: Readonly<Record<string, string>> = { DATABASE_URL: 'database.url', REDIS_URL: 'redis.url' };

/**
 * The effective settings: flag > environment > file > default, then secrets read from their `*_file`.
 *
 * @throws AppError CONFIG_INVALID with every fault at once.
 */
export function loadConfig(options: LoadOptions = {}): Config {
  const env = options.env ?? process.env;
  const raw: Record<string, unknown> = {};
  for (const [path, value] of Object.entries(options.preset ?? {})) put(raw, path, value);
  merge(raw, readFile(options.file));
  for (const [variable, path] of Object.entries(wellKnown)) if (env[variable]) put(raw, path, env[variable]);
  for (const setting of settingsOf(configSchema)) {
    const value = env[setting.variable];
    if (value !== undefined && value !== '') put(raw, setting.path, fromText(value, setting));
  }
  for (const [path, value] of Object.entries(options.flags ?? {})) put(raw, path, value);

  const parsed = configSchema.safeParse(raw);
  if (!parsed.success)
    throw new AppError('CONFIG_INVALID', `these settings are wrong:\n${z.prettifyError(parsed.error)}`);
  return withSecrets(parsed.data, env);
}

function readFile(file: string | null | undefined): Record<string, unknown> {
  if (file === null) return {};
  const path = file ?? 'headframe.yaml';
  if (!existsSync(path)) {
    if (file === undefined) return {};
    throw new AppError('CONFIG_INVALID', `--config: no file at ${path}`);
  }
  try {
    const content = (parseYaml(readFileSync(path, 'utf8')) ?? {}) as unknown;
    if (typeof content !== 'object' || content === null || Array.isArray(content))
      throw new Error('not a mapping of settings');
    return content as Record<string, unknown>;
  } catch (error) {
    throw new AppError('CONFIG_INVALID', `${path}: ${(error as Error).message}`, { cause: error });
  }
}

/** Environment variables and `--set` are text: numbers, booleans and lists are read from it. */
export function fromText(value: string, setting: Pick<Setting, 'kind'>): unknown {
  if (setting.kind === 'number' && /^-?\d+(\.\d+)?$/.test(value.trim())) return Number(value);
  if (setting.kind === 'boolean' && /^(true|false)$/i.test(value.trim()))
    return value.trim().toLowerCase() === 'true';
  return value;
}

function put(target: Record<string, unknown>, path: string, value: unknown): void {
  const keys = path.split('.');
  const last = keys.pop();
  let node = target;
  for (const key of keys) {
    if (typeof node[key] !== 'object' || node[key] === null) node[key] = {};
    node = node[key] as Record<string, unknown>;
  }
  if (last !== undefined) node[last] = value;
}

function merge(target: Record<string, unknown>, source: Record<string, unknown>): void {
  for (const [key, value] of Object.entries(source)) {
    const isGroup = typeof value === 'object' && value !== null && !Array.isArray(value);
    if (isGroup && typeof target[key] === 'object' && target[key] !== null) {
      merge(target[key] as Record<string, unknown>, value as Record<string, unknown>);
    } else if (value !== null) target[key] = value;
  }
}

type Login = Config['credentials'][number];

function withSecrets(config: Config, env: NodeJS.ProcessEnv): Config {
  const secret = (name: string, value: string | undefined, file: string | undefined): string | undefined => {
    if (value !== undefined || file === undefined) return value;
    try {
      return readFileSync(file, 'utf8').trim();
    } catch (error) {
      throw new AppError('CONFIG_INVALID', `${name}: cannot read ${file}: ${(error as Error).message}`, {
        cause: error,
      });
    }
  };
  const { database, redis } = config;
  const { client_secret, client_secret_file, cookie_secret, cookie_secret_file } = config.oidc;
  const oidc = {
    ...config.oidc,
    client_secret: secret('oidc.client_secret_file', client_secret, client_secret_file),
    cookie_secret: secret('oidc.cookie_secret_file', cookie_secret, cookie_secret_file),
  };
  checkOidc(oidc);
  const databaseUrl = secret('database.url_file', database.url, database.url_file);
  let redisUrl = secret('redis.url_file', redis.url, redis.url_file);
  checkUrl('database.url', databaseUrl, ['postgres:', 'postgresql:']);
  checkUrl('redis.url', redisUrl, ['redis:', 'rediss:']);
  const redisPassword = secret('redis.password_file', undefined, redis.password_file);
  if (redisUrl !== undefined && redisPassword !== undefined)
    redisUrl = withPassword('redis.url', redisUrl, redisPassword);
  /** A secret given in one of three ways; `name` is that of the entry, `field` of the way in clear. */
  const one = (
    name: string,
    field: string,
    value: string | undefined,
    file: string | undefined,
    variable: string | undefined,
  ): string | undefined => {
    if ([value, file, variable].filter((it) => it !== undefined).length !== 1)
      throw new AppError('CONFIG_INVALID', `${name}: set one of ${field}_file, ${field}_env and ${field}`);
    if (variable !== undefined && !env[variable])
      throw new AppError('CONFIG_INVALID', `${name}.${field}_env: ${variable} is not set`);
    return secret(`${name}.${field}_file`, variable === undefined ? value : env[variable], file);
  };
  const logins = (list: readonly Login[], path: string): Login[] =>
    list.map((login, i) => {
      const { password, password_file, password_env } = login;
      return { ...login, password: one(`${path}[${i}]`, 'password', password, password_file, password_env) };
    });
  const secrets = config.secrets.map((entry, i) => {
    const name = `secrets[${i}]`;
    const value = one(name, 'value', entry.value, entry.value_file, entry.value_env);
    return { ...entry, value };
  });
  return {
    ...config,
    oidc,
    secrets,
    credentials: logins(config.credentials, 'credentials'),
    database: { ...database, url: databaseUrl },
    redis: { ...redis, url: redisUrl },
    sites: config.sites.map((site, i) => ({
      ...site,
      key: secret(`sites[${i}].key_file`, site.key, site.key_file),
      credentials: logins(site.credentials ?? [], `sites[${i}].credentials`),
    })),
  };
}

/** A URL with the password of a file put into it. */
function withPassword(name: string, text: string, password: string): string {
  const url = new URL(text);
  if (url.password !== '')
    throw new AppError('CONFIG_INVALID', `${name}: it holds a password; leave it out beside a password_file`);
  url.password = encodeURIComponent(password);
  return url.href;
}

/** Names the setting and not its value, which may hold a password. Several hosts may stand for one. */
function checkUrl(name: string, url: string | undefined, protocols: readonly string[]): void {
  if (url === undefined) return;
  const oneHost = url.replace(/,[^/?@]*(?=[/?]|$)/, '');
  if (URL.canParse(oneHost) && protocols.includes(new URL(oneHost).protocol)) return;
  throw new AppError('CONFIG_INVALID', `${name}: not a URL that begins with ${protocols[0]}//`);
}
