import { Command, CommanderError } from 'commander';
import { addDataCommands } from './cli/data-commands.js';
import { addRoleCommands } from './cli/role-commands.js';
import { addToolCommands } from './cli/tool-commands.js';
import { version } from './config/paths.js';
import { AppError, type ErrorCode } from './domain/errors.js';

/** Exit codes by error, as `docs/errors.md` lists them; everything else is 1. */
const exitCodes: Partial<Record<ErrorCode, number>> = {
  CONFIG_INVALID: 78,
  RANGE_INVALID: 78,
  DATABASE_UNAVAILABLE: 69,
  EMBEDDED_UNAVAILABLE: 69,
  QUEUE_UNAVAILABLE: 69,
};

async function main(argv: readonly string[]): Promise<number> {
  const result = { code: 0 };
  const program = new Command('headframe')
    .description('Polls Bitcoin-mining farms and keeps what they say in TimescaleDB.')
    .version(version)
    .showHelpAfterError()
    .exitOverride();
  const finish = (code: number): void => {
    result.code = code;
  };
  addRoleCommands(program, finish);
  addToolCommands(program, finish);
  addDataCommands(program, finish);
  try {
    await program.parseAsync([...argv], { from: 'user' });
    return result.code;
  } catch (error) {
    if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : 2;
    if (!(error instanceof AppError)) throw error;
    process.stderr.write(`headframe: ${error.message}\n`);
    return exitCodes[error.code] ?? 1;
  }
}

// A reader that closes the pipe (`headframe … | head`) is no fault.
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  if (error.code !== 'EPIPE') throw error;
});

process.exit(await main(process.argv.slice(2)));
