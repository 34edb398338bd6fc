import type { Request, Response } from 'express';
import type { CommandEvent, CommandRecord, NewCommand, ReadReport } from '../domain/command-queue.js';
import type { Author } from '../domain/people.js';
import type { BatchRecord, MinerSort, NewBatch, TargetGroup } from '../domain/command-batches.js';
import type { CommandKind, CommandOrder, CommandStatus, PendingCommand } from '../domain/commands.js';
import type { LiveFilter } from '../domain/ingest.js';
import { AppError } from '../domain/errors.js';
import { createBatchHandlers } from './command-batches.js';
import { askedSites, sitesOf } from './access.js';
import { authorOf } from './audit.js';
import { createPending, createResult } from './command-collectors.js';
import { createOptions } from './command-options.js';
import { readAllowedOrder, refusalOf, ttlSeconds } from './command-order.js';
import type { CommandWaits } from './command-waits.js';
import type { commandRoutes } from './contract/command-routes.js';
import { commandBody, commandIdPath, commandSiteQuery, historyQuery } from './contract/command-schemas.js';
import type { ApiDeps } from './deps.js';
import { readJsonBody } from './json-body.js';
import { readParameters } from './queries.js';

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
    cancel(commandId: number, siteIds: readonly number[] | null, by: Author): Promise<CommandKind | null>;
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
  readonly batches: {
    isSite(siteId: number): Promise<boolean>;
    resolve(
      siteId: number,
      names: readonly string[],
    ): Promise<{ readonly ids: Int32Array; readonly unknown: readonly string[] }>;
    inspect(siteId: number, minerIds: Int32Array, kind: CommandKind): Promise<readonly TargetGroup[]>;
    create(
      batch: NewBatch,
      dailyCap: number,
    ): Promise<{ readonly batchId: number; readonly commandIds: readonly number[] } | null>;
    list(siteIds: readonly number[] | null, limit: number): Promise<readonly BatchRecord[]>;
    find(batchId: number, siteIds: readonly number[] | null): Promise<BatchRecord | null>;
    cancel(
      batchId: number,
      siteIds: readonly number[] | null,
      by: Author,
    ): Promise<{ readonly kind: CommandKind | null; readonly n: number } | null>;
    approve(batchId: number, siteIds: readonly number[] | null, by: Author): Promise<boolean>;
  };
  /** Surrogate ids of the miners of a site that match, by name. */
  filter(siteId: number, filter: LiveFilter): Promise<Int32Array>;
  /** Why miners of a sort cannot do it; null when they can, or nobody knows. */
  refuse(order: CommandOrder, sort: MinerSort): string | null;
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
  /** Commands of one batch. */
  readonly maxBatch: number;
  /** A batch of more needs a second person; 0: none does. */
  readonly approvalAbove: number;
  /** How long commands may be held back for approval or their wave, s. */
  readonly holdS: number;
  /** How long samples may take to show what a command of a kind did, s. */
  readonly confirmS: Readonly<Record<CommandKind, number>>;
}

type Handle = (request: Request, response: Response) => Promise<void>;

/** The handlers of `commandRoutes`. */
export function createCommandHandlers(deps: ApiDeps): Record<keyof typeof commandRoutes, Handle> {
  const { queue, options } = deps.commands;
  const shown = (command: CommandRecord): CommandRecord =>
    options.isEnabled || command.status !== 'pending' ? command : { ...command, waits_for: 'disabled' };
  const find = async (commandId: number, siteIds: readonly number[] | null) => {
    const found = await queue.find(commandId, siteIds);
    if (found === null) throw new AppError('NOT_FOUND', 'Command not found');
    return { command: shown(found.command), events: found.events };
  };

  return {
    'get /api/collector/commands/pending': createPending(deps),
    'post /api/collector/commands/:id/result': createResult(deps),
    ...createBatchHandlers(deps),
    'get /api/collector/commands/options': createOptions(deps.commands),
    'post /api/collector/commands': async (request, response) => {
      const body = await readJsonBody(request, commandBody);
      const order = readAllowedOrder(options, body.command_type, body.parameters);
      const { site_id: siteId, miner_id: miner, ip_address: ip, priority } = body;
      await refuseImpossible(deps.commands, siteId, miner, order);
      const { kind, params } = order;
      const ttlS = ttlSeconds(options, body.ttl_minutes);
      const wanted = {
        siteId,
        miner,
        ip,
        kind,
        params: { ...params },
        priority,
        ttlS,
        by: authorOf(request, response),
      };
      const commandId = await queue.create(wanted, options.dailyCap);
      deps.metrics.add('command_created_total', 1, { type: kind });
      const { command } = await find(commandId, null);
      response.json({ success: true, command_id: commandId, command });
    },
    'delete /api/collector/commands/:id': async (request, response) => {
      const { id } = readParameters(commandIdPath, request.params);
      const kind = await queue.cancel(id, sitesOf(response), authorOf(request, response));
      if (kind === null) throw new AppError('NOT_FOUND', 'Command not found');
      deps.metrics.add('command_execution_total', 1, { type: kind, status: 'cancelled' });
      response.json({ success: true, message: 'Command cancelled' });
    },
    'get /api/collector/commands/history': async (request, response) => {
      const { site_id, miner_id, status, batch_id, limit } = readParameters(historyQuery, request.query);
      const commands = await queue.list({
        siteIds: askedSites(response, site_id),
        miner: miner_id ?? null,
        status: status ?? null,
        batchId: batch_id ?? null,
        limit,
      });
      response.json({ success: true, commands: commands.map(shown), count: commands.length });
    },
    'get /api/collector/commands/stats': async (request, response) => {
      const { site_id } = readParameters(commandSiteQuery, request.query);
      response.json({ success: true, ...(await queue.stats(askedSites(response, site_id))) });
    },
    'get /api/collector/commands/:id': async (request, response) => {
      const { id } = readParameters(commandIdPath, request.params);
      response.json({ success: true, ...(await find(id, sitesOf(response))) });
    },
  };
}

/** Throws `COMMAND_REFUSED` for what the miner is known not to be able to do. */
async function refuseImpossible(
  commands: CommandDeps,
  siteId: number,
  miner: string,
  order: CommandOrder,
): Promise<void> {
  const { ids } = await commands.batches.resolve(siteId, [miner]);
  if (ids.length === 0) return;
  const [sort] = await commands.batches.inspect(siteId, ids, order.kind);
  const reason = sort === undefined ? null : refusalOf(commands, order, sort);
  if (reason !== null) throw new AppError('COMMAND_REFUSED', `The miner cannot do this: ${reason}`);
}
