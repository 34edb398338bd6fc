import { below, hasAtLeast, oneOf, type Ask, type Random, type Request } from './ask.js';
import type { Fleet } from './fleet.js';
import type { Size } from './sizes.js';

const metrics = ['hashrate', 'temperature_max', 'power', 'accepted_shares', 'online', 'fan_max'] as const;
const hourMs = 3_600_000;

/** What is asked of the site with a history, which begins at `firstMs`. */
export function historyAsks(
  farm: Fleet,
  options: { readonly size: Size; readonly firstMs: number; readonly lastMs: number },
  random: Random,
): Ask[] {
  const { size, firstMs, lastMs } = options;
  const at = `/api/collector/sites/${farm.siteId}`;
  const key = (): string => farm.key(below(random, farm.count));
  const request = (path: string, query: Record<string, string>): Request => ({
    path: `${path}?${new URLSearchParams(query).toString()}`,
    cached: [],
  });
  /** So many hours up to some second between the first and the last sample, as far as there are so many. */
  const range = (hours: number): Record<string, string> => {
    const toMs = lastMs - below(random, Math.max(1, lastMs - firstMs - hours * hourMs));
    return { from: new Date(toMs - hours * hourMs).toISOString(), to: new Date(toMs).toISOString() };
  };
  const hours = (most: number): number => Math.min(most, size.hours);
  const samples = (most: number): number => (hours(most) * 3_600) / size.intervalS;
  const chart = (
    name: string,
    most: number,
    metric: () => string,
    least: number,
    targetMs?: number,
  ): Ask => ({
    name,
    ...(targetMs === undefined ? {} : { targetMs }),
    next: () => request(`${at}/miners/${key()}/history`, { ...range(most), metric: metric() }),
    isMeant: (data) => hasAtLeast(data, 'points', least),
  });
  const days = size.rollupDays;

  return [
    chart(
      `${hours(24)} h chart of one miner`,
      hours(24),
      () => oneOf(random, metrics),
      0.9 * samples(24),
      50,
    ),
    chart('7 d chart of one miner', 168, () => oneOf(random, metrics), 0.9 * 12 * hours(168)),
    {
      name: `${days} d chart of one miner`,
      next: () => request(`${at}/miners/${key()}/history`, { hours: String(days * 24), metric: 'hashrate' }),
      isMeant: (data) => hasAtLeast(data, 'points', days * 23),
    },
    {
      name: `${days} d chart of a site`,
      targetMs: 150,
      next: () =>
        request(`${at}/history`, {
          hours: String(days * 24),
          to: new Date(lastMs - below(random, hourMs)).toISOString(),
        }),
      isMeant: (data) => hasAtLeast(data, 'points', Math.min(days * 23, 600)),
    },
    {
      name: '7 d chart of a site',
      next: () =>
        request(`${at}/history`, {
          hours: '168',
          to: new Date(lastMs - below(random, hourMs)).toISOString(),
        }),
      isMeant: (data) => hasAtLeast(data, 'points', 7 * 280),
    },
    {
      name: 'fleet?at',
      targetMs: 500,
      next: () => {
        const ms = lastMs - below(random, lastMs - firstMs - 10 * 60_000);
        return request(`${at}/fleet`, { at: new Date(ms).toISOString() });
      },
      isMeant: (data) =>
        hasAtLeast(data, 'miners', Math.min(100, farm.count)) &&
        Number((data['totals'] as { online_miners: unknown }).online_miners) > 0.9 * farm.count,
    },
    {
      name: 'events of a site, 7 d',
      next: () => request(`${at}/events`, range168(lastMs, random)),
      isMeant: (data) => hasAtLeast(data, 'events', 100),
    },
    {
      name: 'events of a site, one kind',
      next: () =>
        request(`${at}/events`, {
          ...range168(lastMs, random),
          kind: oneOf(random, ['offline', 'reboot', 'pool']),
        }),
      isMeant: (data) => hasAtLeast(data, 'events', 1),
    },
    {
      name: `events of one miner, ${days} d`,
      next: () => request(`${at}/events`, { hours: String(days * 24), miner_id: key() }),
      isMeant: (data) => hasAtLeast(data, 'events', 1),
    },
    {
      name: `availability of a site, ${days} d`,
      next: () =>
        request(`${at}/availability`, {
          hours: String(days * 24),
          to: new Date(lastMs - below(random, hourMs)).toISOString(),
        }),
      isMeant: (data) => Number(data['reachable_percent']) > 90,
    },
    {
      name: `availability of one miner, ${days} d`,
      next: () => request(`${at}/availability`, { hours: String(days * 24), miner_id: key() }),
      isMeant: (data) => Number(data['samples']) > 0,
    },
  ];
}

/** Seven days up to some instant of the last hour. */
function range168(lastMs: number, random: Random): Record<string, string> {
  const toMs = lastMs - below(random, hourMs);
  return { hours: '168', to: new Date(toMs).toISOString() };
}
