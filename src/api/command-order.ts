import type { MinerSort } from '../domain/command-batches.js';
import { commandKinds, isFault, readOrder, type CommandOrder } from '../domain/commands.js';
import { AppError } from '../domain/errors.js';
import { refuseFrequency } from '../domain/frequency-ranges.js';
import type { CommandDeps, CommandOptions } from './commands.js';

/**
 * The order that was asked for. Throws `COMMAND_REFUSED` while commands are off or for a kind that is not allowed,
 * `REQUEST_INVALID` naming what is wrong with it.
 */
export function readAllowedOrder(options: CommandOptions, type: string, parameters: unknown): CommandOrder {
  if (!options.isEnabled)
    throw new AppError('COMMAND_REFUSED', 'Commands are switched off (commands.enabled)');
  const kind = commandKinds.find((name) => name === type);
  if (kind === undefined)
    throw new AppError(
      'REQUEST_INVALID',
      `Invalid command_type: ${type.slice(0, 40)}; valid types: ${commandKinds.join(', ')}`,
    );
  if (!options.allow.has(kind))
    throw new AppError('COMMAND_REFUSED', `Commands of type ${kind} are not allowed here (commands.allow)`);
  const read = readOrder(kind, parameters);
  if (isFault(read)) throw new AppError('REQUEST_INVALID', `Invalid ${read.field}: ${read.message}`);
  return read;
}

/** Why miners of a sort cannot do it, in words; null when they can, or nobody knows. */
export function refusalOf(
  { refuse }: Pick<CommandDeps, 'refuse'>,
  order: CommandOrder,
  sort: MinerSort,
): string | null {
  if (order.kind === 'set_frequency' && 'frequency' in order.params) {
    const reason = refuseFrequency(sort.model, order.params.frequency);
    if (reason !== null) return reason;
  }
  return refuse(order, sort);
}

/** How long a command may wait, s. */
export const ttlSeconds = ({ maxTtlS }: CommandOptions, minutes: number): number =>
  Math.min(Math.ceil(minutes * 60), maxTtlS);
