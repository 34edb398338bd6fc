import { z } from 'zod';
import { planValues } from '../../config/site-schema.js';
import { count, ok, time } from './answers.js';
import { int } from './parameters.js';

const rangeText = z.string().min(1).max(64);

/** What people send of a plan. */
export const planBody = z
  .object({
    ranges: z.array(rangeText).min(1).max(2_000).meta({
      description: 'Addresses to poll: CIDR, `a-b`, `a.b.c.d-e`, `10.0.*.2`, single, `!` excludes.',
    }),
    ...planValues,
    version: z
      .int()
      .min(0)
      .optional()
      .meta({ description: 'The version that is to be replaced, 0 for none; or send `If-Match`.' }),
    dry_run: z
      .boolean()
      .default(false)
      .meta({ description: 'Say what would come and go, and change nothing.' }),
  })
  .meta({ id: 'SitePlanInput' });
/** Largest body of a plan, bytes. */
export const maxPlanBytes = 256 * 1_024;

const planShape = {
  version: z.int().min(1),
  ranges: z.array(z.string()),
  zone: z.string(),
  interval_s: z.number().nullable(),
  port: z.number(),
  http_port: z.number().nullable(),
};

const storedPlan = z
  .strictObject({ site_id: z.int(), ...planShape, updated_at: time, updated_by: z.string() })
  .meta({ id: 'SitePlan' });

const change = z.strictObject({
  shards: z.strictObject({ added: count, removed: count, changed: count, kept: count }),
  addresses: z.strictObject({ added: count, removed: count, kept: count }),
  added: z.array(z.string()).meta({ description: 'Addresses that come, the first 20 ranges.' }),
  removed: z.array(z.string()).meta({ description: 'Addresses that go, the first 20 ranges.' }),
});

export const planAnswer = ok(storedPlan.nullable().meta({ description: 'Null: none was given yet.' }));
export const planPutAnswer = ok(
  z.strictObject({
    plan: storedPlan
      .nullable()
      .meta({ description: 'As it is now; null for a dry run where there is none yet.' }),
    change,
    warnings: z.array(z.string()),
  }),
);

export const planWaitQuery = z.object({
  wait: int(0, 60, 'How long to wait for a plan that is not the one of `If-None-Match`, s.').default(0),
});
export const collectorPlanAnswer = z.strictObject({
  success: z.literal(true),
  plan: z.strictObject(planShape).nullable().meta({ description: 'Null: none was given yet.' }),
});
