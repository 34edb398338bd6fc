import { join } from 'node:path';
import type { Config } from '../config/schema.js';
import { AppError } from '../domain/errors.js';
import { openStore, shortestIntervalS, type Store } from '../roles/store.js';
import { startEmbeddedPostgres } from '../storage/embedded/embedded-postgres.js';
import { migrate } from '../storage/migrate.js';
import { createLogger } from '../telemetry/logger.js';

type Print = (line: string) => void;

/**
 * Runs `work` on the database of the settings: `database.url`, or the embedded one in the data folder,
 * which is started for the while unless `up` runs on it already.
 */
async function withDatabase<T>(config: Config, work: (url: string) => Promise<T>): Promise<T> {
  if (config.database.url !== undefined) return work(config.database.url);
  const embedded = await startEmbeddedPostgres({ dataDir: join(config.data_dir, 'postgres') });
  try {
    return await work(embedded.url);
  } finally {
    await embedded.stop({ timeoutMs: config.shutdown_ms });
  }
}

async function withStore<T>(config: Config, work: (store: Store) => Promise<T>): Promise<T> {
  return withDatabase(config, async (url) => {
    const store = openStore(url, config, { log: createLogger(config.log_level) });
    try {
      return await work(store);
    } finally {
      await store.database.close({ timeoutMs: 1_000 });
    }
  });
}

/** `headframe migrate`. */
export async function migrateDatabase(config: Config, print: Print): Promise<number> {
  const log = createLogger(config.log_level);
  const state = await withDatabase(config, (url) => migrate(url, { log, intervalS: shortestIntervalS(config) }));
  print(`schema version ${state.version} on ${state.edition === 'plain' ? 'plain PostgreSQL' : `TimescaleDB (${state.edition})`}`);
  return 0;
}

/** `headframe keys create`. */
export async function createKey(
  config: Config,
  options: { readonly site: string; readonly label: string | null; readonly isJson: boolean },
  print: Print,
): Promise<number> {
  return withStore(config, async ({ sites, keys }) => {
    const made = await keys.create(await sites.ensureSite(options.site), options.label);
    if (options.isJson) print(JSON.stringify({ key_id: made.keyId, site_id: made.siteId, site: options.site, key: made.key }));
    else {
      print(made.key);
      process.stderr.write(`Key ${made.keyId} of site "${options.site}". It is not shown again.\n`);
    }
    return 0;
  });
}

/** `headframe keys list`. */
export async function listKeys(config: Config, options: { readonly isJson: boolean }, print: Print): Promise<number> {
  return withStore(config, async ({ keys }) => {
    const list = await keys.list();
    if (options.isJson) {
      print(
        JSON.stringify(
          list.map((key) => ({
            key_id: key.keyId,
            site_id: key.siteId,
            site: key.siteName,
            prefix: key.prefix,
            label: key.label,
            created_at: key.createdAt,
            last_used_at: key.lastUsedAt,
            revoked_at: key.revokedAt,
          })),
        ),
      );
      return 0;
    }
    const rows = list.map((key) => [
      String(key.keyId),
      key.siteName,
      `${key.prefix}…`,
      key.revokedAt ? 'revoked' : 'active',
      key.lastUsedAt?.toISOString() ?? 'never used',
      key.label ?? '',
    ]);
    for (const row of [['id', 'site', 'key', 'state', 'last used', 'label'], ...rows]) print(row.join('\t'));
    return 0;
  });
}

/** `headframe keys revoke`. */
export async function revokeKey(config: Config, id: string, print: Print): Promise<number> {
  const keyId = Number(id);
  if (!Number.isInteger(keyId) || keyId < 1) throw new AppError('CONFIG_INVALID', `keys revoke: "${id}" is no key id; see \`headframe keys list\``);
  return withStore(config, async ({ keys }) => {
    const isRevoked = await keys.revoke(keyId);
    print(isRevoked ? `key ${keyId} is revoked` : `there is no active key ${keyId}`);
    return isRevoked ? 0 : 1;
  });
}
