import type { CollectorKey } from '../../../src/domain/ingest.js';
import type { UploadClient } from '../../../src/poller/upload-client.js';
import type { TelemetryStore } from '../../../src/storage/telemetry-store.js';
import type { PreparedBatch } from './records.js';

/** One slot written, timed. */
export interface IngestRound {
  readonly rows: number;
  readonly elapsedS: number;
  /** Of each batch, ms. */
  readonly latenciesMs: readonly number[];
}

type Write = (batch: PreparedBatch) => Promise<number>;

/** Writes all batches, `concurrency` at once. Throws when a row is missing: a round that loses rows is no figure. */
export async function timeRound(
  batches: readonly PreparedBatch[],
  concurrency: number,
  write: Write,
): Promise<IngestRound> {
  const queue = batches[Symbol.iterator]();
  const latenciesMs: number[] = [];
  let rows = 0;
  const loop = async (): Promise<void> => {
    for (const batch of queue) {
      const began = performance.now();
      const stored = await write(batch);
      latenciesMs.push(performance.now() - began);
      if (stored !== batch.parsed.rowCount)
        throw new Error(`${stored} of ${batch.parsed.rowCount} rows stored`);
      rows += stored;
    }
  };
  const began = performance.now();
  await Promise.all(Array.from({ length: concurrency }, loop));
  return { rows, elapsedS: (performance.now() - began) / 1000, latenciesMs };
}

/** Uploads as pollers do, through the pollers' own client. */
export function uploadOver(client: UploadClient, key: string): Write {
  const signal = new AbortController().signal;
  return async ({ batchId, gz }) => {
    const outcome = await client.postBatch({ key, batchId, slotMs: Date.now(), body: gz, signal });
    if (outcome.kind !== 'acked') throw new Error(`upload: ${JSON.stringify(outcome)}`);
    return outcome.stored ?? 0;
  };
}

/** The statement alone, on rows that are inflated, validated and sorted already. */
export function writeInto(store: TelemetryStore, key: Pick<CollectorKey, 'keyId' | 'siteId'>): Write {
  return async ({ batchId, gz, parsed }) => {
    const outcome = await store.writeBatch({
      siteId: key.siteId,
      keyId: key.keyId,
      batchId,
      receivedAt: new Date(),
      rows: parsed.rows,
      rowCount: parsed.rowCount,
      onlineCount: parsed.onlineCount,
      rejectedCount: 0,
      wireBytes: gz.byteLength,
      intervalS: null,
    });
    return outcome.stored;
  };
}
