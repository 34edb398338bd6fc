import type { ComponentChildren } from 'preact';
import type { LiveMiner } from '../../../src/domain/ingest.js';
import type { Resource, TopMiners } from './api.js';
import { hashrate, percent, temperature, UNKNOWN } from './format.js';
import { RouteLink, Value } from './parts.js';
import type { Go, Route } from './route.js';

/** Rows shown of each list. */
const ROWS = 8;

interface MinerLinkProps {
  readonly id: string;
  readonly route: Route;
  readonly go: Go;
}

/** A miner's name that opens its detail; a real address, so that it can be opened apart. */
export function MinerLink({ id, route, go }: MinerLinkProps) {
  return (
    <RouteLink class="miner-link" to={{ miner: id }} route={route} go={go}>
      {id}
    </RouteLink>
  );
}

interface ListProps {
  readonly id: string;
  readonly title: string;
  readonly columns: readonly [string, string];
  readonly empty: string;
  readonly miners: readonly LiveMiner[] | undefined;
  readonly row: (miner: LiveMiner) => readonly [ComponentChildren, ComponentChildren];
  readonly route: Route;
  readonly go: Go;
}

function List({ id, title, columns, empty, miners, row, route, go }: ListProps) {
  return (
    <section class="card" aria-labelledby={`${id}-title`}>
      <h2 id={`${id}-title`}>{title}</h2>
      {miners?.length === 0 && <p class="quiet">{empty}</p>}
      {miners !== undefined && miners.length > 0 && (
        <table id={id} class="compact">
          <thead>
            <tr>
              <th scope="col">Miner</th>
              <th scope="col">Model</th>
              <th scope="col" class="num">
                {columns[0]}
              </th>
              <th scope="col" class="num">
                {columns[1]}
              </th>
            </tr>
          </thead>
          <tbody>
            {miners.slice(0, ROWS).map((miner) => {
              const [first, second] = row(miner);
              return (
                <tr key={miner.miner_id}>
                  <td>
                    <MinerLink id={miner.miner_id} route={route} go={go} />
                  </td>
                  <td class="rest quiet" title={miner.model ?? undefined}>
                    {miner.model ?? UNKNOWN}
                  </td>
                  <td class="num">{first}</td>
                  <td class="num">{second}</td>
                </tr>
              );
            })}
          </tbody>
        </table>
      )}
    </section>
  );
}

interface TopListsProps {
  readonly top: Resource<TopMiners>;
  readonly route: Route;
  readonly go: Go;
}

/** The hottest miners and those furthest below their nominal hashrate. */
export function TopLists({ top, route, go }: TopListsProps) {
  return (
    <>
      <List
        id="hottest"
        title="Hottest"
        columns={['Highest', 'Average']}
        empty="No miner reports a temperature yet."
        miners={top.data?.hottest}
        row={(miner) => [
          <Value of={temperature(miner.temperature_max)} />,
          <Value of={temperature(miner.temperature_avg)} />,
        ]}
        route={route}
        go={go}
      />
      <List
        id="worst"
        title="Furthest below nominal"
        columns={['Hashrate', 'Of nominal']}
        empty="No miner is below its nominal hashrate."
        miners={top.data?.worst}
        row={(miner) => [
          <Value of={hashrate(miner.hashrate_ths)} />,
          <Value of={percent(miner.hashrate_ths, miner.hashrate_expected_ths)} />,
        ]}
        route={route}
        go={go}
      />
    </>
  );
}
