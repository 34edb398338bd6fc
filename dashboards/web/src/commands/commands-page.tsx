import { useState } from 'preact/hooks';
import type { BatchRecord } from '../../../../src/domain/command-batches.js';
import type { CommandRecord } from '../../../../src/domain/command-queue.js';
import { commandStatuses } from '../../../../src/domain/commands.js';
import { useResource } from '../api.js';
import { number } from '../format.js';
import { Problem } from '../parts.js';
import type { Go, Route } from '../route.js';
import { mayCommand, type Me } from '../session.js';
import { useNow } from '../stream.js';
import { MinerLink } from '../top-lists.js';
import { BatchList } from './batch-list.js';
import { CommandList } from './command-list.js';

const firstRows = 50;
const maxRows = 1_000;
const maxBatches = 20;
/** Between two looks, so that what was just done is seen. */
const soonMs = 300;

interface CommandsPageProps {
  readonly site: number;
  readonly me: Me;
  readonly route: Route;
  readonly go: Go;
}

/** Batches and commands of a site, the newest first, as they go on. */
export function CommandsPage({ site, me, route, go }: CommandsPageProps) {
  const now = useNow(2000);
  const [changes, setChanges] = useState(0);
  const [status, setStatus] = useState('');
  const [limit, setLimit] = useState(firstRows);
  const tick = now + changes;
  const query = new URLSearchParams({ site_id: String(site), limit: String(limit) });
  if (status !== '') query.set('status', status);
  if (route.batch !== null) query.set('batch_id', String(route.batch));
  const commands = useResource<{ commands: readonly CommandRecord[] }>(
    `/commands/history?${query.toString()}`,
    tick,
    soonMs,
  );
  const batches = useResource<{ batches: readonly BatchRecord[] }>(
    `/commands/batches?site_id=${site}&limit=${maxBatches}`,
    tick,
    soonMs,
  );
  const rows = commands.data?.commands ?? [];
  const list = batches.data?.batches ?? [];
  const onChanged = (): void => setChanges((n) => n + 1);
  const mayAct = mayCommand(me);
  return (
    <>
      <section class="card" aria-labelledby="batches-title" data-testid="batches">
        <h2 id="batches-title">Batches</h2>
        {batches.error !== null && <Problem>The batches could not be read. {batches.error}</Problem>}
        {batches.data !== null && list.length === 0 && (
          <p class="quiet">
            None yet. {mayAct && 'Filter the table of miners, and tell all of them at once what to do.'}
          </p>
        )}
        <BatchList
          batches={list}
          mayAct={mayAct}
          name={me.name}
          route={route}
          go={go}
          onChanged={onChanged}
        />
      </section>
      <section class="card" aria-labelledby="all-commands-title" data-testid="all-commands">
        <div class="miners-head">
          <h2 id="all-commands-title">
            {route.batch === null ? 'Commands' : `Commands of batch ${route.batch}`}
          </h2>
          <div class="toolbar">
            <select
              id="status-filter"
              aria-label="Status"
              value={status}
              onChange={({ currentTarget }) => setStatus(currentTarget.value)}
            >
              <option value="">Every status</option>
              {commandStatuses.map((each) => (
                <option key={each} value={each}>
                  {each}
                </option>
              ))}
            </select>
            {route.batch !== null && (
              <button type="button" class="plain" onClick={() => go({ batch: null })}>
                Those of all batches
              </button>
            )}
          </div>
        </div>
        {commands.error !== null && <Problem>The commands could not be read. {commands.error}</Problem>}
        {commands.data !== null && rows.length === 0 && <p class="quiet">There are none.</p>}
        <CommandList
          commands={rows}
          nameMiner={(miner) => <MinerLink id={miner} route={route} go={go} />}
          mayAct={mayAct}
          tick={tick}
          onChanged={onChanged}
        />
        {rows.length >= limit && limit < maxRows && (
          <button
            type="button"
            class="plain"
            onClick={() => setLimit((n) => Math.min(maxRows, n * 4))}
          >{`Show more than ${number(limit)}`}</button>
        )}
      </section>
    </>
  );
}
