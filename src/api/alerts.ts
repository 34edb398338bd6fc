import { randomUUID } from 'node:crypto';
import type { Request, Response } from 'express';
import type {
  Alert,
  AlertQuery,
  AlertRule,
  AlertRuleInput,
  Incident,
  MaintenanceWindow,
  MaintenanceWindowInput,
  Notice,
  Notifier,
  NotifierInput,
} from '../domain/alerts.js';
import { AppError } from '../domain/errors.js';
import { askedSites, principalOf, sitesOf } from './access.js';
import type { Audit, Change } from './audit.js';
import type { alertRoutes } from './contract/alert-routes.js';
import {
  acknowledgeBody,
  alertsQuery,
  emptyBody,
  idPath,
  noticePath,
  noticesQuery,
  notifierBody,
  notifierChange,
  ruleBody,
  ruleChange,
  siteListQuery,
  windowBody,
} from './contract/alert-schemas.js';
import type { ApiDeps } from './deps.js';
import { readJsonBody } from './json-body.js';
import { readParameters } from './queries.js';
import { thingOf } from './site-guard.js';

/** What the routes of alerts need of the outside; what does not exist is null or false. */
export interface AlertDeps {
  readonly alerts: {
    list(query: AlertQuery): Promise<readonly Alert[]>;
    acknowledge(alertId: number, by: string, note: string | null, now: Date): Promise<Alert | null>;
    find(alertId: number): Promise<Alert | null>;
    incidents(siteIds: readonly number[] | null, limit: number): Promise<readonly Incident[]>;
    windows(now: Date, at: null, siteIds: readonly number[] | null): Promise<readonly MaintenanceWindow[]>;
    addWindow(input: MaintenanceWindowInput): Promise<MaintenanceWindow>;
    findWindow(windowId: number): Promise<MaintenanceWindow | null>;
    deleteWindow(windowId: number): Promise<boolean>;
  };
  readonly rules: {
    list(siteIds: readonly number[] | null): Promise<readonly AlertRule[]>;
    find(ruleId: number): Promise<AlertRule | null>;
    create(input: AlertRuleInput): Promise<AlertRule>;
    update(ruleId: number, version: number, input: AlertRuleInput): Promise<AlertRule | null>;
    delete(ruleId: number): Promise<boolean>;
  };
  readonly notifiers: {
    list(siteIds: readonly number[] | null): Promise<readonly Notifier[]>;
    find(notifierId: number): Promise<Notifier | null>;
    create(input: NotifierInput, maxNotifiers: number): Promise<Notifier>;
    update(notifierId: number, version: number, input: NotifierInput): Promise<Notifier | null>;
    delete(notifierId: number): Promise<boolean>;
    outbox(
      state: string | null,
      limit: number,
      siteIds: readonly number[] | null,
    ): Promise<readonly object[]>;
    findNotice(
      notificationId: string,
    ): Promise<{ readonly site_id: number | null; readonly state: string } | null>;
    revive(notificationId: string, now: Date): Promise<boolean>;
  };
  readonly maxNotifiers: number;
  /** Tells a notifier once; null when it was told, else what went wrong. */
  tell(notifier: Notifier, notice: Notice, notificationId: string): Promise<string | null>;
}

type Handle = (request: Request, response: Response) => Promise<void>;

/** The handlers of `alertRoutes`. */
export function createAlertHandlers(deps: ApiDeps, audit: Audit): Record<keyof typeof alertRoutes, Handle> {
  const { alerts, rules, notifiers } = deps.alerts;
  const now = (): Date => new Date(deps.now());
  return {
    'get /api/collector/alerts': async (request, response) => {
      const { site_id, state, incident_id, limit } = readParameters(alertsQuery, request.query);
      const siteIds = askedSites(response, site_id);
      const query = { siteIds, state: state ?? null, incidentId: incident_id ?? null, limit };
      sendList(response, 'alerts', await alerts.list(query));
    },
    'post /api/collector/alerts/:id/acknowledge': async (request, response) => {
      const { by, note } = await readJsonBody(request, acknowledgeBody);
      const who = principalOf(response);
      const name = who.kind === 'local' ? by : who.name;
      const made = found(await alerts.acknowledge(idOf(request), name, note, now()));
      await audit(request, response, {
        action: 'alert.acknowledge',
        target: `alert ${made.id}`,
        siteId: made.site_id,
        before: noteOf(thingOf<Alert>(response)),
        after: noteOf(made),
      });
      send(response, made);
    },
    'get /api/collector/incidents': async (request, response) => {
      const { site_id, limit } = readParameters(siteListQuery, request.query);
      sendList(response, 'incidents', await alerts.incidents(askedSites(response, site_id), limit));
    },
    'get /api/collector/alert-rules': async (request, response) => {
      const { site_id } = readParameters(siteListQuery, request.query);
      sendList(response, 'rules', await rules.list(askedSites(response, site_id)));
    },
    'post /api/collector/alert-rules': async (request, response) => {
      const made = await rules.create(await readJsonBody(request, ruleBody));
      await audit(request, response, ruleChanged('create', made.rule_id, null, made));
      send(response, made);
    },
    'put /api/collector/alert-rules/:id': async (request, response) => {
      const { version, ...input } = await readJsonBody(request, ruleChange);
      const made = found(await rules.update(idOf(request), version, input));
      await audit(request, response, ruleChanged('update', made.rule_id, thingOf(response), made));
      send(response, made);
    },
    'delete /api/collector/alert-rules/:id': async (request, response) => {
      found((await rules.delete(idOf(request))) || null);
      await audit(request, response, ruleChanged('delete', idOf(request), thingOf(response), null));
      sendDone(response);
    },
    'get /api/collector/maintenance-windows': async (_request, response) => {
      sendList(response, 'windows', await alerts.windows(now(), null, sitesOf(response)));
    },
    'post /api/collector/maintenance-windows': async (request, response) => {
      const made = await alerts.addWindow(await readJsonBody(request, windowBody));
      await audit(request, response, windowChanged('create', made.window_id, null, made));
      send(response, made);
    },
    'delete /api/collector/maintenance-windows/:id': async (request, response) => {
      found((await alerts.deleteWindow(idOf(request))) || null);
      await audit(request, response, windowChanged('delete', idOf(request), thingOf(response), null));
      sendDone(response);
    },
    'get /api/collector/notifiers': async (_request, response) => {
      sendList(response, 'notifiers', await notifiers.list(sitesOf(response)));
    },
    'post /api/collector/notifiers': async (request, response) => {
      const input = await readJsonBody(request, notifierBody);
      const made = await notifiers.create(input, deps.alerts.maxNotifiers);
      await audit(request, response, notifierChanged('create', made.notifier_id, null, made));
      send(response, made);
    },
    'put /api/collector/notifiers/:id': async (request, response) => {
      const { version, ...input } = await readJsonBody(request, notifierChange);
      const made = found(await notifiers.update(idOf(request), version, input));
      await audit(request, response, notifierChanged('update', made.notifier_id, thingOf(response), made));
      send(response, made);
    },
    'delete /api/collector/notifiers/:id': async (request, response) => {
      found((await notifiers.delete(idOf(request))) || null);
      await audit(request, response, notifierChanged('delete', idOf(request), thingOf(response), null));
      sendDone(response);
    },
    'post /api/collector/notifiers/:id/test': async (request, response) => {
      await readJsonBody(request, emptyBody);
      const notifier = thingOf<Notifier>(response);
      await audit(request, response, notifierChanged('test', notifier.notifier_id, notifier, null));
      const fault = await deps.alerts.tell(notifier, testNotice(notifier, now()), randomUUID());
      if (fault !== null) throw new AppError('NOTIFIER_FAILED', `The notifier was not told: ${fault}`);
      sendDone(response);
    },
    'get /api/collector/notifications': async (request, response) => {
      const { state, limit } = readParameters(noticesQuery, request.query);
      sendList(response, 'notifications', await notifiers.outbox(state ?? null, limit, sitesOf(response)));
    },
    'post /api/collector/notifications/:id/retry': async (request, response) => {
      await readJsonBody(request, emptyBody);
      const { id } = readParameters(noticePath, request.params);
      found((await notifiers.revive(id, now())) || null);
      const before = thingOf<{ readonly site_id: number | null }>(response);
      const change = { action: 'notification.retry', target: `notification ${id}`, siteId: before.site_id };
      await audit(request, response, { ...change, before });
      sendDone(response);
    },
  };
}

type OfSite = { readonly site_id: number | null } | null;

/** Tells the audit log of a kind of thing, of whichever site it is or was. */
const changed =
  (kind: string) =>
  (what: string, id: number, before: OfSite, after: OfSite): Change => ({
    action: `${kind}.${what}`,
    target: `${kind} ${id}`,
    siteId: (after ?? before)?.site_id ?? null,
    before,
    after,
  });
const ruleChanged = changed('alert_rule');
const windowChanged = changed('maintenance_window');
const notifierChanged = changed('notifier');

const noteOf = ({ acknowledged_at, acknowledged_by, note }: Alert) => ({
  acknowledged_at,
  acknowledged_by,
  note,
});

function testNotice(notifier: Notifier, now: Date): Notice {
  return {
    event: 'test',
    site_id: notifier.site_id,
    site: null,
    severity: 'warning',
    message: `a test of the notifier ${notifier.name}`,
    time: now.toISOString(),
  };
}

const idOf = (request: Request): number => readParameters(idPath, request.params).id;

function send(response: Response, data: object): void {
  response.json({ success: true, data });
}

function sendList(response: Response, name: string, items: readonly object[]): void {
  send(response, { [name]: items, count: items.length });
}

function sendDone(response: Response): void {
  response.json({ success: true });
}

function found<T>(value: T | null): T {
  if (value === null) throw new AppError('NOT_FOUND', 'There is none of this number');
  return value;
}
