import type { Request, Response } from 'express';
import type { CommandEvent, CommandRecord, NewCommand, ReadReport } from '../domain/command-queue.js';
import { readReport, reportStatuses } from '../domain/command-queue.js';
import {
  commandKinds,
  isFault,
  readOrder,
  type CommandKind,
  type CommandOrder,
  type CommandStatus,
  type PendingCommand,
} from '../domain/commands.js';
import { AppError } from '../domain/errors.js';
import { askedSites, collectorOf, principalOf } from './access.js';
import type { Audit, Change } from './audit.js';
import type { CommandWaits } from './command-waits.js';
import type { commandRoutes } from './contract/command-routes.js';
import {
  commandBody,
  commandIdPath,
  commandSiteQuery,
  historyQuery,
  pendingQuery,
  reportBody,
} from './contract/command-schemas.js';
import type { ApiDeps } from './deps.js';
import { readJsonBody } from './json-body.js';
import { readParameters } from './queries.js';
import { thingOf } from './site-guard.js';

/** What the routes of commands need of the outside; what does not exist is null. */
export interface CommandDeps {
  readonly queue: {
    create(command: NewCommand, dailyCap: number): Promise<number>;
    claim(
      siteId: number,
      limit: number,
      leaseS: number,
      by: string,
    ): Promise<{ readonly commands: readonly PendingCommand[]; readonly expired: readonly CommandKind[] }>;
    release(commandIds: readonly number[], by: string): Promise<void>;
    settle(
      commandId: number,
      siteId: number,
      report: ReadReport,
      by: string,
      confirmS: CommandOptions['confirmS'],
    ): Promise<{
      readonly kind: CommandKind | null;
      readonly status: CommandStatus | null;
      readonly isMoved: boolean;
      readonly tookS: number | null;
    } | null>;
    cancel(commandId: number, siteIds: readonly number[] | null, by: string): Promise<CommandKind | null>;
    list(query: {
      readonly siteIds: readonly number[] | null;
      readonly miner: string | null;
      readonly status: CommandStatus | null;
      readonly batchId: number | null;
      readonly limit: number;
    }): Promise<readonly CommandRecord[]>;
    find(
      commandId: number,
      siteIds: readonly number[] | null,
    ): Promise<{ readonly command: CommandRecord; readonly events: readonly CommandEvent[] } | null>;
    stats(siteIds: readonly number[] | null): Promise<object>;
  };
  readonly waits: CommandWaits;
  readonly options: CommandOptions;
}

/** Settings under `commands.*`. */
export interface CommandOptions {
  /** False: nothing is taken and nothing handed out. */
  readonly isEnabled: boolean;
  /** Kinds that may be given. */
  readonly allow: ReadonlySet<CommandKind>;
  /** Commands handed out at once. */
  readonly maxClaim: number;
  /** How long a collector that waits has for a result; and one that does not, s. */
  readonly leaseS: number;
  readonly noWaitLeaseS: number;
  /** Of a site in a day. */
  readonly dailyCap: number;
  readonly maxTtlS: number;
  /** How long samples may take to show what a command of a kind did, s. */
  readonly confirmS: Readonly<Record<CommandKind, number>>;
}

type Handle = (request: Request, response: Response) => Promise<void>;

/** The handlers of `commandRoutes`. */
export function createCommandHandlers(
  deps: ApiDeps,
  audit: Audit,
): Record<keyof typeof commandRoutes, Handle> {
  const { queue, options } = deps.commands;

  const masked = (command: CommandRecord): CommandRecord =>
    options.isEnabled || command.status !== 'pending' ? command : { ...command, waits_for: 'disabled' };
  const find = async (commandId: number) => {
    const found = await queue.find(commandId, null);
    if (found === null) throw new AppError('NOT_FOUND', 'Command not found');
    return { command: masked(found.command), events: found.events };
  };

  return {
    'get /api/collector/commands/pending': createPending(deps),
    'post /api/collector/commands/:id/result': createResult(deps),
    'post /api/collector/commands': async (request, response) => {
      const body = await readJsonBody(request, commandBody);
      const { kind, params } = readAllowedOrder(options, body.command_type, body.parameters);
      const ttlS = Math.min(body.ttl_minutes * 60, options.maxTtlS);
      const { site_id: siteId, miner_id: miner, ip_address: ip, priority } = body;
      const order = {
        siteId,
        miner,
        ip,
        kind,
        params: { ...params },
        priority,
        ttlS,
        by: principalOf(response).name,
      };
      const commandId = await queue.create(order, options.dailyCap);
      deps.metrics.add('command_created_total', 1, { type: kind });
      const { command } = await find(commandId);
      await audit(request, response, commandChanged('create', command, null, command));
      response.json({ success: true, command_id: commandId, command });
    },
    'delete /api/collector/commands/:id': async (request, response) => {
      const { id } = readParameters(commandIdPath, request.params);
      const kind = await queue.cancel(id, null, principalOf(response).name);
      if (kind === null) throw new AppError('NOT_FOUND', 'Command not found');
      deps.metrics.add('command_execution_total', 1, { type: kind, status: 'cancelled' });
      const before = thingOf<CommandRecord>(response);
      await audit(request, response, commandChanged('cancel', before, before, null));
      response.json({ success: true, message: 'Command cancelled' });
    },
    'get /api/collector/commands/history': async (request, response) => {
      const { site_id, miner_id, status, batch_id, limit } = readParameters(historyQuery, request.query);
      const siteIds = askedSites(response, site_id);
      const query = {
        siteIds,
        miner: miner_id ?? null,
        status: status ?? null,
        batchId: batch_id ?? null,
        limit,
      };
      const commands = (await queue.list(query)).map(masked);
      response.json({ success: true, commands, count: commands.length });
    },
    'get /api/collector/commands/stats': async (request, response) => {
      const { site_id } = readParameters(commandSiteQuery, request.query);
      response.json({ success: true, ...(await queue.stats(askedSites(response, site_id))) });
    },
    'get /api/collector/commands/:id': async (request, response) => {
      response.json({ success: true, ...(await find(readParameters(commandIdPath, request.params).id)) });
    },
  };
}

/** Tells the audit log of a command. */
const commandChanged = (
  what: string,
  { command_id: id, site_id: siteId }: CommandRecord,
  before: CommandRecord | null,
  after: CommandRecord | null,
): Change => ({ action: `command.${what}`, target: `command ${id}`, siteId, before, after });

/**
 * The order that was asked for. Throws `COMMAND_REFUSED` while commands are off or for a kind that is not allowed,
 * `REQUEST_INVALID` naming what is wrong with it.
 */
function readAllowedOrder(options: CommandOptions, type: string, parameters: unknown): CommandOrder {
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

/**
 * `GET …/commands/pending`. With `wait` it answers as soon as there is something; draining, and a client that is
 * gone, end the wait. What was claimed for a client that is gone goes back.
 */
function createPending(deps: ApiDeps): Handle {
  const { queue, waits, options } = deps.commands;
  deps.metrics.gauge('headframe_command_polls_waiting', () => waits.waiting);
  return async (request, response) => {
    const { wait } = readParameters(pendingQuery, request.query);
    const { siteId, keyId } = collectorOf(response);
    const by = `key:${keyId}`;
    const leaseS = wait > 0 ? options.leaseS : options.noWaitLeaseS;
    const untilMs = performance.now() + wait * 1_000;
    const gone = new AbortController();
    response.once('close', () => gone.abort());
    const signal = AbortSignal.any([gone.signal, deps.lifecycle.draining]);
    let commands: readonly PendingCommand[] = [];
    for (;;) {
      const mark = waits.mark(siteId);
      if (options.isEnabled) {
        const claim = await queue.claim(siteId, options.maxClaim, leaseS, by);
        commands = claim.commands;
        for (const kind of claim.expired)
          deps.metrics.add('command_execution_total', 1, { type: kind, status: 'expired' });
      }
      if (commands.length > 0) break;
      const end = await waits.wait(siteId, mark, untilMs - performance.now(), signal);
      if (end === 'full') response.set('Retry-After', '5');
      if (end !== 'woken') break;
    }
    if (gone.signal.aborted) {
      if (commands.length > 0)
        await queue.release(
          commands.map((command) => command.command_id),
          by,
        );
      return;
    }
    response.json({ success: true, commands, count: commands.length });
  };
}

/** `POST …/commands/{id}/result`. */
function createResult({ commands: { queue, options }, metrics }: ApiDeps): Handle {
  return async (request, response) => {
    const { siteId, keyId } = collectorOf(response);
    const { id } = readParameters(commandIdPath, request.params);
    const report = readReport(await readJsonBody(request, reportBody));
    if (report === null)
      throw new AppError('REQUEST_INVALID', `Invalid status: must be one of ${reportStatuses.join(', ')}`);
    const settled = await queue.settle(id, siteId, report, `key:${keyId}`, options.confirmS);
    if (settled === null) throw new AppError('NOT_FOUND', 'Command not found');
    const { kind, status, isMoved, tookS } = settled;
    if (isMoved && kind !== null && status !== null) {
      metrics.add('command_execution_total', 1, { type: kind, status });
      if (tookS !== null) metrics.observe('command_execution_seconds', tookS, { type: kind });
    }
    response.json({ success: true, message: 'Result reported successfully' });
  };
}
