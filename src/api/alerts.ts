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

/** What the routes of alerts need of the outside; what does not exist is null or false. */
export interface AlertDeps {
  readonly alerts: {
    list(query: AlertQuery): Promise<readonly Alert[]>;
    acknowledge(alertId: number, by: string, note: string | null, now: Date): Promise<Alert | null>;
    incidents(siteId: number | null, limit: number): Promise<readonly Incident[]>;
    windows(now: Date): Promise<readonly MaintenanceWindow[]>;
    addWindow(input: MaintenanceWindowInput): Promise<MaintenanceWindow>;
    deleteWindow(windowId: number): Promise<boolean>;
  };
  readonly rules: {
    list(siteId: number | null): Promise<readonly AlertRule[]>;
    create(input: AlertRuleInput): Promise<AlertRule>;
    update(ruleId: number, version: number, input: AlertRuleInput): Promise<AlertRule | null>;
    delete(ruleId: number): Promise<boolean>;
  };
  readonly notifiers: {
    list(): Promise<readonly Notifier[]>;
    find(notifierId: number): Promise<Notifier | null>;
    create(input: NotifierInput, maxNotifiers: number): Promise<Notifier>;
    update(notifierId: number, version: number, input: NotifierInput): Promise<Notifier | null>;
    delete(notifierId: number): Promise<boolean>;
    outbox(state: string | null, limit: number): Promise<readonly object[]>;
    revive(notificationId: string, now: Date): Promise<boolean>;
  };
  readonly maxNotifiers: number;
  /** Tells a notifier once; null when it was told, else what went wrong. */
  tell(notifier: Notifier, notice: Notice, notificationId: string): Promise<string | null>;
}

type Handle = (request: Request, response: Response) => Promise<void>;

/** The handlers of `alertRoutes`. */
export function createAlertHandlers(deps: ApiDeps): Record<keyof typeof alertRoutes, Handle> {
  const { alerts, rules, notifiers } = deps.alerts;
  const now = (): Date => new Date(deps.now());
  return {
    'get /api/collector/alerts': async (request, response) => {
      const { site_id, state, incident_id, limit } = readParameters(alertsQuery, request.query);
      const query = { siteId: site_id ?? null, state: state ?? null, incidentId: incident_id ?? null, limit };
      sendList(response, 'alerts', await alerts.list(query));
    },
    'post /api/collector/alerts/:id/acknowledge': async (request, response) => {
      const { by, note } = await readJsonBody(request, acknowledgeBody);
      send(response, found(await alerts.acknowledge(idOf(request), by, note, now())));
    },
    'get /api/collector/incidents': async (request, response) => {
      const { site_id, limit } = readParameters(siteListQuery, request.query);
      sendList(response, 'incidents', await alerts.incidents(site_id ?? null, limit));
    },
    'get /api/collector/alert-rules': async (request, response) => {
      const { site_id } = readParameters(siteListQuery, request.query);
      sendList(response, 'rules', await rules.list(site_id ?? null));
    },
    'post /api/collector/alert-rules': async (request, response) => {
      send(response, await rules.create(await readJsonBody(request, ruleBody)));
    },
    'put /api/collector/alert-rules/:id': async (request, response) => {
      const { version, ...input } = await readJsonBody(request, ruleChange);
      send(response, found(await rules.update(idOf(request), version, input)));
    },
    'delete /api/collector/alert-rules/:id': async (request, response) => {
      sendDone(response, await rules.delete(idOf(request)));
    },
    'get /api/collector/maintenance-windows': async (_request, response) => {
      sendList(response, 'windows', await alerts.windows(now()));
    },
    'post /api/collector/maintenance-windows': async (request, response) => {
      send(response, await alerts.addWindow(await readJsonBody(request, windowBody)));
    },
    'delete /api/collector/maintenance-windows/:id': async (request, response) => {
      sendDone(response, await alerts.deleteWindow(idOf(request)));
    },
    'get /api/collector/notifiers': async (_request, response) => {
      sendList(response, 'notifiers', await notifiers.list());
    },
    'post /api/collector/notifiers': async (request, response) => {
      const input = await readJsonBody(request, notifierBody);
      send(response, await notifiers.create(input, deps.alerts.maxNotifiers));
    },
    'put /api/collector/notifiers/:id': async (request, response) => {
      const { version, ...input } = await readJsonBody(request, notifierChange);
      send(response, found(await notifiers.update(idOf(request), version, input)));
    },
    'delete /api/collector/notifiers/:id': async (request, response) => {
      sendDone(response, await notifiers.delete(idOf(request)));
    },
    'post /api/collector/notifiers/:id/test': async (request, response) => {
      await readJsonBody(request, emptyBody);
      const notifier = found(await notifiers.find(idOf(request)));
      const fault = await deps.alerts.tell(notifier, testNotice(notifier, now()), randomUUID());
      if (fault !== null) throw new AppError('NOTIFIER_FAILED', `The notifier was not told: ${fault}`);
      sendDone(response, true);
    },
    'get /api/collector/notifications': async (request, response) => {
      const { state, limit } = readParameters(noticesQuery, request.query);
      sendList(response, 'notifications', await notifiers.outbox(state ?? null, limit));
    },
    'post /api/collector/notifications/:id/retry': async (request, response) => {
      await readJsonBody(request, emptyBody);
      const { id } = readParameters(noticePath, request.params);
      sendDone(response, await notifiers.revive(id, now()));
    },
  };
}

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

function sendDone(response: Response, isFound: boolean): void {
  found(isFound ? true : null);
  response.json({ success: true });
}

function found<T>(value: T | null): T {
  if (value === null) throw new AppError('NOT_FOUND', 'There is none of this number');
  return value;
}
