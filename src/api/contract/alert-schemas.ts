import { z } from 'zod';
import { alertKindNames, alertKinds } from '../../domain/alert-kinds.js';
import { alertStates, incidentScopes } from '../../domain/alerts.js';
import { parseIp } from '../../domain/ip-ranges.js';
import { count, maybeNumber, maybeText, maybeTime, number, time } from './answers.js';
import { int } from './parameters.js';

const id = z.int().min(1).max(2_147_483_647);
const siteId = id.nullable().default(null).meta({ description: 'Null: all sites.' });
/** PostgreSQL refuses NUL, and lines of a log or mail must stay one. */
const line = (max: number) =>
  z
    .string()
    .min(1)
    .max(max)
    .regex(/^[^\p{Cc}]*$/u, 'must hold no control characters');
const severity = z.enum(['warning', 'critical']);
const kind = z.enum(alertKindNames);
const version = z.int().min(1).meta({ description: 'As it was read: another one is refused with CONFLICT.' });

/** A network of IPv4 without bits of a host. */
const cidr = z.string().refine((text) => {
  const [base = '', bits = '', more] = text.split('/');
  const address = parseIp(base);
  if (address === null || more !== undefined || !/^\d{1,2}$/.test(bits) || Number(bits) > 32) return false;
  return address % 2 ** (32 - Number(bits)) === 0;
}, 'must be a network such as 10.1.2.0/24');

const scope = {
  site_id: siteId,
  model: line(128).nullable().default(null).meta({ description: 'Text the model holds.' }),
  subnet: cidr.nullable().default(null),
  miner: line(128).nullable().default(null),
};

const ruleFields = {
  ...scope,
  kind,
  severity,
  threshold: z.number().nullable().default(null),
  clear_threshold: z.number().nullable().default(null),
  duration_s: z.int().min(0).max(604_800),
  cooldown_s: z.int().min(0).max(604_800),
  pools: z.array(line(256)).max(100).default([]),
  enabled: z.boolean().default(true),
};

interface Thresholds {
  readonly kind: (typeof alertKindNames)[number];
  readonly threshold: number | null;
  readonly clear_threshold: number | null;
  readonly model: string | null;
  readonly subnet: string | null;
  readonly miner: string | null;
}

/** What one field alone cannot say of a rule. */
function checkRule(rule: Thresholds, context: z.RefinementCtx): void {
  const { direction, target } = alertKinds[rule.kind];
  const { threshold, clear_threshold: clear } = rule;
  const fault = (path: string, message: string): void =>
    context.addIssue({ code: 'custom', path: [path], message });
  if (direction === 'flag') {
    if (threshold !== null || clear !== null) fault('threshold', `a rule of ${rule.kind} has none`);
  } else if (threshold === null) fault('threshold', `a rule of ${rule.kind} needs one`);
  else if (clear !== null && (direction === 'above' ? clear > threshold : clear < threshold))
    fault('clear_threshold', 'must be on the good side of the threshold');
  if (target === 'site' && (rule.model ?? rule.subnet ?? rule.miner) !== null)
    fault('miner', `a rule of ${rule.kind} is about sites, not miners`);
}

export const ruleBody = z.strictObject(ruleFields).superRefine(checkRule).meta({ id: 'AlertRuleInput' });
export const ruleChange = z
  .strictObject({ ...ruleFields, version })
  .superRefine(checkRule)
  .meta({ id: 'AlertRuleChange' });

const httpUrl = z
  .url({ protocol: /^https?$/ })
  .max(2_000)
  .refine((text) => {
    const { username, password } = new URL(text);
    return username === '' && password === '';
  }, 'must hold no password: name a secret of the settings');
const target = z.discriminatedUnion('kind', [
  z
    .strictObject({
      kind: z.literal('webhook'),
      url: httpUrl.optional(),
      url_secret: line(64).optional().meta({
        description: 'In place of `url`: name under `secrets` of an address that is itself secret.',
      }),
    })
    .refine(({ url, url_secret }) => (url === undefined) !== (url_secret === undefined), {
      path: ['url'],
      message: 'give one of url and url_secret',
    }),
  z.strictObject({ kind: z.literal('slack') }),
  z.strictObject({
    kind: z.literal('telegram'),
    chat_id: line(64),
    url: httpUrl.default('https://api.telegram.org'),
  }),
  z.strictObject({ kind: z.literal('email'), to: z.array(z.email().max(254)).min(1).max(50) }),
]);
const notifierFields = {
  name: line(64),
  site_id: siteId,
  target,
  secret: line(64)
    .nullable()
    .default(null)
    .meta({ description: 'Its name under `secrets` of the settings.' }),
  min_severity: severity.default('warning'),
  max_per_hour: z.int().min(1).max(10_000).default(60),
  enabled: z.boolean().default(true),
};
export const notifierBody = z.strictObject(notifierFields).meta({ id: 'NotifierInput' });
export const notifierChange = z.strictObject({ ...notifierFields, version }).meta({ id: 'NotifierChange' });

export const windowBody = z
  .strictObject({
    ...scope,
    starts_at: z.iso.datetime({ offset: true }),
    ends_at: z.iso.datetime({ offset: true }),
    reason: line(500),
  })
  .refine((window) => Date.parse(window.ends_at) > Date.parse(window.starts_at), {
    path: ['ends_at'],
    message: 'must be after starts_at',
  })
  .meta({ id: 'MaintenanceWindowInput' });

export const acknowledgeBody = z
  .strictObject({
    by: line(64).default('operator'),
    note: line(1_000).nullable().default(null),
  })
  .meta({ id: 'Acknowledgement' });
export const emptyBody = z.strictObject({}).meta({ id: 'Nothing' });

export const idPath = z.object({ id: int(1, 2_147_483_647, 'Its number.') });
export const noticePath = z.object({ id: z.uuid().meta({ description: 'Its id.' }) });
const limit = int(1, 1_000, 'How many in one answer.').default(100);
const ofSite = int(1, 2_147_483_647, 'One site; all of them.').optional();
export const alertsQuery = z.object({
  site_id: ofSite,
  state: z.enum(alertStates).optional().meta({ description: '`unresolved`: open or acknowledged.' }),
  incident_id: int(1, 2_147_483_647, 'Those an incident holds.').optional(),
  limit,
});
export const siteListQuery = z.object({ site_id: ofSite, limit });
export const noticesQuery = z.object({
  state: z.enum(['queued', 'sent', 'dead', 'cancelled', 'held', 'summarised']).optional(),
  limit,
});

const maybeId = id.nullable();
export const alert = z
  .strictObject({
    id,
    site_id: id,
    site_name: z.string(),
    miner_id: maybeText,
    ip_address: maybeText,
    alert_type: kind,
    level: severity,
    message: z.string(),
    value: maybeNumber,
    threshold: maybeNumber,
    triggered_at: time,
    acknowledged: z.boolean(),
    state: z.enum(['open', 'acknowledged', 'resolved']),
    acknowledged_at: maybeTime,
    acknowledged_by: maybeText,
    note: maybeText,
    resolved_at: maybeTime,
    resolved_because: maybeText,
    is_silenced: z.boolean(),
    rule_id: id,
    incident_id: maybeId,
  })
  .meta({ id: 'Alert' });
const scopeAnswer = { site_id: maybeId, model: maybeText, subnet: maybeText, miner: maybeText };
export const alertRule = z
  .strictObject({
    rule_id: id,
    ...scopeAnswer,
    kind,
    severity,
    threshold: maybeNumber,
    clear_threshold: maybeNumber,
    duration_s: number,
    cooldown_s: number,
    pools: z.array(z.string()),
    enabled: z.boolean(),
    version: number,
    updated_at: time,
  })
  .meta({ id: 'AlertRule' });
export const incident = z
  .strictObject({
    incident_id: id,
    site_id: id,
    site_name: z.string(),
    kind,
    scope: z.enum(incidentScopes),
    place: z.string(),
    severity,
    opened_at: time,
    resolved_at: maybeTime,
    alerts: count,
    open_alerts: count,
  })
  .meta({ id: 'Incident' });
export const maintenanceWindow = z
  .strictObject({ window_id: id, ...scopeAnswer, starts_at: time, ends_at: time, reason: z.string() })
  .meta({ id: 'MaintenanceWindow' });
export const notifier = z
  .strictObject({
    notifier_id: id,
    name: z.string(),
    site_id: maybeId,
    target,
    secret: maybeText,
    min_severity: severity,
    max_per_hour: number,
    enabled: z.boolean(),
    version: number,
  })
  .meta({ id: 'Notifier' });
export const notice = z
  .strictObject({
    notification_id: z.uuid(),
    notifier_id: id,
    event: z.string(),
    message: z.string(),
    state: z.string(),
    rounds: count,
    created_at: time,
    settled_at: maybeTime,
    last_error: maybeText,
  })
  .meta({ id: 'Notice' });
