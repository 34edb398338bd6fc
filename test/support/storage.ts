import { openDatabase, type Database, type DatabaseOptions } from '../../src/storage/database.js';
import { KeysRepo } from '../../src/storage/keys.repo.js';
import { LiveRepo } from '../../src/storage/live.repo.js';
import { migrate, type MigrateOptions } from '../../src/storage/migrate.js';
import { QuirksRepo } from '../../src/storage/quirks.repo.js';
import { SiteRepo } from '../../src/storage/site.repo.js';
import { TelemetryStore } from '../../src/storage/telemetry-store.js';
import { createLogger } from '../../src/telemetry/logger.js';
import { createTestDatabase, type TestEdition } from './database.js';

export const silent = createLogger('silent');

/** A migrated database of its own, with one site and one key. */
export interface TestStorage {
  readonly url: string;
  readonly db: Database;
  readonly store: TelemetryStore;
  readonly live: LiveRepo;
  readonly sites: SiteRepo;
  readonly keys: KeysRepo;
  readonly quirks: QuirksRepo;
  /** The site and key that batches are written under. */
  readonly key: { readonly siteId: number; readonly keyId: number };
  /** Rows of a query of trusted text. */
  query<T = Record<string, unknown>>(text: string): Promise<T[]>;
  close(): Promise<void>;
}

export async function createTestStorage(
  edition: TestEdition,
  options: { migrate?: Partial<MigrateOptions>; database?: Partial<DatabaseOptions> } = {},
): Promise<TestStorage> {
  const database = await createTestDatabase({ edition });
  await migrate(database.url, { log: silent, intervalS: 10, ...options.migrate });
  const db = openTestDatabase(database.url, options.database);
  const sites = new SiteRepo(db);
  const keys = new KeysRepo(db);
  const siteId = await sites.ensureSite('north');
  const { keyId } = await keys.create(siteId);
  return {
    url: database.url,
    db,
    store: new TelemetryStore(db),
    live: new LiveRepo(db),
    sites,
    keys,
    quirks: new QuirksRepo(db),
    key: { siteId, keyId },
    query: async <T>(text: string) => {
      const rows = await db.run('test', (sql) => sql.unsafe(text));
      return rows.map((row) => ({ ...row })) as T[];
    },
    close: async () => {
      await db.close({ timeoutMs: 2_000 });
      await database.drop();
    },
  };
}

export function openTestDatabase(url: string, options: Partial<DatabaseOptions> = {}): Database {
  return openDatabase({
    url,
    poolSize: 4,
    deadlineMs: 10_000,
    connectTimeoutMs: 5_000,
    log: silent,
    ...options,
  });
}
