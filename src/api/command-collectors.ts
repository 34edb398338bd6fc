import type { Request, Response } from 'express';
import { readReport, reportStatuses } from '../domain/command-queue.js';
import type { PendingCommand } from '../domain/commands.js';
import { AppError } from '../domain/errors.js';
import { collectorOf } from './access.js';
import { commandIdPath, pendingQuery, reportBody } from './contract/command-schemas.js';
import type { ApiDeps } from './deps.js';
import { readJsonBody } from './json-body.js';
import { watchClient } from './long-poll.js';
import { readParameters } from './queries.js';

type Handle = (request: Request, response: Response) => Promise<void>;

/**
 * `GET …/commands/pending`. With `wait` it answers as soon as there is something; draining, and a client that is
 * gone, end the wait. What was claimed for a client that is gone goes back.
 */
export function createPending(deps: ApiDeps): Handle {
  const { queue, waits, options } = deps.commands;
  deps.metrics.gauge('headframe_command_polls_waiting', () => waits.waiting);
  return async (request, response) => {
    const { wait } = readParameters(pendingQuery, request.query);
    const { siteId, keyId } = collectorOf(response);
    const by = `key:${keyId}`;
    const leaseS = wait > 0 ? options.leaseS : options.noWaitLeaseS;
    const untilMs = performance.now() + wait * 1_000;
    const { gone, over } = watchClient(response, deps.lifecycle.draining);
    let commands: readonly PendingCommand[] = [];
    for (;;) {
      const mark = waits.mark(siteId);
      if (options.isEnabled && !gone.aborted) {
        const claim = await queue.claim(siteId, options.maxClaim, leaseS, by);
        commands = claim.commands;
        for (const kind of claim.expired)
          deps.metrics.add('command_execution_total', 1, { type: kind, status: 'expired' });
      }
      if (commands.length > 0) break;
      const end = await waits.wait({ siteId, keyId }, mark, untilMs - performance.now(), over);
      if (end === 'full') response.set('Retry-After', '5');
      if (end !== 'woken') break;
    }
    if (gone.aborted) {
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
export function createResult({ commands: { queue, options }, metrics }: ApiDeps): Handle {
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
