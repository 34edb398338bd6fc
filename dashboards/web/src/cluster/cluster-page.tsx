import { useState } from 'preact/hooks';
import { useResource } from '../api.js';
import { number } from '../format.js';
import { Problem } from '../parts.js';
import { useNow } from '../stream.js';
import type { Cluster } from './cluster.js';
import { Members } from './members.js';
import { Shards } from './shards.js';
import { Zones } from './zones.js';

const perPage = 50;
const refreshMs = 3000;

/** Who polls what of a site, what is late and who is lost. */
export function ClusterPage({ site }: { readonly site: number }) {
  const now = useNow(refreshMs);
  const [page, setPage] = useState(1);
  const query = new URLSearchParams({
    site_id: String(site),
    shards: 'all',
    page: String(page),
    per_page: String(perPage),
  });
  const { data, error, isLoading } = useResource<Cluster>(`/cluster?${query.toString()}`, now);
  return (
    <>
      {error !== null && <Problem>The cluster could not be read. Trying again by itself. {error}</Problem>}
      {data === null && isLoading && <p class="quiet">Loading…</p>}
      {data !== null && data.members.length === 0 && <NoMembers />}
      {data !== null && data.members.length > 0 && <Health cluster={data} />}
      {data !== null && data.members.length > 0 && (
        <section class="card" aria-labelledby="members-title" data-testid="members">
          <h2 id="members-title">Members</h2>
          <Members members={data.members} />
        </section>
      )}
      {data !== null && data.site_zones.length > 0 && (
        <section class="card" aria-labelledby="zones-title" data-testid="zones">
          <h2 id="zones-title">Zones</h2>
          <Zones cluster={data} />
        </section>
      )}
      {data !== null && data.totals.shards > 0 && (
        <section class="card" aria-labelledby="shards-title" data-testid="shards">
          <h2 id="shards-title">Shards</h2>
          <Shards shards={data.shards} />
          <nav class="pager" aria-label="Pages of shards">
            <span class="pager-range" role="status">
              {data.shards.length === 0
                ? `None on page ${number(data.page)}`
                : `${number((data.page - 1) * perPage + 1)}–${number((data.page - 1) * perPage + data.shards.length)}`}{' '}
              of {number(data.totals.shards)}, late ones first
            </span>
            <span class="pager-buttons">
              <button type="button" disabled={page === 1} onClick={() => setPage(page - 1)}>
                Previous
              </button>
              <button type="button" disabled={isLoading || !data.has_more} onClick={() => setPage(page + 1)}>
                Next
              </button>
            </span>
          </nav>
        </section>
      )}
    </>
  );
}

/** What is wrong, in words, or that nothing is. */
function Health({ cluster }: { readonly cluster: Cluster }) {
  const { problems, totals } = cluster;
  if (problems.length === 0)
    return (
      <p class="cluster-well" data-testid="cluster-well">
        All is well: {number(totals.live_pollers)} live {totals.live_pollers === 1 ? 'poller' : 'pollers'},{' '}
        {number(totals.shards)} {totals.shards === 1 ? 'shard' : 'shards'}, none late.
      </p>
    );
  return (
    <ul class="problem cluster-problems" data-testid="cluster-problems">
      {problems.map((problem) => (
        <li key={problem}>{problem}</li>
      ))}
    </ul>
  );
}

function NoMembers() {
  return (
    <section class="empty" data-testid="empty">
      <h2>No process has told of itself yet</h2>
      <p>
        Pollers, coordinators and edges of this site show here some seconds after they start. One that runs
        elsewhere needs <code>upload.url</code> and a key of this site.
      </p>
      <ul>
        <li>
          <code>headframe keys create SITE</code> makes a key.
        </li>
        <li>
          <code>headframe doctor</code> on that machine shows whether it reaches the api.
        </li>
      </ul>
    </section>
  );
}
