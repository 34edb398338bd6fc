import { randomBytes } from 'node:crypto';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { AppError } from '../domain/errors.js';
import type { Config } from './schema.js';

/** Where a folder of keys has that of a site; names of sites are safe as names of files. */
const fileOf = (folder: string, site: string): string => join(folder, `${site}.key`);

/** Of a site in a folder of keys; null when it is not there. @throws AppError CONFIG_INVALID when it cannot be read. */
function readKey(folder: string, site: string): string | null {
  const file = fileOf(folder, site);
  try {
    return readFileSync(file, 'utf8').trim();
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return null;
    throw new AppError('CONFIG_INVALID', `cannot read ${file}: ${(error as Error).message}`, {
      cause: error,
    });
  }
}

/**
 * The collector key of a site: its own setting, else its file in `upload.keys_dir`; null when there is none.
 *
 * @throws AppError CONFIG_INVALID when the file cannot be read.
 */
export function collectorKeyOf(
  { upload }: Pick<Config, 'upload'>,
  site: Pick<Config['sites'][number], 'name' | 'key'>,
): string | null {
  return site.key ?? (upload.keys_dir === undefined ? null : readKey(upload.keys_dir, site.name));
}

/** The key of a site in a folder of keys, made when it is not there; whoever makes it first is heard. */
export function ensureKeyFile(folder: string, site: string): string {
  const known = readKey(folder, site);
  if (known !== null) return known;
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  const key = `hsc_${randomBytes(32).toString('base64url')}`;
  try {
    writeFileSync(fileOf(folder, site), `${key}\n`, { mode: 0o600, flag: 'wx' });
    return key;
  } catch (error) {
    const other = readKey(folder, site);
    if (other) return other;
    throw new AppError('CONFIG_INVALID', `cannot make ${fileOf(folder, site)}: ${(error as Error).message}`, {
      cause: error,
    });
  }
}
