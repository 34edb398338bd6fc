import { z } from 'zod';
import { roles } from '../../domain/principal.js';

/** PostgreSQL refuses NUL, and lines of a log must stay one. */
export const line = (max: number) =>
  z
    .string()
    .min(1)
    .max(max)
    .regex(/^[^\p{Cc}]*$/u, 'must hold no control characters');
export const id = z.int().min(1).max(2_147_483_647);
export const role = z.enum(roles);
/** Which sites one may see and touch. */
export const siteIds = z.array(id).max(1_000).nullable().meta({ description: 'Null: all sites.' });

/** A name is shown in lists and logs. */
export const userName = line(64).refine((text) => text === text.trim(), 'must not begin or end with a space');
/** scrypt takes any length; a megabyte of it is an attack. */
export const presentedPassword = z.string().min(1).max(1_024);
/** Length alone makes one good. */
export const newPassword = z.string().min(10, 'must have 10 characters or more').max(1_024);

export const loginBody = z
  .strictObject({ name: z.string().min(1).max(64), password: presentedPassword })
  .meta({ id: 'Login' });

export const principal = z
  .strictObject({
    kind: z.enum(['user', 'token', 'local']).meta({ description: '`local`: a program on this machine.' }),
    name: z.string(),
    role,
    site_ids: z.array(id).nullable().meta({ description: 'Null: all sites.' }),
  })
  .meta({ id: 'Principal' });
