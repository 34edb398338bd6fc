import type { LivePage } from '../../../src/domain/ingest.js';
import type { Resource } from './api.js';
import { columns } from './columns.js';
import type { Column } from './columns.js';
import { number } from './format.js';
import { Problem } from './parts.js';
import { pageSizes } from './route.js';
import type { Go, Route } from './route.js';
import { Toolbar } from './toolbar.js';
import { MinerLink } from './top-lists.js';

interface MinersProps {
  readonly live: Resource<LivePage>;
  readonly route: Route;
  readonly go: Go;
  /** Tells all of the table the same; null: the reader may not. */
  readonly onTell: (() => void) | null;
}

const nameColumn: Column = { id: 'miner', label: 'Miner', sort: 'miner_id', cell: () => null };

function Heading({ column, route, go }: { readonly column: Column; readonly route: Route; readonly go: Go }) {
  const { sort } = column;
  const className = `c-${column.id}${column.isNumeric === true ? ' num' : ''}`;
  if (sort === undefined) {
    return (
      <th scope="col" class={className}>
        {column.label}
      </th>
    );
  }
  const isSorted = route.sort === sort;
  const order = isSorted ? (route.descending ? 'descending' : 'ascending') : 'none';
  return (
    <th scope="col" class={className} aria-sort={order}>
      <button
        type="button"
        data-sort={sort}
        onClick={() =>
          go({ sort, descending: isSorted ? !route.descending : column.descendingFirst === true })
        }
      >
        {column.label}
      </button>
    </th>
  );
}

function Table({ page, isBusy, route, go }: { page: LivePage; isBusy: boolean; route: Route; go: Go }) {
  return (
    <div class="scroll" role="region" aria-labelledby="miners-title" tabIndex={0}>
      <table id="miners" aria-labelledby="miners-title" aria-busy={isBusy}>
        <thead>
          <tr>
            {[nameColumn, ...columns].map((column) => (
              <Heading key={column.id} column={column} route={route} go={go} />
            ))}
          </tr>
        </thead>
        <tbody>
          {page.miners.map((miner) => (
            <tr
              key={miner.miner_id}
              data-miner-id={miner.miner_id}
              data-stale={miner.is_stale ? '' : undefined}
              data-offline={miner.online ? undefined : ''}
              aria-current={route.miner === miner.miner_id ? 'true' : undefined}
              onClick={() => {
                if (getSelection()?.type !== 'Range') go({ miner: miner.miner_id });
              }}
            >
              <th scope="row" class="c-miner">
                <MinerLink id={miner.miner_id} route={route} go={go} />
                {miner.ip_address !== null && miner.ip_address !== miner.miner_id && (
                  <span class="address">{miner.ip_address}</span>
                )}
              </th>
              {columns.map((column) => (
                <td key={column.id} class={`c-${column.id}${column.isNumeric === true ? ' num' : ''}`}>
                  {column.cell(miner)}
                </td>
              ))}
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}

function Pager({ page, route, go }: { readonly page: LivePage; readonly route: Route; readonly go: Go }) {
  const { per_page: size, total, pages } = page.pagination;
  // The table asks for its pages by number.
  const at = page.pagination.page ?? 1;
  const first = total === 0 ? 0 : (at - 1) * size + 1;
  return (
    <nav class="pager" aria-label="Pages of the table">
      <span class="pager-range" data-testid="range" role="status">
        {number(first)}–{number(Math.min(at * size, total))} of {number(total)} miners
      </span>
      <label>
        Rows{' '}
        <select
          value={String(route.perPage)}
          onChange={(event) => go({ perPage: Number(event.currentTarget.value) })}
        >
          {pageSizes.map((each) => (
            <option key={each} value={String(each)}>
              {each}
            </option>
          ))}
        </select>
      </label>
      <span class="pager-buttons">
        <button type="button" disabled={at <= 1} onClick={() => go({ page: at - 1 })}>
          Previous
        </button>
        <span>
          Page {number(at)} of {number(Math.max(1, pages))}
        </span>
        <button type="button" disabled={at >= pages} onClick={() => go({ page: at + 1 })}>
          Next
        </button>
      </span>
    </nav>
  );
}

/** The table of miners with its filters and pages. */
export function Miners({ live, route, go, onTell }: MinersProps) {
  const { data, error, isLoading } = live;
  const isPastEnd = data !== null && data.miners.length === 0 && data.pagination.total > 0;
  return (
    <section class="card miners" aria-labelledby="miners-title">
      <div class="miners-head">
        <h2 id="miners-title">Miners</h2>
        <Toolbar route={route} go={go} />
        {onTell !== null && data !== null && data.pagination.total > 0 && (
          <button type="button" id="tell-many" onClick={onTell}>
            Tell {data.pagination.total === 1 ? 'this one' : `these ${number(data.pagination.total)}`}…
          </button>
        )}
      </div>
      {error !== null && (
        <Problem>
          The table could not be refreshed; it shows what was known before. Trying again by itself. {error}
        </Problem>
      )}
      {data === null && error === null && <p class="quiet">Loading miners…</p>}
      {data !== null && data.miners.length > 0 && (
        <Table page={data} isBusy={isLoading} route={route} go={go} />
      )}
      {data !== null && data.pagination.total === 0 && (
        <p class="quiet">
          No miner fits these filters. Clear them, or search for a part of a name or an address.
        </p>
      )}
      {isPastEnd && (
        <p class="quiet">
          There are fewer pages now.{' '}
          <button
            type="button"
            class="plain"
            onClick={() => go({ page: Math.max(1, data.pagination.pages) })}
          >
            Go to the last one
          </button>
        </p>
      )}
      {data !== null && <Pager page={data} route={route} go={go} />}
    </section>
  );
}
