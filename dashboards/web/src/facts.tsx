import type { ComponentChildren } from 'preact';
import type { MinerDetail } from '../../../src/domain/ingest.js';
import type { ReadDetails } from './details.js';
import {
  duration,
  hashrate,
  instant,
  number,
  percent,
  power,
  quantity,
  rangeOf,
  temperature,
  text,
} from './format.js';
import type { Quantity } from './format.js';
import { Age, Bar, Value } from './parts.js';

type Fact = readonly [label: string, value: ComponentChildren | null];

/** A group of facts; what is not known is left out, unless nothing is. */
function Facts({ title, facts }: { readonly title: string; readonly facts: readonly Fact[] }) {
  const known = facts.filter(([, value]) => value !== null);
  if (known.length === 0) return null;
  return (
    <section class="facts">
      <h3>{title}</h3>
      <dl>
        {known.map(([label, value]) => (
          <div key={label}>
            <dt>{label}</dt>
            <dd>{value}</dd>
          </div>
        ))}
      </dl>
    </section>
  );
}

const show = (value: number | null, quantityOf: (value: number) => Quantity): ComponentChildren | null =>
  value === null ? null : <Value of={quantityOf(value)} />;

function chips(temps: readonly number[]): string | null {
  const range = rangeOf(temps);
  return range === null ? null : `${temps.length} sensors, ${number(range[0])} to ${number(range[1])} °C`;
}

/** The four figures that are looked for first. */
export function Headline({ miner }: { readonly miner: MinerDetail }) {
  const { hashrate_ths: actual, hashrate_expected_ths: nominal } = miner;
  const share = percent(actual, nominal);
  return (
    <dl class="headline">
      <div>
        <dt>Hashrate</dt>
        <dd>
          <Value of={hashrate(actual)} />
        </dd>
        <dd class="tile-note">
          {actual !== null && nominal !== null && nominal > 0 ? (
            <>
              <Bar share={actual / nominal} label={`${text(share)} of nominal`} />
              {text(share)} of {text(hashrate(nominal))}
            </>
          ) : (
            'nominal not known'
          )}
        </dd>
      </div>
      <div>
        <dt>Hottest</dt>
        <dd>
          <Value of={temperature(miner.temperature_max)} />
        </dd>
        <dd class="tile-note">{text(temperature(miner.temperature_avg))} on average</dd>
      </div>
      <div>
        <dt>Power</dt>
        <dd>
          <Value of={power(miner.power_w)} />
        </dd>
        <dd class="tile-note">
          {miner.efficiency === null ? '' : text(quantity(miner.efficiency, 'J/TH', 1))}
        </dd>
      </div>
      <div>
        <dt>Last seen</dt>
        <dd>
          <Age of={miner.last_seen} /> <span class="unit">ago</span>
        </dd>
        <dd class="tile-note">{instant(miner.last_seen)}</dd>
      </div>
    </dl>
  );
}

/** Everything a miner says in single values. */
export function AllFacts({ miner, read }: { readonly miner: MinerDetail; readonly read: ReadDetails }) {
  const { accepted_shares: accepted, rejected_shares: rejected } = miner;
  const shares = accepted === null || rejected === null ? null : accepted + rejected;
  return (
    <div class="fact-groups">
      <Facts
        title="Work"
        facts={[
          ['Hashrate, 5 s', show(miner.hashrate_5s_ths, hashrate)],
          ['Accepted shares', accepted === null ? null : number(accepted)],
          [
            'Rejected shares',
            rejected === null
              ? null
              : `${number(rejected)}${shares ? ` (${text(percent(rejected, shares, 2))})` : ''}`,
          ],
          ['Hardware errors', miner.hardware_errors === null ? null : number(miner.hardware_errors)],
          ['Frequency', show(miner.frequency_avg, (mhz) => quantity(mhz, 'MHz'))],
          ['Uptime', miner.uptime_hours === null ? null : duration(miner.uptime_hours * 3600)],
          ['Worker', miner.worker_name],
          ['Pool latency', show(miner.pool_latency_ms, (ms) => quantity(ms, 'ms'))],
          ['Power is', read.powerSource],
          ['Coolest', show(miner.temperature_min, temperature)],
          ['Chips', chips(miner.temperature_chips)],
        ]}
      />
      <Facts
        title="Device"
        facts={[
          ['Model', miner.model],
          ['Vendor', read.vendor],
          ['Firmware', miner.firmware],
          ['Family', miner.family],
          ['Address', miner.ip_address],
          ['MAC', miner.mac],
          ['Serial number', read.serial],
          ['Answer time', show(miner.latency_ms, (ms) => quantity(ms, 'ms'))],
          ['Its own word', miner.reported_health],
        ]}
      />
    </div>
  );
}
