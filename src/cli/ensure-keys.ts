import { collectorKeyOf, ensureKeyFile } from '../config/collector-keys.js';
import type { Config } from '../config/schema.js';
import { AppError } from '../domain/errors.js';
import type { Store } from '../roles/store.js';
import { hashKey } from '../storage/keys.repo.js';
import { commandNote } from './audit.js';
import { withStore } from './data.js';

/**
 * `headframe keys ensure`: every site of the settings has a key, made into `upload.keys_dir` where there is none, and
 * the database knows it. Again, it changes nothing.
 */
export async function ensureKeys(config: Config, print: (line: string) => void): Promise<number> {
  if (config.sites.length === 0) {
    print('the settings name no sites');
    return 0;
  }
  return withStore(config, async (store) => {
    for (const { name, key: own } of config.sites) {
      const key = collectorKeyOf(config, { name, key: own }) ?? newKey(config, name);
      print(`${name}: ${await register(store, name, key)}`);
    }
    return 0;
  });
}

function newKey({ upload }: Config, site: string): string {
  if (upload.keys_dir !== undefined) return ensureKeyFile(upload.keys_dir, site);
  throw new AppError(
    'CONFIG_INVALID',
    `site "${site}" has no collector key: set upload.keys_dir to the folder to make it in, or sites[].key_file`,
  );
}

async function register(store: Store, site: string, key: string): Promise<string> {
  const siteId = await store.sites.ensureSite(site);
  const known = await store.keys.find(hashKey(key));
  if (known?.siteId === siteId) return `key ${known.keyId}, as before`;
  const note = commandNote({ what: 'create', thing: 'collector_key', siteId, after: {} });
  const made = await store.keys.import(siteId, key, 'from a file', note);
  return `key ${made.keyId}, new to the database`;
}
