import { z } from 'zod';
import { reportStatuses } from '../../domain/command-queue.js';
import { commandKinds, commandStatuses } from '../../domain/commands.js';
import { isIP } from 'node:net';
import { count, maybeNumber, maybeText, maybeTime, number, time } from './answers.js';
import { int } from './parameters.js';

export const id = z.int().min(1).max(2_147_483_647);
export const idText = (what: string) => int(1, 2_147_483_647, what);
export const minerName = z
  .string()
  .min(1)
  .max(128)
  .regex(/^[^\p{Cc}]*$/u, 'must hold no control characters');
export const object = z.record(z.string(), z.unknown());

/** What commands of a request have in common. */
export const orderFields = {
  site_id: id,
  command_type: z.string().meta({ description: `One of ${commandKinds.join(', ')}.` }),
  parameters: object.nullish().meta({
    description:
      'set_pool: `pool_url`, `pool_user`, `pool_password`, or `pool_id`; set_fan: `speed` in percent; set_frequency: `frequency` in MHz, or `percent`.',
  }),
  priority: z.int().min(0).max(10).default(5).meta({ description: 'Higher goes first.' }),
  ttl_minutes: z
    .number()
    .min(0.1)
    .max(10_080)
    .default(30)
    .meta({ description: 'It is never executed after that, minutes.' }),
};

export const commandBody = z
  .object({
    miner_id: minerName,
    ip_address: z
      .string()
      .refine((text) => isIP(text) !== 0, 'must be an IP address')
      .nullish()
      .transform((text) => text ?? null)
      .meta({ description: 'Used where the miner’s own address is not known.' }),
    ...orderFields,
  })
  .meta({ id: 'CommandInput' });

export const reportBody = z
  .looseObject({
    status: z.string().meta({ description: `One of ${reportStatuses.join(', ')}.` }),
    result_code: z.unknown().optional().meta({ description: 'A number; 0: done.' }),
    result_message: z.unknown().optional().meta({ description: 'Text.' }),
  })
  .meta({
    id: 'CommandReport',
    description:
      'With `created_at` as it was handed out the result is for that command alone. Kept too: executed_at, duration_ms, execution_time_ms, before, after, error_class, device_id. Other fields are ignored.',
  });

export const commandIdPath = z.object({ id: idText('Number of the command.') });
export const pendingQuery = z.object({
  wait: int(0, 25, 'Wait so long for a command, s.').default(0),
});
export const commandSiteQuery = z.object({ site_id: idText('One site; all of them.').optional() });
export const optionsQuery = z.object({
  site_id: idText('The site of the miner.').optional(),
  miner_id: minerName.optional().meta({ description: 'What this miner of the site can do.' }),
});
export const historyQuery = z.object({
  site_id: idText('One site; all of them.').optional(),
  miner_id: minerName.optional(),
  status: z.enum(commandStatuses).optional(),
  batch_id: idText('Those of a batch.').optional(),
  limit: int(1, 1_000, 'How many in one answer.').default(100),
});

const kind = z.enum(commandKinds);
export const pendingAnswer = z.strictObject({
  success: z.literal(true),
  commands: z.array(
    z
      .strictObject({
        command_id: id,
        miner_id: z.string(),
        ip_address: maybeText,
        site_id: id,
        command: kind,
        params: object,
        priority: number,
        created_at: time.meta({ description: 'With its number it names a command, in whatever database.' }),
        expires_at: time,
        ttl_s: count.meta({
          description: 'Left until `expires_at`, s: to be counted down by a clock that does not jump.',
        }),
        lease_s: count.meta({ description: 'A result is awaited for so long, s.' }),
        attempt: count,
      })
      .meta({ id: 'PendingCommand' }),
  ),
  count,
});
const refused = maybeText.meta({
  description: 'Why not, in words; null: it may be told, as far as is known.',
});
export const optionsAnswer = z.strictObject({
  success: z.literal(true),
  enabled: z.boolean().meta({ description: 'False: no command is taken (`commands.enabled`).' }),
  approval_above: count.meta({ description: 'A batch of more needs a second person; 0: none does.' }),
  max_batch: count,
  kinds: z.array(
    z
      .strictObject({
        command: kind,
        refused,
        forms: z
          .array(z.strictObject({ fields: z.array(z.string()), refused }))
          .meta({ description: 'Which parameters go together; any one form will do.' }),
      })
      .meta({ id: 'CommandOption' }),
  ),
});
export const doneAnswer = z.strictObject({ success: z.literal(true), message: z.string() });

export const command = z
  .strictObject({
    command_id: id,
    site_id: id,
    miner_id: z.string(),
    ip_address: maybeText,
    command: kind,
    params: object,
    priority: number,
    status: z.enum(commandStatuses),
    waits_for: z
      .enum(['approval', 'wave', 'other_command', 'place_unknown', 'miner_offline', 'disabled'])
      .nullable()
      .meta({ description: 'Why it is still pending; null: until a collector asks.' }),
    batch_id: id.nullable(),
    wave: maybeNumber,
    created_at: time,
    created_by: z.string(),
    expires_at: time,
    sent_at: maybeTime,
    claimed_by: maybeText,
    attempts: count,
    ended_at: maybeTime,
    result_code: maybeNumber,
    result_message: maybeText,
    result: object.nullable(),
    late_result: object.nullable().meta({ description: 'Reported after its end, which it does not change.' }),
    confirmation: z
      .enum(['waiting', 'confirmed', 'not_confirmed'])
      .nullable()
      .meta({ description: 'Whether later samples show what it was to do.' }),
    confirmed_at: maybeTime,
    baseline: object.nullable().meta({ description: 'Readings when it was handed out.' }),
    observed: object.nullable().meta({ description: 'Readings that confirmed it, or did not.' }),
  })
  .meta({ id: 'Command' });
const event = z
  .strictObject({
    at: time,
    from_status: z.enum(commandStatuses).nullable(),
    to_status: z.enum(commandStatuses),
    by: z.string(),
    note: maybeText,
  })
  .meta({ id: 'CommandEvent' });
export const createdAnswer = z.strictObject({ success: z.literal(true), command_id: id, command });
export const commandAnswer = z.strictObject({ success: z.literal(true), command, events: z.array(event) });
export const historyAnswer = z.strictObject({ success: z.literal(true), commands: z.array(command), count });
export const statsAnswer = z.strictObject({
  success: z.literal(true),
  stats: z.partialRecord(z.enum(commandStatuses), count),
  active_pending: count.meta({ description: 'Pending and sent.' }),
  total: count,
});
