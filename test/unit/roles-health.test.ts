import { createServer } from 'node:http';
import { mkdtemp, rm } from 'node:fs/promises';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import { configSchema } from '../../src/config/schema.js';
import type { Heartbeat } from '../../src/domain/heartbeat.js';
import { noOwnReport, noUploads, SlotTallies, startHeartbeats } from '../../src/roles/heartbeats.js';
import { startHealthServer } from '../../src/telemetry/health-server.js';
import { createLogger } from '../../src/telemetry/logger.js';
import { createMetrics } from '../../src/telemetry/metrics.js';
import { waitFor } from '../support/wait.js';

const metrics = createMetrics({ withProcess: false });
const ends: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const end of ends.splice(0).reverse()) await end();
});

describe('a process without the api', () => {
  it('names the setting of a port that is taken', async () => {
    const ready = async (): Promise<void> => undefined;
    const first = await startHealthServer({ host: '127.0.0.1', port: 0, metrics, ready });
    ends.push(() => first.close());
    const port = Number(new URL(first.url).port);
    await expect(startHealthServer({ host: '127.0.0.1', port, metrics, ready })).rejects.toMatchObject({
      code: 'CONFIG_INVALID',
      message: `metrics.host, metrics.port: cannot listen on 127.0.0.1:${port}; set another, one for each process`,
    });
  });

  it('says once that it has left a site whose plan has gone to zones it does not reach', async () => {
    const told: Heartbeat[] = [];
    const api = createServer((request, response) => {
      const chunks: Buffer[] = [];
      request.on('data', (chunk: Buffer) => chunks.push(chunk));
      request.on('end', () => {
        told.push(JSON.parse(Buffer.concat(chunks).toString()) as Heartbeat);
        response.end('{"success":true}');
      });
    });
    await new Promise<void>((resolve) => api.listen(0, '127.0.0.1', resolve));
    ends.push(() => new Promise((resolve) => api.close(resolve)));
    const folder = await mkdtemp(join(tmpdir(), 'headframe-heart-'));
    ends.push(() => rm(folder, { recursive: true, force: true }));
    const config = configSchema.parse({
      data_dir: folder,
      cluster: { heartbeat_s: 1 },
      sites: [{ name: 'north', ranges: ['10.0.0.1'], key: `hsc_${'a'.repeat(43)}` }],
    });
    let zones = ['barn-1'];
    const heartbeats = await startHeartbeats({
      config,
      role: 'poller',
      apiUrl: `http://127.0.0.1:${(api.address() as AddressInfo).port}`,
      tallies: new SlotTallies(config),
      zonesOf: () => zones,
      planOf: null,
      own: () => noOwnReport,
      uploads: () => noUploads,
      metrics,
      log: createLogger('silent'),
    });
    ends.push(() => heartbeats.stop({ deadlineMs: 500 }));
    const last = () => told.at(-1);
    await waitFor('a heartbeat', () => last()?.state === 'up', { timeoutMs: 10_000 });
    zones = [];
    await waitFor('the good-bye', () => last()?.state === 'left', { timeoutMs: 10_000 });
    expect(last()?.zones).toEqual(['barn-1']);
    const count = told.length;
    // Time for two more.
    await new Promise((resolve) => setTimeout(resolve, 2_500));
    expect(told).toHaveLength(count);
    zones = ['barn-2'];
    await waitFor('another zone', () => last()?.state === 'up', { timeoutMs: 10_000 });
    expect(last()?.zones).toEqual(['barn-2']);
    expect(told).toHaveLength(count + 1);
  });
});
