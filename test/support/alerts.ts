import { evaluateAlerts, type EvaluationOptions, type EvaluationOutcome } from '../../src/alerts/evaluate.js';
import { configSchema } from '../../src/config/schema.js';
import type { IngestRow } from '../../src/domain/ingest.js';
import { evaluationDepsOf, evaluationOptionsOf } from '../../src/roles/alerts.js';
import { openStore, type Store } from '../../src/roles/store.js';
import { ingestBatch } from './ingest-rows.js';
import { createTestStorage, silent, type TestStorage } from './storage.js';
import type { TestEdition } from './services.js';

/** A migrated database with what the api role keeps, and a clock of its own, which evaluations go by. */
export interface AlertBench {
  readonly storage: TestStorage;
  readonly store: Store;
  readonly options: EvaluationOptions;
  /** Now, on the bench's clock: it begins at the real time. */
  nowMs: number;
  at(secondsAgo?: number): string;
  /** Moves the clock on and evaluates. */
  tick(seconds: number, changes?: Partial<EvaluationOptions>): Promise<EvaluationOutcome | null>;
  /** Stores samples that arrive now. */
  upload(rows: readonly IngestRow[]): Promise<void>;
  /** Unresolved alerts, as `kind miner`. */
  open(): Promise<string[]>;
  /** All rules off but these kinds. */
  only(...kinds: string[]): Promise<void>;
  close(): Promise<void>;
}

export async function createAlertBench(edition: TestEdition): Promise<AlertBench> {
  const storage = await createTestStorage(edition);
  const config = configSchema.parse({ poll: { interval_s: 10 }, database: { deadline_ms: 10_000 } });
  const store = openStore(storage.url, config, { log: silent });
  const bench: AlertBench = {
    storage,
    store,
    options: evaluationOptionsOf(config),
    nowMs: Date.now(),
    at: (secondsAgo = 0) => new Date(bench.nowMs - secondsAgo * 1_000).toISOString(),
    tick: (seconds, changes = {}) => {
      bench.nowMs += seconds * 1_000;
      return evaluateAlerts(evaluationDepsOf(store), { ...bench.options, ...changes }, new Date(bench.nowMs));
    },
    upload: async (rows) => {
      const receivedAt = new Date(bench.nowMs);
      await storage.store.writeBatch(ingestBatch(rows, storage.key, { receivedAt }));
    },
    open: async () => {
      const query = { siteIds: null, state: 'unresolved' as const, incidentId: null, limit: 10_000 };
      const list = await store.alerts.list(query);
      return list.map((alert) => `${alert.alert_type} ${alert.miner_id ?? alert.site_name}`).sort();
    },
    only: async (...kinds) => {
      await store.alertEngine.seedDefaults();
      const names = kinds.map((kind) => `'${kind}'`).join(', ');
      await storage.query(`update alert_rules set enabled = kind = any (array[${names}]::text[])`);
    },
    close: async () => {
      await store.database.close({ timeoutMs: 2_000 });
      await storage.close();
    },
  };
  return bench;
}
