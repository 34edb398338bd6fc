import { randomBytes } from 'node:crypto';
import type { Config } from '../config/schema.js';
import { AppError } from '../domain/errors.js';
import { roleStatements, scramVerifier, type ReaderLimits } from '../storage/reader-grants.js';
import { ReaderRepo } from '../storage/reader.repo.js';
import { auditCommand } from './audit.js';
import { refuseMissing, withStore } from './data.js';
import { readNewPassword } from './password-prompt.js';

export interface ReaderOptions {
  readonly role: string;
  readonly passwordFile: string | undefined;
  readonly limits: ReaderLimits;
}

/**
 * `headframe db reader`: makes the role, or brings it up to date. A password made here is alone on stdout, so that it
 * can go into a file. Exit code 1 when the database does not let this role do it; what an administrator must run is told.
 */
export async function settleReader(
  config: Config,
  { role, passwordFile, limits }: ReaderOptions,
  print: (line: string) => void,
): Promise<number> {
  refuseMissing(config);
  const given = passwordFile === undefined ? null : await readNewPassword(passwordFile);
  if (given !== null && !/^[\x20-\x7e]+$/.test(given))
    throw new AppError('REQUEST_INVALID', 'the password of a database role must be printable ASCII');
  return withStore(config, async (store) => {
    const reader = new ReaderRepo(store.database);
    const isNew = !(await reader.exists(role));
    const password = given ?? randomBytes(24).toString('base64url');
    const verifier = scramVerifier(password);
    const isSettled = await reader.settle(role, { isNew, verifier, limits });
    if (!isSettled) {
      const statements = roleStatements(role, { isNew, verifier: null, limits });
      say(`this database role may not ${isNew ? 'make' : 'change'} roles; have an administrator run:`);
      for (const statement of [...statements, `\\password ${role}`]) say(`  ${statement}`);
      if (isNew) return 1;
    }
    if (!(await reader.grant(role))) {
      say('this database role does not own the tables: run it with the DATABASE_URL that migrates');
      return 1;
    }
    await auditCommand(store, {
      action: 'reader.settle',
      target: `role ${role}`,
      siteId: null,
      after: { is_new: isNew, ...(isSettled && { statement_timeout_s: limits.statementTimeoutS }) },
    });
    if (isSettled && given === null) print(password);
    say(`role ${role} reads what dashboards show, and nothing else`);
    return 0;
  });
}

const say = (line: string): void => void process.stderr.write(`${line}\n`);
