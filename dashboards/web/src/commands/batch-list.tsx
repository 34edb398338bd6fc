import { useState } from 'preact/hooks';
import type { BatchRecord } from '../../../../src/domain/command-batches.js';
import { commandStatuses } from '../../../../src/domain/commands.js';
import { ask } from '../api.js';
import { number, words } from '../format.js';
import { Age, Problem, RouteLink } from '../parts.js';
import type { Go, Route } from '../route.js';
import { kindTexts, paramsText } from './orders.js';

/** How the commands of a batch stand: one piece per status, as wide as its share. */
function Progress({ batch }: { readonly batch: BatchRecord }) {
  let x = 0;
  const counts = commandStatuses.flatMap((status) => {
    const count = batch.by_status[status] ?? 0;
    return count === 0 ? [] : [[status, count] as const];
  });
  const text = counts.map(([status, count]) => `${number(count)} ${status}`).join(', ');
  return (
    <div class="batch-progress">
      <svg class="stack" viewBox="0 0 1000 8" preserveAspectRatio="none" role="img" aria-label={text}>
        <rect class="bar-track" width="1000" height="8" />
        {counts.map(([status, count]) => {
          const width = (count / Math.max(1, batch.total)) * 1000;
          x += width;
          return <rect key={status} data-status={status} x={x - width} width={width} height="8" />;
        })}
      </svg>
      <span class="quiet">
        {text}
        {(batch.by_confirmation['confirmed'] ?? 0) > 0 &&
          `; ${number(batch.by_confirmation['confirmed'] ?? 0)} confirmed by readings`}
        {(batch.by_confirmation['not_confirmed'] ?? 0) > 0 &&
          `; ${number(batch.by_confirmation['not_confirmed'] ?? 0)} not confirmed`}
      </span>
    </div>
  );
}

function howText(batch: BatchRecord): string {
  const { wave_size: size, wave, total, pause_s: pause, max_failed_percent: most } = batch;
  const how =
    size === null
      ? []
      : [`wave ${wave} of ${Math.ceil(total / size)}, ${size} at a time, ${pause} s between`];
  return [...how, `stops when more than ${most} % fail or get worse`].join('; ');
}

interface BatchListProps {
  readonly batches: readonly BatchRecord[];
  readonly mayAct: boolean;
  /** Who looks: a batch of one's own is approved by somebody else. */
  readonly name: string;
  readonly route: Route;
  readonly go: Go;
  readonly onChanged: () => void;
}

/** Batches with how far they are, and what may be done about them. */
export function BatchList({ batches, mayAct, name, route, go, onChanged }: BatchListProps) {
  const [error, setError] = useState<string | null>(null);
  const act = async (method: 'POST' | 'DELETE', path: string): Promise<void> => {
    setError(null);
    await ask(method, `/commands/batches/${path}`, method === 'POST' ? { body: {} } : {}).catch(
      (cause: unknown) => setError((cause as Error).message),
    );
    onChanged();
  };
  return (
    <>
      {error !== null && <Problem>{error}</Problem>}
      <ul class="batches">
        {batches.map((batch) => {
          const { batch_id: id, state } = batch;
          const isOpen = state === 'waiting_approval' || state === 'running';
          return (
            <li key={id} data-batch={id} data-state={state}>
              <div class="batch-line">
                <RouteLink
                  class="batch-what"
                  to={{ batch: route.batch === id ? null : id }}
                  route={route}
                  go={go}
                  isCurrent={route.batch === id}
                >
                  {kindTexts[batch.command].name} {number(batch.total)}{' '}
                  {batch.total === 1 ? 'miner' : 'miners'}
                </RouteLink>
                <span class="quiet">{paramsText(batch.params)}</span>
                <span class="batch-state" data-state={state}>
                  {words(state)}
                </span>
                <span class="command-by quiet">
                  {batch.created_by}, <Age of={batch.created_at} /> ago
                  {batch.approved_by !== null && `, approved by ${batch.approved_by}`}
                </span>
                {mayAct && state === 'waiting_approval' && batch.created_by !== name && (
                  <button type="button" class="primary" onClick={() => void act('POST', `${id}/approve`)}>
                    Approve
                  </button>
                )}
                {mayAct && isOpen && (
                  <button type="button" onClick={() => void act('DELETE', String(id))}>
                    Cancel
                  </button>
                )}
              </div>
              <Progress batch={batch} />
              <p class="quiet">
                {howText(batch)}
                {batch.ended_because !== null && `; ended: ${batch.ended_because}`}
                {state === 'waiting_approval' &&
                  batch.created_by === name &&
                  '; somebody else has to approve it'}
              </p>
            </li>
          );
        })}
      </ul>
    </>
  );
}
