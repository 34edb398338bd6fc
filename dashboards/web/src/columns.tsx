import type { ComponentChildren } from 'preact';
import type { LiveMiner, LiveSort } from '../../../src/domain/ingest.js';
import {
  duration,
  hashrate,
  number,
  percent,
  power,
  quantity,
  rangeOf,
  temperature,
  text,
  UNKNOWN,
} from './format.js';
import { Age, Bar, HealthWord, State, Value } from './parts.js';

/** One column of the miners table. */
export interface Column {
  readonly id: string;
  readonly label: string;
  /** The order it stands for, when the api can sort by it. */
  readonly sort?: LiveSort;
  /** Which end comes first on the first click. */
  readonly descendingFirst?: boolean;
  readonly isNumeric?: boolean;
  readonly cell: (miner: LiveMiner) => ComponentChildren;
}

function Ratio({ miner }: { readonly miner: LiveMiner }) {
  const { hashrate_ths: actual, hashrate_expected_ths: nominal } = miner;
  const share = percent(actual, nominal);
  if (actual === null || nominal === null || nominal <= 0) return <>{UNKNOWN}</>;
  return (
    <span class="ratio">
      <Bar share={actual / nominal} label={`${text(share)} of nominal`} />
      <Value of={share} />
    </span>
  );
}

function fans(rpm: readonly (number | null)[]): ComponentChildren {
  const range = rangeOf(rpm);
  if (range === null) return UNKNOWN;
  const [low, high] = range;
  return <Value of={{ value: low === high ? number(low) : `${number(low)}–${number(high)}`, unit: 'rpm' }} />;
}

function rejected(miner: LiveMiner): ComponentChildren {
  const { accepted_shares: accepted, rejected_shares: refused } = miner;
  if (refused === null) return UNKNOWN;
  const share = accepted === null ? null : percent(refused, accepted + refused, 2);
  return (
    <span title={`${number(refused)} of ${number((accepted ?? 0) + refused)} shares`}>
      {share === null || share.unit === '' ? number(refused) : <Value of={share} />}
    </span>
  );
}

/** The table from left to right. */
export const columns: readonly Column[] = [
  { id: 'state', label: 'State', sort: 'state', cell: (m) => <State name={m.state} /> },
  {
    id: 'health',
    label: 'Health',
    cell: (m) => <HealthWord name={m.health} reason={m.error_class} title={m.error_message} />,
  },
  {
    id: 'hashrate',
    label: 'Hashrate',
    sort: 'hashrate',
    descendingFirst: true,
    isNumeric: true,
    cell: (m) => <Value of={hashrate(m.hashrate_ths)} />,
  },
  { id: 'ratio', label: 'Of nominal', sort: 'ratio', isNumeric: true, cell: (m) => <Ratio miner={m} /> },
  {
    id: 'temperature',
    label: 'Hottest',
    sort: 'temperature',
    descendingFirst: true,
    isNumeric: true,
    cell: (m) => <Value of={temperature(m.temperature_max)} />,
  },
  { id: 'fans', label: 'Fans', isNumeric: true, cell: (m) => fans(m.fan_speeds) },
  { id: 'power', label: 'Power', isNumeric: true, cell: (m) => <Value of={power(m.power_w)} /> },
  {
    id: 'efficiency',
    label: 'Efficiency',
    isNumeric: true,
    cell: ({ power_w: watts, hashrate_ths: ths }) => (
      <Value of={quantity(watts === null || ths === null || ths <= 0 ? null : watts / ths, 'J/TH', 1)} />
    ),
  },
  {
    id: 'boards',
    label: 'Boards',
    isNumeric: true,
    cell: (m) =>
      m.boards_total === null
        ? UNKNOWN
        : `${m.boards_healthy === null ? '?' : m.boards_healthy} of ${m.boards_total}`,
  },
  {
    id: 'rejected',
    label: 'Rejected',
    sort: 'rejected',
    descendingFirst: true,
    isNumeric: true,
    cell: rejected,
  },
  {
    id: 'uptime',
    label: 'Uptime',
    isNumeric: true,
    cell: (m) => duration(m.uptime_hours === null ? null : m.uptime_hours * 3600),
  },
  { id: 'model', label: 'Model', cell: (m) => <span class="clip">{m.model ?? UNKNOWN}</span> },
  {
    id: 'seen',
    label: 'Last seen',
    sort: 'last_seen',
    isNumeric: true,
    cell: (m) => <Age of={m.last_seen} isStale={m.is_stale} />,
  },
];
