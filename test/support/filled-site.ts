import { ingestBatch, ingestRow, offlineRow } from './ingest-rows.js';
import type { TestStorage } from './storage.js';

export interface FilledSite {
  readonly siteId: number;
  /** Names of miners that differ in all that answers can differ in. */
  readonly miners: readonly string[];
  /** Time of the newest samples, ms since the epoch. */
  readonly endMs: number;
}

/** A key of the storage's first site. */
export async function createCollectorKeyFor(storage: TestStorage): Promise<string> {
  return (await storage.keys.create(storage.key.siteId)).key;
}

/** Fills the storage's first site: a few odd miners with two hours of samples each minute, and 2,100 with one each. */
export async function fillSite(storage: TestStorage): Promise<FilledSite> {
  const endMs = Math.floor(Date.now() / 60_000) * 60_000;
  const at = (minutesAgo: number): string => new Date(endMs - minutesAgo * 60_000).toISOString();
  const write = (rows: Parameters<typeof ingestBatch>[0]) =>
    storage.store.writeBatch(ingestBatch(rows, storage.key));
  const plain = { mac: null };
  for (let minute = 120; minute > 0; minute -= 10) {
    const minutes = Array.from({ length: 10 }, (_, index) => minute - index);
    await write(
      minutes.flatMap((ago) => [
        ingestRow('10.1.0.1', at(ago), { ...plain, ip: '10.1.0.1', accepted_shares: 10_000 - ago }),
        ago > 60
          ? ingestRow('10.1.0.2', at(ago), { ...plain, ip: '10.1.0.2' })
          : { ...offlineRow('10.1.0.2', at(ago)), ip: '10.1.0.2' },
      ]),
    );
  }
  await write([
    ingestRow('bare', at(1), {
      ...plain,
      ip: null,
      temperature_chips: null,
      boards: null,
      details: null,
      power_w: null,
      pool_url: null,
      fan_speeds: [null, 5_000],
    }),
    ingestRow('raw', at(1), {
      mac: '02:00:00:00:00:99',
      raw: { summary: '{"a":1}' },
      worker_name: `=cmd|' /C calc'!A0, "x"`,
      quirks: [{ fingerprint: 'f1', command: 'summary', damage: 'truncated', sample: '{"a"' }],
    }),
  ]);
  const crowd = Array.from({ length: 2_100 }, (_, index) => {
    const ip = `10.2.${index >> 8}.${index & 255}`;
    return ingestRow(ip, at(1), {
      ...plain,
      ip,
      hashrate_ghs: index % 7 === 0 ? null : 100_000 + (index % 50),
    });
  });
  await write(crowd);
  return { siteId: storage.key.siteId, miners: ['10.1.0.1', '10.1.0.2', 'bare', 'raw'], endMs };
}
