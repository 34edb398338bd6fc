import type { ComponentChildren } from 'preact';
import type { SiteSummary } from '../../../src/domain/ingest.js';
import { duration, hashrate, number, percent, power, quantity, temperature, text } from './format.js';
import { Bar, Value } from './parts.js';
import { Sparkline } from './sparkline.js';
import { useNow } from './stream.js';
import type { Stream } from './stream.js';

interface TileProps {
  readonly id: string;
  readonly label: string;
  readonly value: ComponentChildren;
  readonly children?: ComponentChildren;
}

function Tile({ id, label, value, children }: TileProps) {
  return (
    <div class="tile" data-testid={`tile-${id}`}>
      <dt>{label}</dt>
      <dd class="tile-value">{value}</dd>
      <dd class="tile-note">{children}</dd>
    </div>
  );
}

/** Age of the newest sample; it keeps counting while no event comes. */
function Lag({ summary, receivedAt }: { readonly summary: SiteSummary; readonly receivedAt: number }) {
  const now = useNow();
  if (summary.lag_seconds === null) return <>–</>;
  return <>{duration(summary.lag_seconds + Math.max(0, now - receivedAt) / 1000)}</>;
}

function HashrateTile({ stream, summary }: { readonly stream: Stream; readonly summary: SiteSummary }) {
  const { total_hashrate_ths: actual, nominal_hashrate_ths: nominal } = summary;
  const share = percent(actual, nominal);
  return (
    <div class="tile tile-wide" data-testid="tile-hashrate">
      <dt>Hashrate</dt>
      <dd class="tile-value">
        <Value of={hashrate(actual)} />
      </dd>
      <dd class="tile-note">
        {nominal > 0 && <Bar share={actual / nominal} label={`${text(share)} of nominal`} />}
        {nominal > 0 ? `${text(share)} of ${text(hashrate(nominal))} nominal` : 'nominal not known'}
      </dd>
      <dd class="tile-spark">
        <Sparkline history={stream.history} />
      </dd>
    </div>
  );
}

/** The farm in six figures. */
export function Summary({ stream, summary }: { readonly stream: Stream; readonly summary: SiteSummary }) {
  const { online_miners: online, total_miners: total } = summary;
  return (
    <dl id="summary" aria-label="Site summary">
      <HashrateTile stream={stream} summary={summary} />
      <Tile
        id="online"
        label="Online"
        value={
          <span class="value">
            {number(online)}
            <span class="unit"> of {number(total)}</span>
          </span>
        }
      >
        {text(percent(online, total))} · {number(summary.stale_miners)} stale
      </Tile>
      <Tile id="power" label="Power" value={<Value of={power(summary.total_power_w)} />}>
        where reported
      </Tile>
      <Tile id="efficiency" label="Efficiency" value={<Value of={quantity(summary.efficiency, 'J/TH', 1)} />}>
        where known
      </Tile>
      <Tile id="temperature" label="Hottest" value={<Value of={temperature(summary.max_temperature)} />}>
        {text(temperature(summary.avg_temperature))} on average
      </Tile>
      <Tile
        id="lag"
        label="Poll lag"
        value={<Lag summary={summary} receivedAt={stream.receivedAt ?? Date.now()} />}
      >
        since last reading
      </Tile>
    </dl>
  );
}
