import { z } from 'zod';
import { planValues } from '../../config/site-schema.js';
import type { VersionedPlan } from '../../domain/site-plan.js';

/** A plan as the api sends it and the disk keeps it; what is not known of it is ignored. */
export const planSchema: z.ZodType<VersionedPlan> = z.object({
  version: z.int().min(1),
  ranges: z.array(z.string().min(1).max(64)).max(2_000),
  ...planValues,
});
