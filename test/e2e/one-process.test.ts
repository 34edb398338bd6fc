import { chmod, mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { afterAll, afterEach, beforeEach, describe, expect, it } from 'vitest';
import { startEmbeddedPostgres } from '../../src/storage/embedded/embedded-postgres.js';
import { endProcess, findPostmaster } from '../../src/storage/embedded/postmaster.js';
import { lossWindowMs, startMiners } from '../support/farm.js';
import { killPrograms, scrape, startProgram, type Program } from '../support/processes.js';
import {
  compareTruth,
  readConservation,
  readSamples,
  readTruth,
  violationsOf,
  type Kill,
} from '../support/truth.js';
import { waitFor } from '../support/wait.js';

let dir: string;
beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), 'headframe-one-'));
  await chmod(dir, 0o711);
});
afterEach(async () => {
  await killPrograms();
  // What a failed test left running: everything that names this folder.
  for (const pid of await processesNaming(dir)) await endProcess(pid, 5_000);
  await rm(dir, { recursive: true, force: true });
});
afterAll(killPrograms);

/** Processes whose command line has `text` in it. */
async function processesNaming(text: string): Promise<number[]> {
  const found: number[] = [];
  for (const name of await readdir('/proc')) {
    const pid = Number(name);
    if (!(pid > 1) || pid === process.pid) continue;
    const command = await readFile(`/proc/${name}/cmdline`, 'utf8').catch(() => '');
    if (command.includes(text)) found.push(pid);
  }
  return found;
}

const urlLine = /^(http:\/\/\S+)$/m;
const stored = async (url: string): Promise<number> =>
  (await scrape(url)).sum('headframe_upload_rows_total', '"stored"');

describe('headframe demo', () => {
  const startDemo = async (): Promise<Program> => {
    const temporary = join(dir, 'tmp');
    await mkdir(temporary);
    await chmod(temporary, 0o711);
    return startProgram({
      name: 'demo',
      args: ['demo', '--miners', '60', '--port', '0', '--set', 'poll.interval_s=2'],
      logDir: join(dir, 'logs'),
      env: { TMPDIR: temporary },
    });
  };
  const expectNothingLeft = async (): Promise<void> => {
    expect(await readdir(join(dir, 'tmp'))).toEqual([]);
    expect(await processesNaming(dir)).toEqual([]);
  };

  it('leaves no process and no folder behind on Ctrl-C', { timeout: 60_000 }, async () => {
    const demo = await startDemo();
    const [, url = ''] = await demo.waitForOutput(urlLine);
    await waitFor('rows', async () => (await stored(url)) > 0, { timeoutMs: 20_000 });
    expect((await processesNaming(dir)).length).toBeGreaterThan(0);
    expect(await demo.stop({ signal: 'SIGINT', timeoutMs: 12_000 })).toEqual({ code: 0, signal: null });
    await expectNothingLeft();
  });

  it('leaves nothing behind either when it is interrupted while it starts', { timeout: 60_000 }, async () => {
    const demo = await startDemo();
    const hasFolder = async (): Promise<boolean> => (await readdir(join(dir, 'tmp'))).length > 0;
    await waitFor('its folder', hasFolder, { everyMs: 5 });
    await delay(100);
    expect(await demo.stop({ signal: 'SIGINT', timeoutMs: 20_000 })).toEqual({ code: 0, signal: null });
    await expectNothingLeft();
  });
});

describe('headframe up', () => {
  it(
    'killed with SIGKILL, alone and with its database, goes on with the data it had',
    { timeout: 120_000 },
    async () => {
      const count = 100;
      const intervalS = 1;
      const miners = await startMiners({ dir, base: '127.68.0.1', count });
      const dataDir = join(dir, 'data');
      const clusterDir = join(dataDir, 'postgres', 'cluster');
      const start = async (range: string): Promise<{ up: Program; url: string }> => {
        const settings = {
          allow_loopback: 'true',
          data_dir: dataDir,
          'api.port': 0,
          'poll.interval_s': intervalS,
          'poll.scan_slots': 1,
        };
        const flags = Object.entries(settings).flatMap(([name, value]) => ['--set', `${name}=${value}`]);
        const site = JSON.stringify({ sites: [{ name: 'site', ranges: [range], port: miners.port }] });
        const file = join(dir, `${range}.yaml`);
        await writeFile(file, site);
        const up = await startProgram({
          name: 'up',
          args: ['up', '--config', file, ...flags],
          logDir: join(dir, 'logs'),
        });
        const [, url = ''] = await up.waitForOutput(urlLine, 60_000);
        return { up, url };
      };
      const edgeKills: Kill[] = [];
      const untilStored = (url: string): Promise<unknown> =>
        waitFor('rows', async () => (await stored(url)) >= 3 * count, { timeoutMs: 30_000 });

      let { up, url } = await start(miners.range);
      for (const isPowerCut of [false, true]) {
        await untilStored(url);
        const fromMs = Date.now();
        await up.kill();
        edgeKills.push({ fromMs, toMs: Date.now() });
        const postmaster = await findPostmaster(clusterDir);
        expect(postmaster).not.toBeNull();
        if (isPowerCut) process.kill(postmaster?.pid ?? NaN, 'SIGKILL');
        ({ up, url } = await start(miners.range));
      }
      await untilStored(url);
      const law = await readConservation(url);
      expect([law.error, law.sum, law.dropped, law.quarantined, law.rejected]).toEqual([0, 0, 0, 0, 0]);
      expect(await up.stop()).toEqual({ code: 0, signal: null });
      await miners.program.stop();

      // What the last one left in its spool is delivered by one that has no miner to poll.
      ({ up, url } = await start('127.68.255.254'));
      const isEmpty = async (): Promise<boolean> => (await scrape(url)).sum('headframe_spool_rows') === 0;
      await waitFor('the rest to be delivered', isEmpty);
      expect(await up.stop()).toEqual({ code: 0, signal: null });
      expect(await findPostmaster(clusterDir)).toBeNull();

      const server = await startEmbeddedPostgres({ dataDir: join(dataDir, 'postgres') });
      const samples = await readSamples(server.url);
      await server.stop({ timeoutMs: 5_000 });
      const comparison = compareTruth(await readTruth(miners.truthFile), samples, {
        edgeKills,
        lossWindowMs,
        intervalMs: intervalS * 1000,
        maxOffsetMs: intervalS * 1000 + 5_000,
      });
      expect(violationsOf(comparison), comparison.examples.join('\n')).toEqual([]);
      expect(comparison.miners).toBe(count);
    },
  );
});
