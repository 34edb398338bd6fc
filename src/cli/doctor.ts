import { access, constants, stat } from 'node:fs/promises';
import path from 'node:path';
import { request } from 'undici';
import { collectorKeyOf } from '../config/collector-keys.js';
import type { Config } from '../config/schema.js';
import { commandKinds } from '../domain/commands.js';
import { countAddresses } from '../domain/ip-ranges.js';
import { oidcOf } from '../roles/oidc.js';
import { openSharedQueue } from '../roles/shared-queue.js';
import { shardsOf } from '../roles/plan.js';
import { openStore } from '../roles/store.js';
import { accountFor, closedFolder } from '../storage/embedded/account.js';
import { checkSchema } from '../storage/migrate.js';
import { createLogger } from '../telemetry/logger.js';
import { masked, maskedUrl } from './mask.js';

interface Check {
  readonly name: string;
  readonly isOk: boolean;
  readonly detail: string;
}

const apiTimeoutMs = 5_000;

/** `headframe doctor`: the settings in force and what they depend on. Exit code 1 when a check fails. */
export async function doctor(
  config: Config,
  options: { isJson: boolean },
  print: (line: string) => void,
): Promise<number> {
  const checks = await Promise.all([
    check('Node', async () => nodeVersion()),
    check('data folder', () => dataFolder(config)),
    check('ranges', async () => rangesText(config)),
    check('database', () => databaseState(config)),
    check('Redis', () => redisState(config)),
    check('api', () => apiState(config)),
    check('commands', async () => commandsText(config)),
    check('OpenID Connect', () => oidcState(config)),
    ...config.sites.flatMap((site) =>
      config.upload.url === undefined || !hasKey(config, site)
        ? []
        : [check(`key of site ${site.name}`, () => keyState(config, site))],
    ),
  ]);
  const settings = masked(config);
  if (options.isJson) {
    const list = checks.map(({ name, isOk, detail }) => ({ name, ok: isOk, detail }));
    print(JSON.stringify({ settings, checks: list }));
  } else {
    print(JSON.stringify(settings, null, 2));
    for (const { name, isOk, detail } of checks) print(`${isOk ? 'ok  ' : 'FAIL'}  ${name}: ${detail}`);
  }
  return checks.every(({ isOk }) => isOk) ? 0 : 1;
}

async function check(name: string, run: () => Promise<string>): Promise<Check> {
  try {
    return { name, isOk: true, detail: await run() };
  } catch (error) {
    return { name, isOk: false, detail: error instanceof Error ? error.message : String(error) };
  }
}

function nodeVersion(): string {
  const [major = 0, minor = 0] = process.versions.node.split('.').map(Number);
  if (major < 20 || (major === 20 && minor < 19))
    throw new Error(`${process.versions.node}: 20.19 or newer is needed`);
  return process.versions.node;
}

/** Looks without making anything. */
async function dataFolder({ data_dir: folder }: Config): Promise<string> {
  const existing = await nearestExisting(folder);
  await access(existing, constants.W_OK);
  return existing === path.resolve(folder) ? folder : `${folder}, not there yet`;
}

async function nearestExisting(folder: string): Promise<string> {
  const full = path.resolve(folder);
  const isThere = await stat(full).then(
    () => true,
    () => false,
  );
  return isThere || full === path.dirname(full) ? full : nearestExisting(path.dirname(full));
}

function rangesText(config: Config): string {
  const shards = shardsOf(config);
  const asked = config.sites.filter(({ plan }) => plan === 'api').length;
  const told = asked === 0 ? '' : `; ${asked} with their plan from the api`;
  const addresses = shards.reduce((sum, shard) => sum + countAddresses(shard.ranges), 0);
  return `${config.sites.length} sites, ${addresses} addresses, ${shards.length} shards${told}`;
}

/** What of commands a process with these settings takes part in: giving them, executing them, both or neither. */
function commandsText({ commands, sites, upload }: Config): string {
  if (!commands.enabled) return 'off (commands.enabled): miners are only read';
  const kinds = commands.allow.split(',');
  const which = kinds.length === commandKinds.length ? 'all kinds' : kinds.join(', ');
  const keyed = sites.filter((site) => hasKey({ upload }, site)).map(({ name }) => name);
  if (upload.url === undefined)
    return `on, ${which}; an api takes them, \`up\` executes them too, an edge needs upload.url`;
  return keyed.length === 0
    ? `on, ${which}, but no site has a key: none would be executed here`
    : `on, ${which}; an edge or poller executes those of ${keyed.join(', ')}`;
}

async function databaseState(config: Config): Promise<string> {
  if (config.database.url === undefined) return embeddedState(config);
  const store = openStore(config.database.url, config, { log: createLogger('silent') });
  try {
    const { edition, version } = await checkSchema(store.database);
    return `${edition}, schema version ${version}`;
  } finally {
    await store.database.close({ timeoutMs: 1_000 });
  }
}

/** Without a database URL `up` runs its own; an edge needs none. */
async function embeddedState(config: Config): Promise<string> {
  if (config.upload.url !== undefined) return 'not configured: samples go to the api';
  const folder = path.join(config.data_dir, 'postgres');
  const account = await accountFor(path.join(folder, 'cluster'));
  const closed = await closedFolder(await nearestExisting(config.data_dir), account);
  if (closed !== null) {
    throw new Error(
      `PostgreSQL does not run as root, and its user ${account.uid} cannot pass through ${closed}; ` +
        'choose another folder, such as --data-dir /var/lib/headframe, or set DATABASE_URL',
    );
  }
  return `not configured: \`headframe up\` runs an embedded PostgreSQL in ${folder}`;
}

async function redisState(config: Config): Promise<string> {
  if (config.redis.url === undefined) return 'not configured: the queue is in memory';
  const queue = await openSharedQueue(config, createLogger('silent'));
  await queue.close();
  return 'answers';
}

async function oidcState(config: Config): Promise<string> {
  const oidc = oidcOf(config);
  if (oidc === null) return 'not configured: people sign in with passwords';
  await oidc.provider.check().catch((error: unknown) => {
    let cause = error as Error;
    while (cause.cause instanceof Error) cause = cause.cause;
    throw new Error(`${config.oidc.issuer ?? ''}: ${cause.message || (error as Error).message}`);
  });
  const { issuer, roles, default_role: other } = config.oidc;
  return `${issuer} answers; ${roles.length} values give a role, others ${other === 'none' ? 'are refused' : `are ${other}`}`;
}

async function apiState(config: Config): Promise<string> {
  const { url } = config.upload;
  if (url === undefined) return 'not configured: nothing is uploaded elsewhere';
  const status = await statusOf(new URL('/readyz', url), {});
  if (status !== 200) throw new Error(`${maskedUrl(url)}: /readyz answers ${status}`);
  return maskedUrl(url);
}

type Site = Config['sites'][number];

/** Or a file of one that cannot be read, which is then said. */
function hasKey(config: Pick<Config, 'upload'>, site: Site): boolean {
  try {
    return collectorKeyOf(config, site) !== null;
  } catch {
    return true;
  }
}

async function keyState(config: Config, site: Site): Promise<string> {
  const key = collectorKeyOf(config, site) ?? '';
  const url = new URL('/api/collector/status', config.upload.url);
  const status = await statusOf(url, { 'x-collector-key': key });
  if (status !== 200) throw new Error(`refused by the api with ${status}`);
  return 'accepted by the api';
}

async function statusOf(url: URL, headers: Record<string, string>): Promise<number> {
  const limits = { headersTimeout: apiTimeoutMs, bodyTimeout: apiTimeoutMs };
  const answer = await request(url, { ...limits, headers });
  await answer.body.dump();
  return answer.statusCode;
}
