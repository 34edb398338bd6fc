import { useEffect, useRef, useState } from 'preact/hooks';
import { minerStates } from '../../../src/domain/telemetry.js';
import type { LiveSort } from '../../../src/domain/ingest.js';
import { words } from './format.js';
import { SEARCH_MAX } from './route.js';
import type { Go, Route } from './route.js';

/** Quiet after the last key before the search is sent. */
const TYPING_MS = 250;

const sortNames: readonly (readonly [LiveSort, string])[] = [
  ['miner_id', 'Miner'],
  ['state', 'State'],
  ['hashrate', 'Hashrate'],
  ['ratio', 'Share of nominal'],
  ['temperature', 'Temperature'],
  ['rejected', 'Rejected shares'],
  ['last_seen', 'Last seen'],
];

function Search({ route, go }: { readonly route: Route; readonly go: Go }) {
  const [typed, setTyped] = useState(route.search);
  const timer = useRef<ReturnType<typeof setTimeout> | undefined>(undefined);
  useEffect(() => setTyped(route.search), [route.search]);
  useEffect(() => () => clearTimeout(timer.current), []);
  return (
    <input
      id="search"
      type="search"
      aria-label="Search miners"
      placeholder="Search name, address, model…"
      maxLength={SEARCH_MAX}
      autocomplete="off"
      spellcheck={false}
      value={typed}
      onInput={(event) => {
        const search = event.currentTarget.value;
        setTyped(search);
        clearTimeout(timer.current);
        timer.current = setTimeout(() => go({ search: search.trim() }, true), TYPING_MS);
      }}
    />
  );
}

/** Search, filters and (where the headings are too few) the order of the table. */
export function Toolbar({ route, go }: { readonly route: Route; readonly go: Go }) {
  const isFiltered = route.search !== '' || route.state !== '' || route.onlineOnly;
  return (
    <div class="toolbar" role="search" aria-label="Filter miners">
      <Search route={route} go={go} />
      <select
        id="state-filter"
        aria-label="State"
        value={route.state}
        onChange={(event) => go({ state: event.currentTarget.value as Route['state'] })}
      >
        <option value="">Every state</option>
        {minerStates.map((state) => (
          <option key={state} value={state}>
            {words(state)}
          </option>
        ))}
      </select>
      <select
        id="sort"
        class="narrow-only"
        aria-label="Order"
        value={`${route.sort} ${route.descending ? 'desc' : 'asc'}`}
        onChange={(event) => {
          const [sort, order] = event.currentTarget.value.split(' ');
          go({ sort: sort as LiveSort, descending: order === 'desc' });
        }}
      >
        {sortNames.flatMap(([sort, name]) => [
          <option key={sort} value={`${sort} asc`}>
            {name} ↑
          </option>,
          <option key={`${sort}-`} value={`${sort} desc`}>
            {name} ↓
          </option>,
        ])}
      </select>
      <label class="check">
        <input
          id="online-only"
          type="checkbox"
          checked={route.onlineOnly}
          onChange={(event) => go({ onlineOnly: event.currentTarget.checked })}
        />
        Online only
      </label>
      {isFiltered && (
        <button type="button" class="plain" onClick={() => go({ search: '', state: '', onlineOnly: false })}>
          Clear filters
        </button>
      )}
    </div>
  );
}
