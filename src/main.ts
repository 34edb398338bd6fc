import { setFlagsFromString } from 'node:v8';
import { Command, CommanderError } from 'commander';
import { addClusterCommands } from './cli/cluster-commands.js';
import { addControlCommands } from './cli/control-commands.js';
import { addDataCommands } from './cli/data-commands.js';
import { addPlanCommands } from './cli/plan-commands.js';
import { addRoleCommands } from './cli/role-commands.js';
import { addToolCommands } from './cli/tool-commands.js';
import { version } from './config/paths.js';
import { AppError, errorTable, type ErrorCode } from './domain/errors.js';

/** Exit codes by error, as `docs/errors.md` lists them; everything else is 1. */
const exitCodes: Partial<Record<ErrorCode, number>> = {
  CONFIG_INVALID: 78,
  RANGE_INVALID: 78,
  DATABASE_UNAVAILABLE: 69,
  API_UNAVAILABLE: 69,
  EMBEDDED_UNAVAILABLE: 69,
  QUEUE_UNAVAILABLE: 69,
  INTERRUPTED: 130,
};

async function main(argv: readonly string[]): Promise<number> {
  const result = { code: 0 };
  const program = new Command('headframe')
    .description('Polls Bitcoin-mining farms and keeps what they say in TimescaleDB.')
    .version(version)
    .showHelpAfterError('`headframe help [command]` shows how.')
    .exitOverride();
  const finish = (code: number): void => {
    result.code = code;
  };
  addRoleCommands(program, finish);
  addToolCommands(program, finish);
  addControlCommands(program, finish);
  addPlanCommands(program, finish);
  addClusterCommands(program, finish);
  addDataCommands(program, finish);
  try {
    await program.parseAsync([...argv], { from: 'user' });
    return result.code;
  } catch (error) {
    if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : 2;
    if (!(error instanceof AppError)) throw error;
    process.stderr.write(`headframe: ${explain(error)}\n`);
    return exitCodes[error.code] ?? 1;
  }
}

/** Errors whose message says what is, and whose table says what to do about it. */
const advised: ReadonlySet<ErrorCode> = new Set(['DATABASE_EDITION', 'DATABASE_VERSION', 'EMBEDDED_VERSION']);

/** What happened, the system's reason where the message leaves it out, and what to do. */
function explain({ code, message, cause }: AppError): string {
  const reason = cause instanceof Error ? cause.message : '';
  const what = reason === '' || message.includes(reason) ? message : `${message}: ${reason}`;
  return advised.has(code) ? `${what}\n${errorTable[code].fix}` : what;
}

// A reader that closes the pipe (`headframe … | head`) is no fault, nor is a terminal that is gone.
for (const stream of [process.stdout, process.stderr]) {
  stream.on('error', (error: NodeJS.ErrnoException) => {
    if (error.code !== 'EPIPE' && error.code !== 'EIO') throw error;
  });
}

// On a large machine V8 lets the heap grow to four times what is alive before it collects: rows that pass
// through as text would add up to more than the program itself.
setFlagsFromString('--heap-growing-percent=50');

process.exit(await main(process.argv.slice(2)));
