import { z } from 'zod';
import { orNull, text } from './fields.js';

const siteName = z
  .string()
  .regex(
    /^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$/,
    'a site name is 1 to 64 letters, digits, dots, dashes or underscores',
  );

/** True for a scheme and a host, and a port where it is not the scheme's, as `URL.origin` writes them. */
function isOrigin(text: string): boolean {
  return URL.canParse(text) && /^https?:/.test(text) && new URL(text).origin === text;
}

/** A login of web interfaces of miners. */
export const credential = z.strictObject({
  family: text('Family they are for, such as `antminer-web` or `vnish-web`; any when absent.'),
  miners: z
    .array(z.string().min(1))
    .min(1)
    .optional()
    .describe('Addresses they are for, written as `ranges`; any when absent.'),
  username: z
    .string()
    .max(256)
    .default('')
    .describe('User name; left out where only a password is asked for.'),
  password: text('Password (secret; prefer `password_file`).'),
  password_file: text('File holding the password.'),
  password_env: text('Environment variable holding the password.'),
});

/** A secret under a name, for what refers to it. */
export const namedSecret = z.strictObject({
  name: siteName.describe('Name that a notifier gives as its `secret`.'),
  value: text('The secret itself (secret; prefer `value_file`).'),
  value_file: text('File holding it.'),
  value_env: text('Environment variable holding it.'),
  servers: z
    .array(z.string().refine(isOrigin, 'must be a scheme and a host, such as https://bots.example.com:8081'))
    .max(100)
    .default([])
    .describe(
      "Of a bot's token: servers it may be sent to beside Telegram's own, as `https://host` or `https://host:port`.",
    ),
});

/** What a site's plan has beside its ranges. */
export const planFields = {
  zone: z
    .string()
    .regex(/^[a-z0-9-]{1,32}$/)
    .default('default')
    .describe(
      'Reachability zone: pollers take jobs of their zones only, and all of a zone name all of its sites.',
    ),
  interval_s: z
    .number()
    .int()
    .min(1)
    .max(3600)
    .optional()
    .describe('Poll interval of this site, s; `poll.interval_s` when absent.'),
  port: z.number().int().min(1).max(65535).default(4028).describe('TCP port of the CGMiner API.'),
  http_port: z
    .number()
    .int()
    .min(1)
    .max(65535)
    .optional()
    .describe('TCP port of web interfaces; 80 when absent.'),
};

/** A site's plan beside its ranges, as the api takes and sends it. */
export const planValues = {
  zone: planFields.zone,
  interval_s: orNull(planFields.interval_s),
  port: planFields.port,
  http_port: orNull(planFields.http_port),
};

const siteFields = z.strictObject({
  name: siteName.describe('Name of the site; unique.'),
  plan: z
    .enum(['file', 'api'])
    .default('file')
    .describe(
      'Where ranges, zone, interval and ports come from: from here, or from the api, where `headframe plan` changes them while it runs.',
    ),
  ranges: z
    .array(z.string().min(1))
    .default([])
    .describe('Addresses to poll: CIDR, `a-b`, `a.b.c.d-e`, `10.0.*.2`, single, `!` excludes.'),
  within: z
    .array(z.string().min(1))
    .min(1)
    .optional()
    .describe(
      'With `plan: api`: a plan that names an address outside of these is not followed. Written as `ranges`; any when absent.',
    ),
  ...planFields,
  credentials: z
    .array(credential)
    .max(10_000)
    .optional()
    .describe('Logins of its web interfaces, before those of `credentials`.'),
  key: text('Collector key of this site (secret; prefer `key_file`).'),
  key_file: text('File holding the collector key.'),
});

/** One farm. */
export const site = siteFields.superRefine((entry, context) => {
  const refuse = (path: string, message: string): void =>
    void context.addIssue({ code: 'custom', path: [path], message });
  if (entry.plan === 'file') {
    if (entry.ranges.length === 0) refuse('ranges', 'name at least one range, or set `plan: api`');
    if (entry.within !== undefined) refuse('within', 'goes with `plan: api`');
    return;
  }
  const isSet = {
    ranges: entry.ranges.length > 0,
    zone: entry.zone !== planFields.zone.parse(undefined),
    interval_s: entry.interval_s !== undefined,
    port: entry.port !== planFields.port.parse(undefined),
    http_port: entry.http_port !== undefined,
  };
  for (const [path, has] of Object.entries(isSet))
    if (has)
      refuse(
        path,
        'comes from the api with `plan: api`; take it out here and set it with `headframe plan set`',
      );
});
