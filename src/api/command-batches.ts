import type { Request, Response } from 'express';
import { planBatch, type BatchPlan } from '../domain/command-batches.js';
import type { CommandOrder } from '../domain/commands.js';
import { AppError } from '../domain/errors.js';
import type { z } from 'zod';
import { askedSites, sitesOf } from './access.js';
import { authorOf } from './audit.js';
import { readAllowedOrder, refusalOf, ttlSeconds } from './command-order.js';
import type { CommandDeps } from './commands.js';
import type { commandRoutes } from './contract/command-routes.js';
import { batchBody, batchIdPath, batchListQuery, maxBatchBytes } from './contract/batch-schemas.js';
import { emptyBody } from './contract/alert-schemas.js';
import type { ApiDeps } from './deps.js';
import { readJsonBody } from './json-body.js';
import { readParameters } from './queries.js';

type Handle = (request: Request, response: Response) => Promise<void>;
type BatchRoute = Extract<keyof typeof commandRoutes, `${string}/commands/batch${string}`>;
type BatchBody = z.output<typeof batchBody>;

/** The handlers of batches. */
export function createBatchHandlers(deps: ApiDeps): Record<BatchRoute, Handle> {
  const { commands, metrics } = deps;
  const { batches, options } = commands;
  const found = <T>(value: T | null): T => {
    if (value === null) throw new AppError('NOT_FOUND', 'Batch not found');
    return value;
  };
  const idOf = (request: Request): number => readParameters(batchIdPath, request.params).id;

  return {
    'post /api/collector/commands/batch': async (request, response) => {
      const body = await readJsonBody(request, batchBody, maxBatchBytes);
      const order = readAllowedOrder(options, body.command_type, body.parameters);
      const { minerIds, plan } = await planOf(commands, body, order);
      if (plan.count > options.maxBatch)
        throw new AppError(
          'COMMAND_REFUSED',
          `${plan.count} miners are more than the ${options.maxBatch} of a batch (commands.max_batch)`,
        );
      const needsApproval = options.approvalAbove > 0 && plan.count > options.approvalAbove;
      const { sample, refused } = plan;
      const shown = {
        needs_approval: needsApproval,
        waves: wavesOf(plan.count, body.wave_size),
        sample,
        refused,
      };
      if (body.dry_run) {
        const message = `${plan.count} commands would be created`;
        response.json({
          success: true,
          dry_run: true,
          count: plan.count,
          command_ids: [],
          batch_id: null,
          message,
          ...shown,
        });
        return;
      }
      const made = await batches.create(
        {
          siteId: body.site_id,
          minerIds,
          kind: order.kind,
          params: { ...order.params },
          priority: body.priority,
          ttlS: ttlSeconds(options, body.ttl_minutes),
          by: authorOf(request, response),
          filter: body.miner_ids === undefined ? body.filter : null,
          refused: plan.refusedSorts,
          waveSize: body.wave_size,
          pauseS: body.pause_s,
          maxFailedPercent: body.max_failed_percent,
          needsApproval,
          holdS: options.holdS,
        },
        options.dailyCap,
      );
      if (made === null) throw new AppError('COMMAND_REFUSED', nobody(plan));
      metrics.add('command_created_total', made.commandIds.length, { type: order.kind });
      const count = made.commandIds.length;
      const message = `${count} commands created${needsApproval ? ', waiting for approval' : ''}`;
      const answer = { count, command_ids: made.commandIds, batch_id: made.batchId, message, ...shown };
      response.json({ success: true, dry_run: false, ...answer });
    },
    'get /api/collector/commands/batches': async (request, response) => {
      const { site_id, limit } = readParameters(batchListQuery, request.query);
      const list = await batches.list(askedSites(response, site_id), limit);
      response.json({ success: true, batches: list, count: list.length });
    },
    'get /api/collector/commands/batches/:id': async (request, response) => {
      const batch = found(await batches.find(idOf(request), sitesOf(response)));
      response.json({ success: true, batch });
    },
    'delete /api/collector/commands/batches/:id': async (request, response) => {
      const id = idOf(request);
      const { kind, n } = found(await batches.cancel(id, sitesOf(response), authorOf(request, response)));
      if (kind !== null) metrics.add('command_execution_total', n, { type: kind, status: 'cancelled' });
      response.json({ success: true, message: `Batch cancelled, and ${n} commands of it` });
    },
    'post /api/collector/commands/batches/:id/approve': async (request, response) => {
      const id = idOf(request);
      await readJsonBody(request, emptyBody);
      found((await batches.approve(id, sitesOf(response), authorOf(request, response))) || null);
      response.json({ success: true, message: 'Batch approved' });
    },
  };
}

/** Who is meant, and what would become of it. */
async function planOf(
  commands: CommandDeps,
  body: BatchBody,
  order: CommandOrder,
): Promise<{ readonly minerIds: Int32Array; readonly plan: BatchPlan }> {
  const { site_id: siteId, miner_ids: names, filter } = body;
  const { ids, unknown } =
    names === undefined
      ? { ids: await commands.filter(siteId, filter), unknown: [] }
      : await commands.batches.resolve(siteId, names);
  if (ids.length === 0 && !(await commands.batches.isSite(siteId)))
    throw new AppError('NOT_FOUND', 'No such site');
  const groups = ids.length === 0 ? [] : await commands.batches.inspect(siteId, ids, order.kind);
  return { minerIds: ids, plan: planBatch(groups, unknown, (sort) => refusalOf(commands, order, sort)) };
}

const wavesOf = (count: number, size: number | null): number =>
  size === null ? Math.min(count, 1) : Math.ceil(count / size);

function nobody({ refused }: BatchPlan): string {
  const reasons = refused.map(({ reason, count }) => `${count}: ${reason}`);
  return `No miner is left to be told${reasons.length === 0 ? '' : ` (${reasons.join('; ')})`}`;
}
