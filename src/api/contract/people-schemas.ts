import { z } from 'zod';
import { count, maybeText, maybeTime, time } from './answers.js';
import { id, line, newPassword, role, siteIds, userName } from './auth-schemas.js';
import { int } from './parameters.js';

const rights = { role, site_ids: siteIds.default(null) };

export const userBody = z
  .strictObject({
    name: userName,
    ...rights,
    password: newPassword.nullable().default(null).meta({ description: 'Null: signs in elsewhere.' }),
  })
  .meta({ id: 'UserInput' });
export const userChange = z
  .strictObject({ role, site_ids: siteIds, disabled: z.boolean() })
  .meta({ id: 'UserChange' });
export const passwordBody = z.strictObject({ password: newPassword }).meta({ id: 'NewPassword' });
export const ownPasswordBody = z
  .strictObject({ password: z.string().min(1).max(1_024), new_password: newPassword })
  .meta({ id: 'OwnPassword' });
export const tokenBody = z
  .strictObject({
    label: line(64),
    role: role.default('viewer'),
    site_ids: siteIds.default(null),
    days: z.int().min(1).max(3_650).default(90).meta({ description: 'How long it lasts, days.' }),
  })
  .meta({ id: 'ApiTokenInput' });
export const keyBody = z
  .strictObject({ site_id: id, label: line(128).nullable().default(null) })
  .meta({ id: 'CollectorKeyInput' });

const siteList = z.array(id).nullable().meta({ description: 'Null: all sites.' });
export const user = z
  .strictObject({
    user_id: id,
    name: z.string(),
    role,
    site_ids: siteList,
    has_password: z.boolean(),
    created_at: time,
    disabled_at: maybeTime,
  })
  .meta({ id: 'User' });
const tokenFields = {
  token_id: id,
  user_id: id,
  user_name: z.string(),
  prefix: z.string(),
  label: z.string(),
  role,
  site_ids: siteList,
  created_at: time,
  expires_at: time,
  last_used_at: maybeTime,
  revoked_at: maybeTime,
};
export const apiToken = z.strictObject(tokenFields).meta({ id: 'ApiToken' });
export const createdToken = z
  .strictObject({ ...tokenFields, token: z.string().meta({ description: 'Shown this once.' }) })
  .meta({ id: 'CreatedApiToken' });
const keyFields = { key_id: id, site_id: id, prefix: z.string(), label: maybeText };
export const collectorKey = z
  .strictObject({
    ...keyFields,
    site_name: z.string(),
    created_at: time,
    last_used_at: maybeTime,
    revoked_at: maybeTime,
  })
  .meta({ id: 'CollectorKey' });
export const createdKey = z
  .strictObject({ ...keyFields, key: z.string().meta({ description: 'Shown this once.' }) })
  .meta({ id: 'CreatedCollectorKey' });

export const siteListQuery = z.object({
  site_id: int(1, 2_147_483_647, 'One site; all of them.').optional(),
});
const search = z
  .string()
  .min(1)
  .max(128)
  .regex(/^[^\p{Cc}]*$/u);
export const auditQuery = z.object({
  site_id: int(1, 2_147_483_647, 'One site; all of them.').optional(),
  actor: search.optional().meta({ description: 'Who: a user’s name, `token:` and a label, `local`.' }),
  action: search.optional().meta({ description: 'What actions begin with, as `user.`.' }),
  from: z.iso.datetime({ offset: true }).optional().meta({ description: 'Begin, inclusive.' }),
  to: z.iso.datetime({ offset: true }).optional().meta({ description: 'End, exclusive.' }),
  limit: int(1, 500, 'Lines in one answer.').default(100),
  cursor: z
    .string()
    .regex(/^\d{1,19}$/, 'must be a cursor that an answer gave')
    .optional()
    .meta({ description: 'Where the last page ended: `next_cursor` of its answer.' }),
});
const state = z.record(z.string(), z.unknown()).nullable();
const auditLine = z
  .strictObject({
    audit_id: z.string(),
    time,
    actor_kind: z.enum(['user', 'token', 'local']),
    actor: z.string(),
    user_id: id.nullable(),
    action: z.string(),
    target: z.string(),
    site_id: id.nullable(),
    address: maybeText,
    request_id: maybeText,
    before: state.meta({ description: 'As it was, secrets left out.' }),
    after: state,
  })
  .meta({ id: 'AuditLine' });
export const auditPage = z.strictObject({
  lines: z.array(auditLine),
  count,
  next_cursor: maybeText.meta({ description: 'Null: there is nothing older.' }),
});
