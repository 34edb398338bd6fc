import { chmod, mkdir, stat } from 'node:fs/promises';
import path from 'node:path';
import { AppError } from '../../domain/errors.js';

/** Who runs PostgreSQL; empty means the user of this process. */
export interface Account {
  readonly uid?: number;
  readonly gid?: number;
}

/** `nobody`: PostgreSQL refuses uid 0 and insists on a uid that has a name. */
const NOBODY = { uid: 65_534, gid: 65_534 };

/**
 * The account for the cluster in `clusterDir`: this process's own unless it is root; for root the
 * owner of an existing cluster, so that one made by a user keeps its owner, and `nobody` for a new one.
 */
export async function accountFor(clusterDir: string): Promise<Account> {
  if (process.getuid?.() !== 0) return {};
  const owner = await stat(clusterDir).catch(() => null);
  return owner === null || owner.uid === 0 ? NOBODY : { uid: owner.uid, gid: owner.gid };
}

/** The first folder on the way down to `dir` that `account` cannot pass through, or null. `dir` exists. */
export async function closedFolder(dir: string, account: Account): Promise<string | null> {
  if (account.uid === undefined) return null;
  const { root } = path.parse(path.resolve(dir));
  const names = path.relative(root, path.resolve(dir)).split(path.sep);
  for (let depth = 0; depth <= names.length; depth += 1) {
    const folder = path.join(root, ...names.slice(0, depth));
    const { mode, uid, gid } = await stat(folder);
    const bit = uid === account.uid ? 0o100 : gid === account.gid ? 0o010 : 0o001;
    if ((mode & bit) === 0) return folder;
  }
  return null;
}

/**
 * Makes `dir` where needed and lets `account` pass through it; the folders above it are not changed.
 * Throws `EMBEDDED_UNAVAILABLE`, naming the folder in the way.
 */
export async function openFolder(dir: string, account: Account): Promise<void> {
  await mkdir(dir, { recursive: true });
  if (account.uid !== undefined) await chmod(dir, (await stat(dir)).mode | 0o011);
  const closed = await closedFolder(dir, account);
  if (closed === null) return;
  throw new AppError(
    'EMBEDDED_UNAVAILABLE',
    `PostgreSQL does not run as root, and its user ${account.uid} cannot reach ${dir}: ${closed} is closed to others. ` +
      'Choose a data folder outside it, such as --data-dir /var/lib/headframe, or set DATABASE_URL.',
  );
}
