import type { ComponentChildren } from 'preact';
import { useEffect, useState } from 'preact/hooks';
import type { LivePage } from '../../../src/domain/ingest.js';
import { useResource } from './api.js';
import type { Site, TopMiners } from './api.js';
import { ClusterPage } from './cluster/cluster-page.js';
import { BatchDialog } from './commands/batch-dialog.js';
import { CommandsPage } from './commands/commands-page.js';
import { Detail } from './detail.js';
import { duration, hashrate, number, text } from './format.js';
import { Header } from './header.js';
import { Login } from './login.js';
import { Miners } from './miners.js';
import { Problem } from './parts.js';
import { useRoute } from './route.js';
import type { Route } from './route.js';
import { mayCommand, useSession } from './session.js';
import type { Me } from './session.js';
import { States } from './states.js';
import { useNow, useStream } from './stream.js';
import type { Stream } from './stream.js';
import { Summary } from './summary.js';
import { TopLists } from './top-lists.js';
import { UserMenu } from './user-menu.js';

function livePath(site: number, route: Route): string {
  const query = new URLSearchParams({
    page: String(route.page),
    per_page: String(route.perPage),
    sort: route.sort,
    order: route.descending ? 'desc' : 'asc',
  });
  if (route.onlineOnly) query.set('online_only', 'true');
  if (route.state !== '') query.set('state', route.state);
  if (route.search !== '') query.set('search', route.search);
  return `/live/${site}?${query.toString()}`;
}

/** The figures of the page in its title, for a tab that is not looked at. */
function useTitle({ summary, connection }: Stream): void {
  useEffect(() => {
    if (summary === null) return;
    const mark = connection === 'live' ? '' : '(!) ';
    const { online_miners: online, total_miners: total } = summary;
    document.title = `${mark}${text(hashrate(summary.total_hashrate_ths))} · ${number(online)}/${number(total)} · Headframe`;
  }, [summary, connection]);
}

function NoMiners({ name }: { readonly name: string }) {
  return (
    <section class="empty" data-testid="empty">
      <h2>No miner has answered yet</h2>
      <p>
        {name} is known, and nothing has been read from it so far. The first readings come one or two poll
        intervals after a poller starts.
      </p>
      <ul>
        <li>
          <code>headframe doctor</code> shows the ranges in force and whether every part is reached.
        </li>
        <li>
          <code>headframe probe ADDRESS</code> asks one miner and prints what it says.
        </li>
      </ul>
    </section>
  );
}

function NoSites({ error }: { readonly error: string | null }) {
  if (error !== null)
    return <Problem>The list of sites could not be read. Trying again by itself. {error}</Problem>;
  return (
    <section class="empty" data-testid="empty">
      <h2>There is no site yet</h2>
      <p>
        Name one with its address ranges in <code>headframe.yaml</code> and start a poller, or run{' '}
        <code>headframe demo</code> for a simulated farm.
      </p>
    </section>
  );
}

/** While nothing comes, says so in words; the figures below are dimmed. */
function Stalled({ stream, error }: { readonly stream: Stream; readonly error: string | null }) {
  const now = useNow();
  if (stream.connection !== 'reconnecting' || stream.receivedAt === null) return null;
  return (
    <p class="problem" data-testid="stalled">
      These figures are {duration((now - stream.receivedAt) / 1000)} old: the connection to the api is lost.
      Trying again by itself. {error}
    </p>
  );
}

/** The page, to who may see it; else the form to sign in. */
export function App() {
  const { session, enter, leave, ask } = useSession();
  if (session === 'unknown') return <p class="quiet">Loading…</p>;
  if (session === null) return <Login enter={enter} />;
  return <Farm me={session} menu={<UserMenu me={session} leave={leave} ask={ask} />} />;
}

function Farm({ me, menu }: { readonly me: Me; readonly menu: ComponentChildren }) {
  const [route, go] = useRoute();
  const retry = useNow(5000);
  const sites = useResource<readonly Site[]>('/sites', retry);
  const list = sites.data ?? [];
  const site = route.site ?? list[0]?.site_id ?? null;
  const stream = useStream(site);
  const isLost = stream.connection !== 'live';
  // Without events the requests go on, slowly: their errors say what is wrong.
  const tick = isLost ? -retry : stream.tick;
  const live = useResource<LivePage>(site === null ? null : livePath(site, route), tick);
  const top = useResource<TopMiners>(site === null ? null : `/top/${site}`, tick);
  useTitle(stream);
  const { summary } = stream;
  const mayAct = mayCommand(me);
  const [isTelling, setTelling] = useState(false);

  return (
    <>
      <Header sites={list} site={site} stream={stream} route={route} go={go} menu={menu} />
      <main data-lost={stream.connection === 'reconnecting' ? '' : undefined}>
        <Stalled stream={stream} error={live.error} />
        {site === null && !sites.isLoading && <NoSites error={sites.error} />}
        {summary === null && site !== null && (
          <p class="quiet">Waiting for the first figures… {live.error}</p>
        )}
        {route.view === 'farm' && summary !== null && summary.total_miners === 0 && (
          <NoMiners name={summary.site_name} />
        )}
        {route.view === 'commands' && site !== null && (
          <CommandsPage key={site} site={site} me={me} route={route} go={go} />
        )}
        {route.view === 'cluster' && site !== null && <ClusterPage key={site} site={site} />}
        {route.view === 'farm' && summary !== null && summary.total_miners > 0 && (
          <>
            <Summary stream={stream} summary={summary} />
            <div class="overview">
              <States summary={summary} selected={route.state} go={go} />
              <TopLists top={top} route={route} go={go} />
            </div>
            <Miners
              live={isLost ? { ...live, error: null } : live}
              route={route}
              go={go}
              onTell={mayAct ? () => setTelling(true) : null}
            />
          </>
        )}
      </main>
      {site !== null && route.miner !== '' && (
        <Detail
          site={site}
          miner={route.miner}
          neighbours={live.data?.miners.map((miner) => miner.miner_id) ?? []}
          tick={tick}
          go={go}
          mayAct={mayAct}
        />
      )}
      {site !== null && isTelling && (
        <BatchDialog site={site} route={route} go={go} onClose={() => setTelling(false)} />
      )}
    </>
  );
}
