import { join } from 'node:path';
import type { Config } from '../config/schema.js';
import { Batcher } from '../poller/batcher.js';
import type { DeliveryLedger, SpoolStats } from '../poller/delivery-ledger.js';
import { Spool } from '../poller/spool.js';
import { UploadClient } from '../poller/upload-client.js';
import { Uploader } from '../poller/uploader.js';
import type { Logger } from '../telemetry/logger.js';
import type { Metrics } from '../telemetry/metrics.js';
import { backoffOf } from './plan.js';

export interface DeliveryOptions {
  readonly config: Config;
  readonly site: string;
  /** Base URL of the api. */
  readonly apiUrl: string;
  readonly key: string;
  /** The interval that a slot of this process was polled at, s; null for one of before. */
  readonly intervalOf: (slotMs: number) => number | null;
  readonly ledger: DeliveryLedger;
  readonly metrics: Metrics;
  readonly log: Logger;
  readonly onEscalate: (error: unknown) => void;
}

/** One site's way to the api: pieces → batches → spool → upload. */
export interface Delivery {
  readonly batcher: Batcher;
  /** What waits on disk. */
  spooled(): SpoolStats;
  stop(options: { deadlineMs: number }): Promise<void>;
}

/** Opens a site's spool and begins with what it holds. */
export async function startDelivery(options: DeliveryOptions): Promise<Delivery> {
  const { config, site, ledger, metrics, onEscalate } = options;
  const log = options.log.child({ site });
  const spool = await Spool.open({
    dir: join(config.data_dir, 'spool', site),
    maxBytes: config.spool.max_bytes,
    maxAgeMs: config.spool.max_age_h * 3_600_000,
    maxFiles: config.spool.max_files,
    quarantineMaxBytes: config.spool.quarantine_max_bytes,
    ledger,
    log,
  });
  const client = new UploadClient({
    url: new URL('/api/collector/upload', options.apiUrl).href,
    intervalOf: options.intervalOf,
    connections: config.upload.concurrency,
    deadlineMs: config.upload.timeout_ms,
  });
  const uploader = new Uploader({
    spool,
    client,
    ledger,
    metrics,
    log,
    key: () => options.key,
    concurrency: config.upload.concurrency,
    liveBufferBytes: config.upload.live_buffer_bytes,
    backoff: backoffOf(config),
    onEscalate,
  });
  const batcher = new Batcher({
    flushMs: config.poll.flush_ms / 2,
    maxRows: config.poll.batch_rows,
    maxBytes: config.poll.batch_bytes,
    deliver: (batch) => {
      if (!uploader.offer(batch)) ledger.drop('inbox_full', batch.rows);
    },
  });
  ledger.trackInFlight(() => batcher.rows);
  uploader.start();
  return {
    batcher,
    spooled: () => spool.stats(),
    async stop({ deadlineMs }) {
      batcher.flush();
      await uploader.stop({ deadlineMs });
    },
  };
}
