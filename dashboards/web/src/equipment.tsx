import type { ComponentChildren } from 'preact';
import type { Board, ReadDetails } from './details.js';
import { hashrate, number, quantity, temperature, UNKNOWN } from './format.js';
import { HealthWord, Value } from './parts.js';

interface SectionProps {
  readonly id: string;
  readonly title: string;
  readonly note?: string;
  readonly children: ComponentChildren;
}

/** A titled part of the detail view. */
export function Section({ id, title, note, children }: SectionProps) {
  return (
    <section id={id} aria-labelledby={`${id}-title`}>
      <h3 id={`${id}-title`}>{title}</h3>
      {note !== undefined && <p class="quiet">{note}</p>}
      {children}
    </section>
  );
}

interface GridProps {
  readonly label: string;
  readonly head: readonly (string | readonly [string, 'num'])[];
  readonly rows: readonly (readonly ComponentChildren[])[];
}

/** A small table; a heading given as a pair stands over numbers. */
export function Grid({ label, head, rows }: GridProps) {
  const numeric = head.map((each) => typeof each !== 'string');
  return (
    <div class="scroll" role="region" aria-label={label} tabIndex={0}>
      <table class="compact" aria-label={label}>
        <thead>
          <tr>
            {head.map((each, at) => (
              <th key={at} scope="col" class={numeric[at] === true ? 'num' : undefined}>
                {typeof each === 'string' ? each : each[0]}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {rows.map((cells, row) => (
            <tr key={row}>
              {cells.map((cell, at) => (
                <td key={at} class={numeric[at] === true ? 'num' : undefined}>
                  {cell}
                </td>
              ))}
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}

function chipCount({ chipsOk, chipsTotal }: Board): string {
  if (chipsOk === null) return UNKNOWN;
  return chipsTotal === null ? number(chipsOk) : `${number(chipsOk)} of ${number(chipsTotal)}`;
}

/** Hash boards. */
export function Boards({ boards }: { readonly boards: readonly Board[] }) {
  if (boards.length === 0) return null;
  const hasSerials = boards.some((board) => board.serial !== null);
  const head: GridProps['head'] = [
    'Board',
    'Health',
    ['Hashrate', 'num'],
    ['Board temp.', 'num'],
    ['Chip temp.', 'num'],
    ['Chips', 'num'],
    ['Frequency', 'num'],
    ['Errors', 'num'],
    ...(hasSerials ? ['Serial number'] : []),
  ];
  return (
    <Section id="boards" title="Boards">
      <Grid
        label="Boards"
        head={head}
        rows={boards.map((board) => [
          board.id,
          <HealthWord name={board.health ?? 'unknown'} />,
          <Value of={hashrate(board.hashrateGhs === null ? null : board.hashrateGhs / 1000)} />,
          <Value of={temperature(board.temp)} />,
          <Value of={temperature(board.chipTemp)} />,
          chipCount(board),
          <Value of={quantity(board.frequencyMhz, 'MHz')} />,
          number(board.hardwareErrors),
          ...(hasSerials ? [board.serial ?? UNKNOWN] : []),
        ])}
      />
    </Section>
  );
}

/** Fans, one after the other. */
export function Fans({ fans }: Pick<ReadDetails, 'fans'>) {
  if (fans.length === 0) return null;
  return (
    <Section id="fans" title="Fans">
      <ul class="fans">
        {fans.map((fan) => (
          <li key={fan.index}>
            <span class="quiet">Fan {fan.index}</span> <Value of={quantity(fan.rpm, 'rpm')} />
          </li>
        ))}
      </ul>
    </Section>
  );
}

/** Pools in the miner's order. */
export function Pools({ pools }: Pick<ReadDetails, 'pools'>) {
  if (pools.length === 0) return null;
  return (
    <Section id="pools" title="Pools">
      <Grid
        label="Pools"
        head={['Pool', 'Worker', 'Status', ['Priority', 'num'], ['Accepted', 'num'], ['Rejected', 'num']]}
        rows={pools.map((pool) => [
          <span class="wrap">{pool.url}</span>,
          <span class="wrap">{pool.user}</span>,
          <>
            {pool.status ?? UNKNOWN}
            {pool.active && <span class="tag tag-good">in use</span>}
            {pool.dev_fee && <span class="tag">developer fee</span>}
          </>,
          number(pool.priority),
          number(pool.accepted),
          number(pool.rejected),
        ])}
      />
    </Section>
  );
}
