import { z } from 'zod';

/** A whole number within bounds. */
export const int = (min: number, max: number, initial: number, what: string) =>
  z.number().int().min(min).max(max).default(initial).describe(what);
/** A share, 0 to 1. */
export const ratio = (initial: number, what: string) =>
  z.number().min(0).max(1).default(initial).describe(what);
/** A text that may be absent. */
export const text = (what: string) => z.string().min(1).optional().describe(what);
/** Settings that belong together; absent, each has its default. */
export const group = <T extends z.ZodRawShape>(shape: T, what: string) =>
  z
    .strictObject(shape)
    .prefault({} as never)
    .describe(what);
/** What may be absent or null, which are the same. */
export const orNull = <T extends z.ZodType>(schema: T) =>
  schema
    .nullish()
    .transform(
      (value): Exclude<z.output<T>, undefined> | null => (value as Exclude<z.output<T>, undefined>) ?? null,
    )
    .meta({ description: schema.description ?? '' });
