import { z } from 'zod';
import {
  acknowledgeBody,
  alert,
  alertRule,
  alertsQuery,
  emptyBody,
  idPath,
  incident,
  maintenanceWindow,
  notice,
  noticePath,
  noticesQuery,
  notifier,
  notifierBody,
  notifierChange,
  ruleBody,
  ruleChange,
  siteListQuery,
  windowBody,
} from './alert-schemas.js';
import { count, ok } from './answers.js';
import type { RouteDoc } from './route-doc.js';

const group = 'Alerts';
const done = z.strictObject({ success: z.literal(true) });
const list = <T extends z.ZodType>(name: string, item: T) =>
  ok(z.strictObject({ [name]: z.array(item), count }));

/** Routes of alerts, and of what they go by. */
export const alertRoutes = {
  'get /api/collector/alerts': {
    access: 'viewer',
    group,
    summary: 'Alerts: unresolved first, newest first.',
    query: alertsQuery,
    answer: list('alerts', alert),
  },
  'post /api/collector/alerts/:id/acknowledge': {
    access: 'operator',
    group,
    summary: 'Someone has seen it. The first one to say so is kept.',
    path: idPath,
    body: acknowledgeBody,
    answer: ok(alert),
  },
  'get /api/collector/incidents': {
    access: 'viewer',
    group,
    summary: 'Incidents: unresolved first, newest first.',
    query: siteListQuery,
    answer: list('incidents', incident),
  },
  'get /api/collector/alert-rules': {
    access: 'viewer',
    group,
    summary: 'Rules of a site, those for all sites among them.',
    query: siteListQuery,
    answer: list('rules', alertRule),
  },
  'post /api/collector/alert-rules': {
    access: 'operator',
    group,
    summary: 'Make a rule.',
    body: ruleBody,
    answer: ok(alertRule),
  },
  'put /api/collector/alert-rules/:id': {
    access: 'operator',
    group,
    summary: 'Change a rule that is still at `version`; its kind stays.',
    path: idPath,
    body: ruleChange,
    answer: ok(alertRule),
  },
  'delete /api/collector/alert-rules/:id': {
    access: 'operator',
    group,
    summary: 'Delete a rule; its alerts end with the next evaluation.',
    path: idPath,
    answer: done,
  },
  'get /api/collector/maintenance-windows': {
    access: 'viewer',
    group,
    summary: 'Maintenance windows that are not over.',
    answer: list('windows', maintenanceWindow),
  },
  'post /api/collector/maintenance-windows': {
    access: 'operator',
    group,
    summary: 'Tell nobody of alerts for a while.',
    body: windowBody,
    answer: ok(maintenanceWindow),
  },
  'delete /api/collector/maintenance-windows/:id': {
    access: 'operator',
    group,
    summary: 'End a maintenance window, or call it off.',
    path: idPath,
    answer: done,
  },
  'get /api/collector/notifiers': {
    access: 'viewer',
    group,
    summary: 'Whom alerts are told.',
    answer: list('notifiers', notifier),
  },
  'post /api/collector/notifiers': {
    access: 'operator',
    group,
    summary: 'Add a notifier.',
    body: notifierBody,
    answer: ok(notifier),
  },
  'put /api/collector/notifiers/:id': {
    access: 'operator',
    group,
    summary: 'Change a notifier that is still at `version`.',
    path: idPath,
    body: notifierChange,
    answer: ok(notifier),
  },
  'delete /api/collector/notifiers/:id': {
    access: 'operator',
    group,
    summary: 'Delete a notifier and what waits for it.',
    path: idPath,
    answer: done,
  },
  'post /api/collector/notifiers/:id/test': {
    access: 'operator',
    group,
    summary: 'Send a notice now, once. 502 says what went wrong.',
    path: idPath,
    body: emptyBody,
    answer: done,
  },
  'get /api/collector/notifications': {
    access: 'viewer',
    group,
    summary: 'The outbox, newest first; `state=dead`: the dead letters.',
    query: noticesQuery,
    answer: list('notifications', notice),
  },
  'post /api/collector/notifications/:id/retry': {
    access: 'operator',
    group,
    summary: 'Put a dead letter back.',
    path: noticePath,
    body: emptyBody,
    answer: done,
  },
} as const satisfies Record<string, RouteDoc>;
