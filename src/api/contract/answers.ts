import { z } from 'zod';

/** `{ success: true, data }`. */
export const ok = <T extends z.ZodType>(data: T) => z.strictObject({ success: z.literal(true), data });

/** Every error. */
export const failure = z
  .strictObject({
    success: z.literal(false),
    error: z.string().meta({ description: 'For people; may change.' }),
    code: z.string().meta({ description: 'For programs: one of the codes in docs/errors.md.' }),
  })
  .meta({ id: 'Error' });

export const number = z.number();
export const count = z.int().min(0);
export const maybeNumber = z.number().nullable();
export const maybeText = z.string().nullable();
/** ISO 8601 with `Z`. */
export const time = z.iso.datetime();
export const maybeTime = time.nullable();

/** A number with its unit told. */
export const quantity = (unit: string) => z.number().nullable().meta({ description: unit });
