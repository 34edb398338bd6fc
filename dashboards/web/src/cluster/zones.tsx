import { duration, number, UNKNOWN } from '../format.js';
import { share, type Cluster } from './cluster.js';

/** Zones of sites: what is in them, who reaches them, and how evenly it is shared. */
export function Zones({ cluster }: { readonly cluster: Cluster }) {
  const imbalances = new Map(cluster.zones.map((zone) => [zone.zone, zone.imbalance]));
  return (
    <div class="table-scroll" tabIndex={0} role="region" aria-labelledby="zones-title">
      <table class="cluster-table">
        <thead>
          <tr>
            <th>Zone</th>
            <th>Site</th>
            <th class="n">Live pollers</th>
            <th class="n">Imbalance</th>
            <th class="n">Shards</th>
            <th class="n">Late</th>
            <th class="n">Addresses</th>
            <th class="n">Longest lag</th>
            <th class="n">Skipped</th>
          </tr>
        </thead>
        <tbody>
          {cluster.site_zones.map((zone) => (
            <tr key={`${zone.site_id} ${zone.zone}`} data-zone={zone.zone}>
              <td>{zone.zone}</td>
              <td>{zone.site}</td>
              <td class="n">
                {zone.live_pollers === 0 ? (
                  <span class="cluster-bad">not reached</span>
                ) : (
                  number(zone.live_pollers)
                )}
              </td>
              <td class="n">{share(imbalances.get(zone.zone) ?? null)}</td>
              <td class="n">{number(zone.shards)}</td>
              <td class="n">
                <span class={zone.late > 0 ? 'cluster-bad' : undefined}>{number(zone.late)}</span>
              </td>
              <td class="n">{number(zone.addresses)}</td>
              <td class="n">{zone.max_lag_s === null ? UNKNOWN : duration(zone.max_lag_s)}</td>
              <td class="n">{number(zone.skipped)}</td>
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}
