import type { AlertKind, AlertSeverity } from '../domain/alert-kinds.js';
import type { IncidentScope } from '../domain/alerts.js';

/** An open alert that no incident holds. */
export interface LooseAlert {
  readonly alertId: number;
  readonly siteId: number;
  readonly siteName: string;
  readonly kind: AlertKind;
  readonly severity: AlertSeverity;
  /** `10.1.2.0/24`; null: not known, or an alert of the site itself. */
  readonly subnet: string | null;
  /** Of the rack map of the site; null: it does not say. */
  readonly rack: string | null;
  readonly pool: string | null;
}

/** Where many fail together. */
export interface IncidentPlace {
  readonly siteId: number;
  readonly kind: AlertKind;
  readonly scope: IncidentScope;
  readonly place: string;
}

export interface OpenIncident extends IncidentPlace {
  readonly incidentId: number;
  /** The subnet it is of, or that most of its rack is of; null: of neither. */
  readonly subnet: string | null;
}

export interface NewIncident extends IncidentPlace {
  readonly siteName: string;
  readonly severity: AlertSeverity;
  readonly alertIds: readonly number[];
}

export interface Grouping {
  readonly joins: readonly { readonly alertId: number; readonly incidentId: number }[];
  readonly incidents: readonly NewIncident[];
}

export interface GroupingOptions {
  /** Alerts of one kind in one place that are an incident. */
  readonly minAlerts: number;
  /** Subnets of one site with an incident each that are one incident of the site. */
  readonly minSubnets: number;
}

/** Kinds for which miners fail together because of their pool. */
const poolKinds: ReadonlySet<AlertKind> = new Set(['pool_dead', 'pool_wrong', 'hashrate_low']);
/** An alert of the site itself belongs to the incident of the site's miners. */
const siteKinds: Partial<Record<AlertKind, AlertKind>> = { mass_offline: 'offline' };

/**
 * Puts alerts that no incident holds into the open incident of their place, or into a new one where
 * there are enough of them: a site before a pool before a rack before a subnet, so that one cause is one
 * incident. A rack goes before the subnet it is in because it names the breaker or the cable to look at, and
 * its neighbours that still run tell that the network is not the cause; where several racks of a subnet fail
 * at once the subnet is what they share. The rest stays loose. `loose` are the alerts of the last minutes,
 * new ones among them.
 */
export function groupAlerts(
  loose: readonly LooseAlert[],
  open: readonly OpenIncident[],
  options: GroupingOptions,
): Grouping {
  const byPlace = new Map(open.map((incident) => [keyOf(incident), incident.incidentId]));
  const joins: Grouping['joins'][number][] = [];
  const incidents: NewIncident[] = [];
  let rest: LooseAlert[] = [];
  for (const alert of loose) {
    const known = placesOf(alert).map((place) => byPlace.get(keyOf(place)));
    const incidentId = known.find((id) => id !== undefined);
    if (incidentId === undefined) rest.push(alert);
    else joins.push({ alertId: alert.alertId, incidentId });
  }
  const take = (place: IncidentPlace, alerts: readonly LooseAlert[]): void => {
    const taken = new Set(alerts.map((alert) => alert.alertId));
    rest = rest.filter((alert) => !taken.has(alert.alertId));
    incidents.push({
      ...place,
      siteName: alerts[0]?.siteName ?? '',
      severity: alerts.some((alert) => alert.severity === 'critical') ? 'critical' : 'warning',
      alertIds: alerts.map((alert) => alert.alertId),
    });
  };
  for (const { place, alerts } of wholeSites(rest, open, options)) take(place, alerts);
  const enough = ({ alerts }: Group): boolean => alerts.length >= options.minAlerts;
  const failing = (alerts: readonly LooseAlert[], scope: IncidentScope): Group[] =>
    groupBy(alerts, (alert) => placesOf(alert).find((place) => place.scope === scope)).filter(enough);
  for (const { place, alerts } of failing(rest, 'pool')) take(place, alerts);
  for (const { place, alerts } of failing(rest, 'subnet'))
    if (failing(alerts, 'rack').length > 1) take(place, alerts);
  for (const scope of ['rack', 'subnet'] as const)
    for (const { place, alerts } of failing(rest, scope)) take(place, alerts);
  return { joins, incidents };
}

/** Sites of which so many subnets fail alike that the cause is the site's. */
function wholeSites(
  loose: readonly LooseAlert[],
  open: readonly OpenIncident[],
  options: GroupingOptions,
): Group[] {
  const subnets = groupBy(loose, (alert) => placesOf(alert).find((place) => place.scope === 'subnet'));
  const failing = subnets.filter(({ alerts }) => alerts.length >= options.minAlerts);
  const failingOf = new Map<string, Set<string>>();
  const failed = [...failing.map(({ place }) => ({ ...place, subnet: place.place })), ...open];
  for (const place of failed) {
    if (place.subnet === null) continue;
    const key = keyOf(sitePlace(place));
    failingOf.set(key, (failingOf.get(key) ?? new Set()).add(place.subnet));
  }
  const isWhole = (place: IncidentPlace): boolean =>
    (failingOf.get(keyOf(place))?.size ?? 0) >= options.minSubnets;
  return groupBy(loose, (alert) => [sitePlace(kindred(alert))].find(isWhole)).filter(
    ({ alerts }) => alerts.length >= options.minAlerts,
  );
}

interface Group {
  readonly place: IncidentPlace;
  readonly alerts: LooseAlert[];
}

function groupBy(
  alerts: readonly LooseAlert[],
  placeOf: (alert: LooseAlert) => IncidentPlace | undefined,
): Group[] {
  const groups = new Map<string, Group>();
  for (const alert of alerts) {
    const place = placeOf(alert);
    if (place === undefined) continue;
    const group = groups.get(keyOf(place)) ?? { place, alerts: [] };
    group.alerts.push(alert);
    groups.set(keyOf(place), group);
  }
  return [...groups.values()];
}

/** Where an alert may belong, the widest place first. */
function placesOf(alert: LooseAlert): IncidentPlace[] {
  const { siteId, kind, subnet, rack, pool } = alert;
  const places: IncidentPlace[] = [sitePlace(kindred(alert))];
  if (pool !== null && poolKinds.has(kind)) places.push({ siteId, kind, scope: 'pool', place: pool });
  if (rack !== null) places.push({ siteId, kind, scope: 'rack', place: rack });
  if (subnet !== null) places.push({ siteId, kind, scope: 'subnet', place: subnet });
  return places;
}

const kindred = (alert: LooseAlert): LooseAlert => ({ ...alert, kind: siteKinds[alert.kind] ?? alert.kind });

const sitePlace = ({ siteId, kind }: Pick<IncidentPlace, 'siteId' | 'kind'>): IncidentPlace => ({
  siteId,
  kind,
  scope: 'site',
  place: '',
});

const keyOf = ({ siteId, kind, scope, place }: IncidentPlace): string =>
  JSON.stringify([siteId, kind, scope, place]);
