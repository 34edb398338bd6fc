import type { ComponentChildren } from 'preact';
import type { Site } from './api.js';
import { duration } from './format.js';
import { RouteLink } from './parts.js';
import { views, type Go, type Route } from './route.js';
import { useNow } from './stream.js';
import type { Stream } from './stream.js';

const words = { connecting: 'Connecting…', live: 'Live', reconnecting: 'Reconnecting…' } as const;

/** How fresh the page is. The word is read out when it changes; the seconds are not. */
export function ConnectionState({ stream }: { readonly stream: Stream }) {
  const now = useNow();
  const ageS = stream.receivedAt === null ? null : (now - stream.receivedAt) / 1000;
  const isLate = ageS !== null && ageS > 6;
  return (
    <div id="connection" data-connection={stream.connection}>
      <span role="status" class="connection-word">
        {words[stream.connection]}
      </span>
      {ageS !== null && (stream.connection !== 'live' || isLate) && (
        <span class="connection-age">last update {duration(ageS)} ago</span>
      )}
    </div>
  );
}

interface HeaderProps {
  readonly sites: readonly Site[];
  readonly site: number | null;
  readonly stream: Stream;
  readonly route: Route;
  readonly go: Go;
  /** Who looks at the page. */
  readonly menu: ComponentChildren;
}

const viewNames = { farm: 'Farm', commands: 'Commands', cluster: 'Cluster' } as const satisfies Record<
  Route['view'],
  string
>;

/** Name, site, parts of the page, and how fresh the page is. */
export function Header({ sites, site, stream, route, go, menu }: HeaderProps) {
  return (
    <header class="top">
      <img src="/favicon.svg" alt="" width="26" height="26" />
      <h1 class="brand">Headframe</h1>
      {sites.length > 1 ? (
        <select
          aria-label="Site"
          value={String(site ?? '')}
          onChange={(event) =>
            go({
              site: Number(event.currentTarget.value),
              state: '',
              search: '',
              miner: '',
              batch: null,
            })
          }
        >
          {sites.map((each) => (
            <option key={each.site_id} value={String(each.site_id)}>
              {each.site_name}
            </option>
          ))}
        </select>
      ) : (
        <p class="site">{stream.summary?.site_name ?? sites[0]?.site_name ?? ''}</p>
      )}
      <nav class="views" aria-label="Parts of the page">
        {views.map((view) => (
          <RouteLink
            key={view}
            to={{ view, miner: '', batch: null }}
            route={route}
            go={go}
            isCurrent={route.view === view}
          >
            {viewNames[view]}
          </RouteLink>
        ))}
      </nav>
      <ConnectionState stream={stream} />
      {menu}
    </header>
  );
}
