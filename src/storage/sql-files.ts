import { createHash } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

/** `sql/` beside `src/`, which the build copies to `dist/sql` beside `dist/src`. */
export const defaultSqlDir = fileURLToPath(new URL('../../sql', import.meta.url));

/** One file of `sql/migrations`. */
export interface MigrationFile {
  readonly version: number;
  /** `0001_create_sites_and_keys`. */
  readonly name: string;
  readonly text: string;
  /** SHA-256 of the file, hex. */
  readonly checksum: string;
}

/** Reads `sql/migrations/NNNN_verb_noun.sql` in order. Throws when a number is missing or twice. */
export function readMigrations(sqlDir: string = defaultSqlDir): MigrationFile[] {
  const dir = path.join(sqlDir, 'migrations');
  const names = readdirSync(dir)
    .filter((name) => name.endsWith('.sql'))
    .sort();
  return names.map((file, index) => {
    const version = Number(/^(\d{4})_[a-z0-9_]+\.sql$/.exec(file)?.[1]);
    if (version !== index + 1) throw new Error(`${file}: migrations are numbered 0001, 0002, … without gaps`);
    const text = readFileSync(path.join(dir, file), 'utf8');
    return {
      version,
      name: path.basename(file, '.sql'),
      text,
      checksum: createHash('sha256').update(text).digest('hex'),
    };
  });
}

/** Reads `sql/queries/<name>.sql`. */
export function readQuery(name: string, sqlDir: string = defaultSqlDir): string {
  return readFileSync(path.join(sqlDir, 'queries', `${name}.sql`), 'utf8');
}
