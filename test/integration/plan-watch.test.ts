import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { configSchema } from '../../src/config/schema.js';
import { tagOf, type VersionedPlan } from '../../src/domain/site-plan.js';
import { startSitePlans, type SitePlans } from '../../src/roles/site-plans.js';
import { createMetrics, type Metrics } from '../../src/telemetry/metrics.js';
import { silent } from '../support/storage.js';
import { waitFor } from '../support/wait.js';

const plan: VersionedPlan = {
  ...{ version: 1, ranges: ['10.1.0.0/23'], zone: 'default' },
  ...{ interval_s: 10, port: 4028, http_port: null },
};

let folder = '';
let server: Server;
let url = '';
/** What the api has; undefined: it answers 503. */
let held: VersionedPlan | null | undefined;
let asked = 0;
let metrics: Metrics;
const running: SitePlans[] = [];

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'headframe-plan-'));
  metrics = createMetrics({ withProcess: false });
  [held, asked] = [undefined, 0];
  server = createServer((request, response) => {
    asked++;
    if (held === undefined) return void response.writeHead(503).end('{"success":false}');
    const tag = tagOf(held);
    if (request.headers['if-none-match'] === tag) return void response.writeHead(304, { etag: tag }).end();
    response.writeHead(200, { etag: tag }).end(JSON.stringify({ success: true, plan: held }));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
});
afterEach(async () => {
  await Promise.all(running.splice(0).map((plans) => plans.stop()));
  server.closeAllConnections();
  await new Promise((resolve) => server.close(resolve));
  await rm(folder, { recursive: true, force: true });
});

async function start(site: object = {}): Promise<SitePlans> {
  const config = configSchema.parse({
    data_dir: folder,
    sites: [{ name: 'north', plan: 'api', ...site }],
    upload: { backoff_min_ms: 100, backoff_max_ms: 500 },
  });
  const keys = new Map([['north', 'hsc_test']]);
  const options = { config, apiUrl: url, keys, metrics, log: silent };
  const plans = await startSitePlans({
    ...options,
    onEscalate: (error) => {
      throw error;
    },
  });
  running.push(plans);
  return plans;
}

const file = (): string => join(folder, 'plan', 'north.json');
const faults = async (reason: string): Promise<number> => {
  const line = new RegExp(`headframe_plan_faults_total\\{[^}]*reason="${reason}"[^}]*\\} (\\d+)`);
  return Number(line.exec(await metrics.text())?.[1] ?? 0);
};
/** Null without a file. */
const versionOnDisk = async (): Promise<number | null> => {
  const text = await readFile(file(), 'utf8').catch(() => null);
  return text === null ? null : (JSON.parse(text) as { plan: VersionedPlan }).plan.version;
};

describe('a plan that comes from the api', () => {
  it('is followed, kept on disk, and gone on with when a start finds no api', async () => {
    const plans = await start();
    expect(plans.shards()).toEqual([]);
    held = plan;
    await waitFor('the plan', () => plans.shards().length === 2);
    await waitFor('the file', async () => (await versionOnDisk()) === 1);
    const heard: number[] = [];
    plans.onChange(() => heard.push(plans.shards().length));
    held = { ...plan, version: 2, ranges: ['10.1.0.0/22'], zone: 'barn' };
    await waitFor('the next one', () => heard.length > 0);
    expect([heard, plans.zones(), plans.of('north')?.intervalS]).toEqual([[4], ['barn'], 10]);
    await waitFor('its file', async () => (await versionOnDisk()) === 2);
    held = undefined;
    const again = await start();
    expect(again.shards().map(({ id }) => id)).toEqual(plans.shards().map(({ id }) => id));
    expect(again.zones()).toEqual(['barn']);
  });

  it('is not lost with a database that was made anew, nor by a plan that may not be followed', async () => {
    held = plan;
    const plans = await start({ within: ['10.1.0.0/16'] });
    await waitFor('the plan', () => plans.shards().length === 2);
    held = null;
    const before = asked;
    await waitFor('some looks', () => asked > before + 1, { timeoutMs: 15_000 });
    expect(plans.shards()).toHaveLength(2);
    for (const ranges of [['127.0.0.1'], ['169.254.0.1'], ['10.2.0.1'], ['10.1.0.010']]) {
      const count = await faults('refused');
      const version: number = (held?.version ?? 1) + 1;
      held = { ...plan, version, ranges };
      await waitFor('it to be refused', async () => (await faults('refused')) > count);
      expect(plans.shards()).toHaveLength(2);
    }
    expect(await versionOnDisk()).toBe(1);
  });

  it('is none while its file is damaged and the api away', async () => {
    held = plan;
    const first = await start();
    await waitFor('the file', versionOnDisk);
    await first.stop();
    const whole = await readFile(file(), 'utf8');
    held = undefined;
    const damages = [whole.slice(0, -20), '', whole.replace('10.1.0.0', '10.3.0.0'), 'null', '\u0000'];
    for (const [i, damage] of damages.entries()) {
      await writeFile(file(), damage);
      const plans = await start();
      expect([damage, plans.shards(), await faults('file_damaged')]).toEqual([damage, [], i + 1]);
      await plans.stop();
    }
    held = plan;
    const plans = await start();
    await waitFor('the plan', () => plans.shards().length === 2);
    await waitFor('its file', async () => (await readFile(file(), 'utf8')) === whole);
  });
});
