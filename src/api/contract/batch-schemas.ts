import { z } from 'zod';
import { batchStates } from '../../domain/command-batches.js';
import { commandKinds } from '../../domain/commands.js';
import { parseCidr } from '../../domain/cidr.js';
import type { LiveFilter } from '../../domain/ingest.js';
import { minerStates } from '../../domain/telemetry.js';
import { count, maybeNumber, maybeText, maybeTime, number, time } from './answers.js';
import { id, idText, minerName, object, orderFields } from './command-schemas.js';
import { int } from './parameters.js';

const words = (what: string) => minerName.nullish().meta({ description: what });

const filter = z
  .strictObject({
    all: z.literal(true).optional().meta({ description: 'Every miner of the site: must be said.' }),
    model: words('Model, whole, in any case.'),
    firmware: words('Firmware, whole, in any case.'),
    state: z.enum([...minerStates, 'stale']).nullish(),
    health: z.enum(['healthy', 'warning', 'critical', 'offline', 'unknown']).nullish(),
    pool: words('Part of the pool’s URL, in any case.'),
    subnet: z
      .string()
      .max(43)
      .refine((text) => parseCidr(text) !== null, 'must be a network such as 10.1.0.0/24')
      .nullish(),
    search: words('Part of name, address, MAC, model, firmware, worker or pool.'),
    online_only: z.boolean().default(false),
  })
  .refine(
    (given) => Object.values(given).some((value) => value !== undefined && value !== null && value !== false),
    'must name something, or say all: true',
  )
  .transform((given): LiveFilter => ({
    onlineOnly: given.online_only,
    state: given.state ?? null,
    health: given.health ?? null,
    model: given.model ?? null,
    firmware: given.firmware ?? null,
    pool: given.pool ?? null,
    subnet: given.subnet == null ? null : parseCidr(given.subnet),
    search: given.search ?? null,
  }))
  .meta({ id: 'MinerFilter' });

/** Of a body that lists names, bytes. */
export const maxBatchBytes = 16 * 1024 ** 2;

const common = {
  ...orderFields,
  dry_run: z.boolean().default(false).meta({ description: 'Say what would happen, and do nothing.' }),
  wave_size: z
    .int()
    .min(1)
    .max(1_000_000)
    .nullish()
    .transform((size) => size ?? null)
    .meta({ description: 'So many at a time; all at once when absent.' }),
  pause_s: z.int().min(0).max(86_400).default(60).meta({ description: 'Between two waves, s.' }),
  max_failed_percent: z
    .number()
    .min(0)
    .max(100)
    .default(20)
    .meta({ description: 'The batch stops when more of those released failed or got worse, percent.' }),
};

export const batchBody = z
  .object({
    miner_ids: z.array(minerName).min(1).max(100_000).optional(),
    filter: filter.optional(),
    ...common,
  })
  .refine((body) => (body.miner_ids === undefined) !== (body.filter === undefined), {
    path: ['miner_ids'],
    message: 'give either miner_ids or filter',
  })
  .transform(({ filter: given, ...body }) => ({ ...body, filter: given ?? nothing }))
  .meta({ id: 'CommandBatchInput' });

/** Stands where names are given. */
const nothing: LiveFilter = {
  onlineOnly: false,
  state: null,
  health: null,
  model: null,
  firmware: null,
  pool: null,
  subnet: null,
  search: null,
};

export const batchIdPath = z.object({ id: idText('Number of the batch.') });
export const batchListQuery = z.object({
  site_id: idText('One site; all of them.').optional(),
  limit: int(1, 500, 'How many in one answer.').default(50),
});

export const batchCreated = z.strictObject({
  success: z.literal(true),
  dry_run: z.boolean(),
  count: count.meta({ description: 'Commands created, or that would be.' }),
  command_ids: z.array(id),
  batch_id: id.nullable(),
  message: z.string(),
  needs_approval: z.boolean(),
  waves: count,
  sample: z.array(z.string()).meta({ description: 'Some of the miners.' }),
  refused: z
    .array(z.strictObject({ reason: z.string(), count, sample: z.array(z.string()) }))
    .meta({ description: 'Miners that are left out, by reason.' }),
});

const batch = z
  .strictObject({
    batch_id: id,
    site_id: id,
    command: z.enum(commandKinds),
    params: object,
    state: z.enum(batchStates),
    total: count,
    priority: number,
    wave_size: maybeNumber,
    pause_s: count,
    max_failed_percent: number,
    wave: count.meta({ description: 'The last one released; 0: none yet.' }),
    created_at: time,
    created_by: z.string(),
    approved_at: maybeTime,
    approved_by: maybeText,
    ended_at: maybeTime,
    ended_by: maybeText,
    ended_because: maybeText,
    by_status: z.record(z.string(), count),
    by_confirmation: z.record(z.string(), count),
  })
  .meta({ id: 'CommandBatch' });
export const batchAnswer = z.strictObject({ success: z.literal(true), batch });
export const batchListAnswer = z.strictObject({ success: z.literal(true), batches: z.array(batch), count });
