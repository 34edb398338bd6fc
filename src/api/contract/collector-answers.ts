import { z } from 'zod';
import { rejectReasons } from '../../domain/ingest.js';
import { count, time } from './answers.js';

export const uploadAnswer = z
  .strictObject({
    success: z.literal(true),
    duplicate: z.literal(true).optional().meta({ description: 'The whole batch was stored before.' }),
    inserted: count.meta({ description: 'History rows written.' }),
    updated: count.meta({ description: 'Live rows written.' }),
    data: z.strictObject({
      processed: count,
      online: count,
      offline: count,
      processing_time_ms: count,
      stored: count,
      duplicate: count,
      rejected: z.array(z.strictObject({ index: count, reason: z.enum(rejectReasons) })),
    }),
  })
  .meta({ id: 'UploadAnswer' });

/** What a collector sends: an array of these. Every field but the first may be absent; unknown ones are ignored. */
export const uploadBody = z
  .array(
    z.looseObject({
      miner_id: z.string().min(1).max(128),
      timestamp: z.string().optional(),
      ip_address: z.string().optional(),
      online: z.boolean().optional(),
      hashrate_ghs: z.number().nullable().optional().meta({ description: 'GH/s' }),
      temperature_max: z.number().nullable().optional().meta({ description: '°C' }),
    }),
  )
  .meta({ description: 'Further fields as in the protocol; gzip is optional.' });

export const status = z
  .strictObject({
    success: z.literal(true),
    status: z.literal('ok'),
    version: z.string(),
    time,
    site_id: count.optional().meta({ description: 'The site of the key that was sent.' }),
  })
  .meta({ id: 'Status' });

export const alive = z.strictObject({
  success: z.literal(true),
  status: z.literal('ok'),
  version: z.string(),
});

export const ready = z.strictObject({
  success: z.literal(true),
  status: z.literal('ready'),
  checks: z.strictObject({ database: z.literal('ok') }),
});
