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
import type { ChangeNote } from '../domain/people.js';
import { askedSites, principalOf, sitesOf } from './access.js';
import { noteOf, type Audit, type NotedChange } from './audit.js';
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
    acknowledge(
      alertId: number,
      by: string,
      note: string | null,
      now: Date,
      line: ChangeNote,
    ): Promise<Alert | null>;
    find(alertId: number): Promise<Alert | null>;
    incidents(siteIds: readonly number[] | null, limit: number): Promise<readonly Incident[]>;
    windows(now: Date, at: null, siteIds: readonly number[] | null): Promise<readonly MaintenanceWindow[]>;
    addWindow(input: MaintenanceWindowInput, note: ChangeNote): Promise<MaintenanceWindow>;
    findWindow(windowId: number): Promise<MaintenanceWindow | null>;
    deleteWindow(windowId: number, note: ChangeNote): Promise<boolean>;
  };
  readonly rules: {
    list(siteIds: readonly number[] | null): Promise<readonly AlertRule[]>;
    find(ruleId: number): Promise<AlertRule | null>;
    create(input: AlertRuleInput, note: ChangeNote): Promise<AlertRule>;
    update(
      ruleId: number,
      version: number,
      input: AlertRuleInput,
      note: ChangeNote,
    ): Promise<AlertRule | null>;
    delete(ruleId: number, note: ChangeNote): Promise<boolean>;
  };
  readonly notifiers: {
    list(siteIds: readonly number[] | null): Promise<readonly Notifier[]>;
    find(notifierId: number): Promise<Notifier | null>;
    create(input: NotifierInput, maxNotifiers: number, note: ChangeNote): Promise<Notifier>;
    update(
      notifierId: number,
      version: number,
      input: NotifierInput,
      note: ChangeNote,
    ): Promise<Notifier | null>;
    delete(notifierId: number, note: ChangeNote): Promise<boolean>;
    outbox(
      state: string | null,
      limit: number,
      siteIds: readonly number[] | null,
    ): Promise<readonly object[]>;
    findNotice(
      notificationId: string,
    ): Promise<{ readonly site_id: number | null; readonly state: string } | null>;
    revive(notificationId: string, now: Date, note: ChangeNote): Promise<boolean>;
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
      const alert = thingOf<Alert>(response);
      const line = noteOf(request, response, {
        what: 'acknowledge',
        thing: 'alert',
        siteId: alert.site_id,
        before: acknowledgement(alert),
        after: {},
      });
      send(response, found(await alerts.acknowledge(idOf(request), name, note, now(), line)));
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
      const input = await readJsonBody(request, ruleBody);
      const note = noteOf(request, response, ruleChanged('create', null, input));
      send(response, await rules.create(input, note));
    },
    'put /api/collector/alert-rules/:id': async (request, response) => {
      const { version, ...input } = await readJsonBody(request, ruleChange);
      const note = noteOf(request, response, ruleChanged('update', thingOf(response), input));
      send(response, found(await rules.update(idOf(request), version, input, note)));
    },
    'delete /api/collector/alert-rules/:id': async (request, response) => {
      const note = noteOf(request, response, ruleChanged('delete', thingOf(response), null));
      found((await rules.delete(idOf(request), note)) || null);
      sendDone(response);
    },
    'get /api/collector/maintenance-windows': async (_request, response) => {
      sendList(response, 'windows', await alerts.windows(now(), null, sitesOf(response)));
    },
    'post /api/collector/maintenance-windows': async (request, response) => {
      const input = await readJsonBody(request, windowBody);
      const note = noteOf(request, response, windowChanged('create', null, input));
      send(response, await alerts.addWindow(input, note));
    },
    'delete /api/collector/maintenance-windows/:id': async (request, response) => {
      const note = noteOf(request, response, windowChanged('delete', thingOf(response), null));
      found((await alerts.deleteWindow(idOf(request), note)) || null);
      sendDone(response);
    },
    'get /api/collector/notifiers': async (_request, response) => {
      sendList(response, 'notifiers', await notifiers.list(sitesOf(response)));
    },
    'post /api/collector/notifiers': async (request, response) => {
      const input = await readJsonBody(request, notifierBody);
      const note = noteOf(request, response, notifierChanged('create', null, input));
      send(response, await notifiers.create(input, deps.alerts.maxNotifiers, note));
    },
    'put /api/collector/notifiers/:id': async (request, response) => {
      const { version, ...input } = await readJsonBody(request, notifierChange);
      const note = noteOf(request, response, notifierChanged('update', thingOf(response), input));
      send(response, found(await notifiers.update(idOf(request), version, input, note)));
    },
    'delete /api/collector/notifiers/:id': async (request, response) => {
      const note = noteOf(request, response, notifierChanged('delete', thingOf(response), null));
      found((await notifiers.delete(idOf(request), note)) || null);
      sendDone(response);
    },
    'post /api/collector/notifiers/:id/test': async (request, response) => {
      await readJsonBody(request, emptyBody);
      const notifier = thingOf<Notifier>(response);
      await audit(request, response, {
        action: 'notifier.test',
        target: `notifier ${notifier.notifier_id}`,
        siteId: notifier.site_id,
        before: notifier,
      });
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
      const before = thingOf<{ readonly site_id: number | null }>(response);
      const change = { what: 'retry', thing: 'notification', siteId: before.site_id, before };
      found((await notifiers.revive(id, now(), noteOf(request, response, change))) || null);
      sendDone(response);
    },
  };
}

type OfSite = { readonly site_id: number | null } | null;

/** Tells the audit log of a kind of thing, of whichever site it is or was. */
const changed =
  (thing: string) =>
  (what: string, before: OfSite, after: OfSite): NotedChange => ({
    what,
    thing,
    siteId: (after ?? before)?.site_id ?? null,
    before,
    after,
  });
const ruleChanged = changed('alert_rule');
const windowChanged = changed('maintenance_window');
const notifierChanged = changed('notifier');

const acknowledgement = ({ acknowledged_at, acknowledged_by, note }: Alert) => ({
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
