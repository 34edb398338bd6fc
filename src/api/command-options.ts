import type { Request, Response } from 'express';
import type { MinerSort } from '../domain/command-batches.js';
import { commandKinds, type CommandKind, type CommandOrder } from '../domain/commands.js';
import type { CommandDeps } from './commands.js';
import { optionsQuery } from './contract/command-schemas.js';
import { readParameters } from './queries.js';

/** One way to say what a kind is to do: which parameters, and an order of that form. */
interface Form {
  readonly fields: readonly string[];
  readonly order: CommandOrder;
}

/** Forms by kind. The values stand for any: what a model's bounds refuse is told when it is asked for. */
const forms: Readonly<Record<CommandKind, readonly Form[]>> = {
  enable: [{ fields: [], order: { kind: 'enable', params: {} } }],
  disable: [{ fields: [], order: { kind: 'disable', params: {} } }],
  restart: [{ fields: [], order: { kind: 'restart', params: {} } }],
  reboot: [{ fields: [], order: { kind: 'reboot', params: {} } }],
  set_pool: [
    {
      fields: ['pool_url', 'pool_user', 'pool_password'],
      order: {
        kind: 'set_pool',
        params: { pool_url: 'stratum+tcp://pool.example.com:3333', pool_user: 'worker' },
      },
    },
    { fields: ['pool_id'], order: { kind: 'set_pool', params: { pool_id: 0 } } },
  ],
  set_fan: [{ fields: ['speed'], order: { kind: 'set_fan', params: { speed: 80 } } }],
  set_frequency: [
    { fields: ['frequency'], order: { kind: 'set_frequency', params: { frequency: 500 } } },
    { fields: ['percent'], order: { kind: 'set_frequency', params: { percent: 0 } } },
  ],
};

/** Answers what may be told, here or to one miner, and why the rest may not. */
export function createOptions(
  commands: CommandDeps,
): (request: Request, response: Response) => Promise<void> {
  const { options } = commands;
  return async (request, response) => {
    const { site_id: siteId, miner_id: miner } = readParameters(optionsQuery, request.query);
    const sort = siteId === undefined || miner === undefined ? null : await sortOf(commands, siteId, miner);
    response.json({
      success: true,
      enabled: options.isEnabled,
      approval_above: options.approvalAbove,
      max_batch: options.maxBatch,
      kinds: commandKinds.map((kind) => kindOptions(commands, kind, sort)),
    });
  };
}

function kindOptions({ options, refuse }: CommandDeps, kind: CommandKind, sort: MinerSort | null) {
  const ways = forms[kind].map(({ fields, order }) => ({
    fields,
    refused: sort === null ? null : refuse(order, sort),
  }));
  const isRefused = ways.every(({ refused }) => refused !== null);
  return {
    command: kind,
    refused: options.allow.has(kind)
      ? isRefused
        ? (ways[0]?.refused ?? null)
        : null
      : 'not allowed here (commands.allow)',
    forms: ways,
  };
}

async function sortOf({ batches }: CommandDeps, siteId: number, miner: string): Promise<MinerSort | null> {
  const { ids } = await batches.resolve(siteId, [miner]);
  if (ids.length === 0) return null;
  const [sort] = await batches.inspect(siteId, ids, 'enable');
  return sort ?? null;
}
