import type { Config } from '../config/schema.js';
import type { Alert } from '../domain/alerts.js';
import { commandNote, systemUser } from './audit.js';
import { columns } from './columns.js';
import { refuseMissing, siteIdsOf, withStore } from './data.js';

/** Alerts in one list, at most. */
const maxListed = 10_000;

/** `headframe alerts list`: those not over, the newest first; with `isAll` then those that are. */
export async function listAlerts(
  config: Config,
  options: { readonly site: string | null; readonly isAll: boolean; readonly isJson: boolean },
  print: (line: string) => void,
): Promise<number> {
  refuseMissing(config);
  return withStore(config, async ({ sites, alerts }) => {
    const siteIds = siteIdsOf(await sites.sites(), options.site);
    const state = options.isAll ? null : 'unresolved';
    const list = await alerts.list({ siteIds, state, incidentId: null, limit: maxListed });
    if (options.isJson) print(JSON.stringify(list));
    else if (list.length === 0) print(options.isAll ? 'no alerts' : 'no open alerts');
    else print(alertTable(list));
    if (list.length === maxListed) process.stderr.write(`The first ${maxListed}; there may be more.\n`);
    return 0;
  });
}

/** `headframe alerts ack`; exit code 1 when there is no such alert. The first to acknowledge stays named. */
export async function acknowledgeAlert(
  config: Config,
  options: { readonly id: number; readonly note: string | null },
  print: (line: string) => void,
): Promise<number> {
  refuseMissing(config);
  const { id, note } = options;
  return withStore(config, async (store) => {
    const now = new Date();
    const found = await store.alerts.find(id);
    const siteId = found?.site_id ?? null;
    const line = commandNote({ what: 'acknowledge', thing: 'alert', siteId, after: {} });
    const alert = await store.alerts.acknowledge(id, systemUser(), note, now, line);
    if (alert === null) print(`there is no alert ${id}`);
    else if (alert.acknowledged_at === now.toISOString()) print(`alert ${id} is acknowledged`);
    else
      print(
        `alert ${id} was acknowledged by ${alert.acknowledged_by ?? ''} at ${alert.acknowledged_at ?? ''}`,
      );
    return alert === null ? 1 : 0;
  });
}

function alertTable(list: readonly Alert[]): string {
  const rows = list.map((alert) => [
    String(alert.id),
    alert.level,
    alert.state,
    alert.site_name,
    alert.alert_type,
    alert.incident_id === null ? '-' : String(alert.incident_id),
    alert.triggered_at,
    // What a miner calls itself is in it.
    alert.message.replace(/\s+/g, ' '),
  ]);
  return columns([['id', 'level', 'state', 'site', 'kind', 'incident', 'since', 'message'], ...rows]).join(
    '\n',
  );
}
