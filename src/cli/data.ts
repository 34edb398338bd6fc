import { existsSync } from 'node:fs';
import { join } from 'node:path';
import type { Config } from '../config/schema.js';
import { AppError } from '../domain/errors.js';
import { openStore, shortestIntervalS, type Store } from '../roles/store.js';
import { startEmbeddedPostgres } from '../storage/embedded/embedded-postgres.js';
import type { ListedKey } from '../storage/keys.repo.js';
import { checkSchema, migrate, type SchemaState } from '../storage/migrate.js';
import { createLogger, type Logger } from '../telemetry/logger.js';
import { commandNote } from './audit.js';
import { columns } from './columns.js';

type Print = (line: string) => void;

/** A command says by itself what failed. */
const quietLog = (config: Config): Logger =>
  createLogger(config.log_level === 'info' ? 'error' : config.log_level);
const embeddedDir = (config: Config): string => join(config.data_dir, 'postgres');
const hasEmbedded = (config: Config): boolean => existsSync(join(embeddedDir(config), 'cluster'));

/**
 * Runs `work` on the database of the settings: `database.url`, or the embedded one in the data folder,
 * which is started for the while unless `up` runs on it already.
 */
async function withDatabase<T>(config: Config, work: (url: string) => Promise<T>): Promise<T> {
  if (config.database.url !== undefined) return work(config.database.url);
  if (process.stderr.isTTY)
    process.stderr.write(`Using the embedded PostgreSQL in ${embeddedDir(config)} …\n`);
  const embedded = await startEmbeddedPostgres({ dataDir: embeddedDir(config) });
  try {
    return await work(embedded.url);
  } finally {
    await embedded.stop({ timeoutMs: config.shutdown_ms });
  }
}

/** Runs `work` on the tables of the settings' database; a new embedded one is made ready first. */
export async function withStore<T>(config: Config, work: (store: Store) => Promise<T>): Promise<T> {
  const isNew = config.database.url === undefined && !hasEmbedded(config);
  return withDatabase(config, async (url) => {
    if (isNew) await migrateTo(url, config);
    const store = openStore(url, config, { log: quietLog(config) });
    try {
      await checkSchema(store.database);
      return await work(store);
    } finally {
      await store.database.close({ timeoutMs: 1_000 });
    }
  });
}

/** Looking must not make a database. */
export function refuseMissing(config: Config): void {
  if (config.database.url !== undefined || hasEmbedded(config)) return;
  throw new AppError(
    'CONFIG_INVALID',
    `database.url: not set, and there is no embedded database in ${embeddedDir(config)} yet; set DATABASE_URL or --data-dir`,
  );
}

/** The site of that name alone, null (all) for no name; throws `NOT_FOUND` for one that is none. */
export function siteIdsOf(
  sites: readonly { readonly site_id: number; readonly site_name: string }[],
  name: string | null,
): readonly number[] | null {
  if (name === null) return null;
  const site = sites.find(({ site_name }) => site_name === name);
  if (site === undefined) throw new AppError('NOT_FOUND', `there is no site "${name}"`);
  return [site.site_id];
}

async function migrateTo(url: string, config: Config): Promise<SchemaState> {
  return migrate(url, { log: quietLog(config), intervalS: shortestIntervalS(config) });
}

/** `headframe migrate`. */
export async function migrateDatabase(config: Config, print: Print): Promise<number> {
  const { version, edition } = await withDatabase(config, (url) => migrateTo(url, config));
  print(
    `schema version ${version} on ${edition === 'plain' ? 'plain PostgreSQL' : `TimescaleDB (${edition})`}`,
  );
  return 0;
}

/** `headframe keys create`: the key alone on stdout, so that it can go into a file. */
export async function createKey(
  config: Config,
  options: { readonly site: string; readonly label: string | null; readonly isJson: boolean },
  print: Print,
): Promise<number> {
  return withStore(config, async (store) => {
    const siteId = await store.sites.ensureSite(options.site);
    const note = commandNote({ what: 'create', thing: 'collector_key', siteId, after: {} });
    const made = await store.keys.create(siteId, options.label, note);
    if (options.isJson) {
      const { keyId: key_id, siteId: site_id, key } = made;
      print(JSON.stringify({ key_id, site_id, site: options.site, key }));
    } else {
      print(made.key);
      process.stderr.write(`Key ${made.keyId} of site "${options.site}". It is not shown again.\n`);
    }
    return 0;
  });
}

/** `headframe keys list`. */
export async function listKeys(
  config: Config,
  options: { readonly isJson: boolean },
  print: Print,
): Promise<number> {
  refuseMissing(config);
  return withStore(config, async ({ keys }) => {
    const list = await keys.list();
    print(options.isJson ? JSON.stringify(list.map(keyJson)) : keyTable(list));
    return 0;
  });
}

function keyJson(key: ListedKey): Record<string, unknown> {
  return {
    key_id: key.keyId,
    site_id: key.siteId,
    site: key.siteName,
    prefix: key.prefix,
    label: key.label,
    created_at: key.createdAt,
    last_used_at: key.lastUsedAt,
    revoked_at: key.revokedAt,
  };
}

function keyTable(list: readonly ListedKey[]): string {
  const rows = list.map((key) => [
    String(key.keyId),
    key.siteName,
    `${key.prefix}…`,
    key.revokedAt ? 'revoked' : 'active',
    key.lastUsedAt?.toISOString() ?? 'never used',
    key.label ?? '',
  ]);
  return columns([['id', 'site', 'key', 'state', 'last used', 'label'], ...rows]).join('\n');
}

/** `headframe keys revoke`; exit code 1 when no such key is active. */
export async function revokeKey(config: Config, keyId: number, print: Print): Promise<number> {
  refuseMissing(config);
  return withStore(config, async (store) => {
    const before = await store.keys.findById(keyId);
    const isRevoked =
      before !== null &&
      (await store.keys.revoke(
        keyId,
        commandNote({
          what: 'revoke',
          thing: 'collector_key',
          siteId: before.siteId,
          before: keyJson(before),
        }),
      ));
    print(isRevoked ? `key ${keyId} is revoked` : `there is no active key ${keyId}`);
    return isRevoked ? 0 : 1;
  });
}
