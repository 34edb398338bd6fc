import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import postgres from 'postgres';
import { startSimulator, type Simulator } from '../../load-test/simulator/simulator.js';
import { createTestDatabase, testEditions } from './database.js';
import { killPrograms, runProgram, startProgram, type Program } from './processes.js';
import { waitFor } from './wait.js';

export interface PlanFarmOptions {
  /** First two parts of the addresses, such as `127.58`; networks 0 to 2 have miners. */
  readonly base: string;
  /** Of every process, beside what it needs to find the database. */
  readonly env?: Readonly<Record<string, string>>;
  /** Bound of one wait for samples, ms. */
  readonly waitMs: number;
}

/** A farm of 600 simulated miners whose plan the api has: a database, a site `north` and its key. */
export interface PlanFarm {
  readonly folder: string;
  readonly simulator: Simulator;
  /** Collector key of the site. */
  readonly key: string;
  /** Writes the settings of processes that are started next. */
  configure(settings: object): Promise<void>;
  run(name: string, ...args: string[]): Promise<Program>;
  /** `headframe plan` of the site, at an api. */
  plan(url: string, ...args: string[]): Promise<string>;
  /** Stored slots of each miner of a network, ms. */
  slots(net: number, fromMs?: number, toMs?: number): Promise<Map<string, number[]>>;
  /** Until so many miners of a network have a sample. */
  until(what: string, net: number, miners: number, fromMs?: number): Promise<unknown>;
  close(): Promise<void>;
}

export async function startPlanFarm({ base, waitMs, ...options }: PlanFarmOptions): Promise<PlanFarm> {
  const folder = await mkdtemp(join(tmpdir(), 'headframe-plan-'));
  const database = await createTestDatabase({ edition: testEditions().at(-1) ?? 'plain' });
  const simulator = await startSimulator({ seed: 5, miners: { base: `${base}.0.1`, count: 600 } });
  const sql = postgres(database.url, { max: 2, onnotice: () => undefined });
  const env = {
    DATABASE_URL: database.url,
    HEADFRAME_METRICS_PORT: '0',
    XDG_CONFIG_HOME: folder,
    ...options.env,
  };
  const yaml = join(folder, 'headframe.yaml');
  const cli = (...args: string[]): Promise<string> => runProgram({ name: 'cli', args, logDir: folder, env });
  await cli('migrate');
  const made = await cli('keys', 'create', 'north', '--json');
  const { key } = JSON.parse(made.split('\n')[0] ?? '') as { key: string };
  const slots: PlanFarm['slots'] = async (net, fromMs = 0, toMs = Infinity) => {
    const rows = await sql<{ ip: string; time: Date }[]>`
      select m.ip, h.time from miner_telemetry_history h join miners m using (miner_id)
      where m.ip like ${`${base}.${net}.%`}::text order by h.time`;
    const found = new Map<string, number[]>();
    for (const { ip, time } of rows) {
      const ms = time.getTime();
      if (ms >= fromMs && ms <= toMs) found.set(ip, [...(found.get(ip) ?? []), ms]);
    }
    return found;
  };
  return {
    folder,
    simulator,
    key,
    configure: (settings) => writeFile(yaml, JSON.stringify({ allow_loopback: true, ...settings })),
    run: (name, ...args) => startProgram({ name, args: [...args, '-c', yaml], logDir: folder, env }),
    plan: (url, ...args) => cli('plan', ...args, '--site', 'north', '--url', url, '--yes'),
    slots,
    until: (what, net, miners, fromMs = 0) =>
      waitFor(what, async () => (await slots(net, fromMs)).size >= miners, {
        timeoutMs: waitMs,
        everyMs: 250,
      }),
    async close() {
      await killPrograms();
      await sql.end({ timeout: 2 });
      await simulator.stop();
      await database.drop();
      await rm(folder, { recursive: true, force: true });
    },
  };
}

/** Where a process listens, as it says itself. */
export const urlIn = async (program: Program): Promise<string> =>
  (await program.waitForOutput(/"(?:url|metrics)":"(http[^"]+)"/))[1] ?? '';
