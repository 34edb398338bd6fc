import { number, UNKNOWN, words } from '../format.js';
import { Age } from '../parts.js';
import type { Cluster } from './cluster.js';

function Ago({ of }: { readonly of: string | null }) {
  return of === null ? (
    <>{UNKNOWN}</>
  ) : (
    <>
      <Age of={of} /> ago
    </>
  );
}

/** Shards as the api orders them: late ones first. */
export function Shards({ shards }: { readonly shards: Cluster['shards'] }) {
  return (
    <div class="table-scroll" tabIndex={0} role="region" aria-labelledby="shards-title">
      <table class="cluster-table">
        <thead>
          <tr>
            <th>State</th>
            <th>Zone</th>
            <th>Addresses</th>
            <th class="n">Last slot</th>
            <th>Polled by</th>
            <th class="n">Told</th>
            <th class="n">Online</th>
            <th class="n">Skipped</th>
          </tr>
        </thead>
        <tbody>
          {shards.map((shard) => (
            <tr key={`${shard.site_id} ${shard.shard_id}`} data-shard={shard.shard_id}>
              <td>
                <span class="cluster-state" data-state={shard.state}>
                  {shard.state}
                </span>
              </td>
              <td>{shard.zone}</td>
              <td>
                <span class="cluster-ranges" title={shard.ranges}>
                  {shard.ranges}
                </span>
              </td>
              <td class="n">
                <Ago of={shard.last_slot} />
              </td>
              <td title={shard.polled_by ?? undefined}>
                {shard.polled_by_host === null
                  ? (shard.polled_by ?? UNKNOWN)
                  : `${shard.polled_by_host}:${shard.polled_by_pid ?? UNKNOWN}`}
              </td>
              <td class="n">
                <Ago of={shard.polled_at} />
              </td>
              <td class="n">
                {number(shard.online)} of {number(shard.addresses)}
              </td>
              <td class="n">
                {number(shard.skipped)}
                {shard.skip_reason !== null && <span class="quiet"> {words(shard.skip_reason)}</span>}
              </td>
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}
