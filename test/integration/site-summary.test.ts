import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { healthLevels, minerStates } from '../../src/domain/telemetry.js';
import { testEditions } from '../support/database.js';
import { ingestBatch, ingestRow } from '../support/ingest-rows.js';
import { createTestStorage, type TestStorage } from '../support/storage.js';

const now = new Date(Math.floor(Date.now() / 1_000) * 1_000);
const time = new Date(now.getTime() - 5_000).toISOString();

describe.each(testEditions())('the summary of a site on %s', (edition) => {
  let storage: TestStorage;

  beforeAll(async () => {
    storage = await createTestStorage(edition);
    const rows = minerStates.flatMap((state) =>
      healthLevels.map((health) => ingestRow(`${state} ${health}`, time, { state, health })),
    );
    await storage.store.writeBatch(ingestBatch(rows, storage.key));
    await storage.query('vacuum analyze');
  });
  afterAll(() => storage.close());

  test('names every state and health there is', async () => {
    const summary = await storage.sites.summary(storage.key.siteId, { now, staleAfterS: 30 });
    expect(summary?.by_state).toEqual(
      Object.fromEntries(minerStates.map((state) => [state, healthLevels.length])),
    );
    expect(summary?.by_health).toEqual(
      Object.fromEntries(healthLevels.map((health) => [health, minerStates.length])),
    );
  });

  test('takes none of them for fresh whose samples are old, and counts each all the same', async () => {
    const later = { now: new Date(now.getTime() + 3_600_000), staleAfterS: 30 };
    const summary = await storage.sites.summary(storage.key.siteId, later);
    expect(summary).toMatchObject({
      total_miners: minerStates.length * healthLevels.length,
      total_hashrate_ths: 0,
      total_power_w: 0,
      degraded_miners: 0,
      efficiency: null,
      avg_temperature: null,
      max_temperature: null,
      by_state: { mining: healthLevels.length },
    });
  });
});
