import { healthLevels, minerStates } from '../../../src/domain/telemetry.js';
import type { SiteSummary } from '../../../src/domain/ingest.js';
import { number, percent, text, words } from './format.js';
import type { Go } from './route.js';

/** The stacked bar: one piece per state, as wide as its share. */
function Stack({
  counts,
  total,
}: {
  readonly counts: readonly (readonly [string, number])[];
  readonly total: number;
}) {
  let x = 0;
  return (
    <svg class="stack" viewBox="0 0 1000 10" preserveAspectRatio="none" aria-hidden="true">
      {counts.map(([state, count]) => {
        const width = (count / total) * 1000;
        x += width;
        return <rect key={state} data-state={state} x={x - width} width={width} height="10" />;
      })}
    </svg>
  );
}

interface StatesProps {
  readonly summary: SiteSummary;
  readonly selected: string;
  readonly go: Go;
}

/** Counts by state; each is a switch that filters the table. */
export function States({ summary, selected, go }: StatesProps) {
  const counts = minerStates.map((state) => [state, summary.by_state[state] ?? 0] as const);
  const health = healthLevels
    .map((name) => [name, summary.by_health[name] ?? 0] as const)
    .filter(([, count]) => count > 0);
  return (
    <section class="card" aria-labelledby="states-title" data-testid="states">
      <h2 id="states-title">States</h2>
      <Stack counts={counts} total={Math.max(1, summary.total_miners)} />
      <ul class="states">
        {counts.map(([state, count]) => (
          <li key={state}>
            <button
              type="button"
              class="state-filter"
              aria-pressed={selected === state}
              data-state-filter={state}
              data-empty={count === 0 ? '' : undefined}
              onClick={() => go({ state: selected === state ? '' : state })}
            >
              <span class="state" data-state={state}>
                {words(state)}
              </span>
              <span class="count">{number(count)}</span>
              <span class="share">{text(percent(count, summary.total_miners))}</span>
            </button>
          </li>
        ))}
      </ul>
      <p class="health-line">
        {health.map(([name, count]) => (
          <span key={name}>
            <span class="count">{number(count)}</span>{' '}
            <span class="health" data-health={name}>
              {words(name)}
            </span>
          </span>
        ))}
      </p>
    </section>
  );
}
