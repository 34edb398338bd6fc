import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import { startSimulator, type Simulator } from '../../load-test/simulator/simulator.js';
import { createBootClock } from '../../src/poller/commands/boot-clock.js';
import { CrashPoint, settle, startCommandEdge } from '../support/command-edge.js';
import { createCommandBench, type CommandApi, type CommandBench } from '../support/commands.js';
import { randomOf } from '../support/mutate.js';
import { login } from '../support/orders.js';
import { testEditions } from '../support/services.js';

/** Runs with their own seed; `HEADFRAME_COMMAND_SEEDS=1000` runs as many as the promise speaks of. */
const seeds = Number(process.env['HEADFRAME_COMMAND_SEEDS'] ?? 60);
const firstSeed = Number(process.env['HEADFRAME_COMMAND_FIRST_SEED'] ?? 1);
/** Runs side by side, each with miners of its own. */
const lanes = 6;
const minersPerLane = 4;
const edition = testEditions().at(-1) ?? 'plain';
const ends = ['completed', 'failed', 'rejected', 'unknown', 'expired', 'cancelled'];
const kinds = ['reboot', 'reboot', 'restart', 'set_fan'] as const;

let bench: CommandBench;
let apis: CommandApi[];
let simulator: Simulator;
let folder: string;
const addressOf = (lane: number, miner: number): string => `127.77.${lane}.${miner + 1}`;

interface Row {
  readonly command_id: number;
  readonly miner_key: string;
  readonly kind: string;
  readonly status: string;
  readonly attempts: number;
}

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'headframe-commands-'));
  const addresses = Array.from({ length: lanes * minersPerLane }, (_, i) =>
    addressOf(Math.floor(i / minersPerLane), i % minersPerLane),
  );
  simulator = await startSimulator({
    seed: 7,
    miners: { addresses },
    models: Object.fromEntries(addresses.map((ip) => [ip, 'antminer-s19' as const])),
    httpPort: 0,
    login,
    timing: { restartS: 0.01, rebootS: 0.01, startingS: 0 },
  });
  bench = await createCommandBench(edition);
  const settings = { lease_s: 20, tick_ms: 100, max_attempts: 3 };
  apis = [await bench.start(settings, { listens: true }), await bench.start(settings, { listens: true })];
}, 120_000);

afterAll(async () => {
  await bench.close();
  await simulator.stop();
  await rm(folder, { recursive: true, force: true });
});

/** One seeded story: commands, an edge that dies at any step and comes back, time that passes, people who cancel. */
async function run(seed: number, lane: number): Promise<void> {
  const random = randomOf(seed);
  const pick = (below: number): number => Math.floor(random() * below);
  const siteId = await bench.storage.sites.ensureSite(`crash-${seed}`);
  const { key } = await bench.storage.keys.create(siteId);
  const real = createBootClock();
  let aheadMs = 0;
  let passed = 0;
  const clock = () => ({ ...real(), ms: real().ms + aheadMs });
  /** Begins of orders by miner, by the edge's clock. */
  const begins: { readonly ip: string; readonly ms: number }[] = [];
  const writesBefore = simulator.writes().length;

  const pass = async (seconds: number): Promise<void> => {
    await bench.storage.query(
      `update miner_commands set lease_until = lease_until - make_interval(secs => ${seconds}),
        expires_at = expires_at - make_interval(secs => ${seconds}) where site_id = ${siteId}`,
    );
    aheadMs += seconds * 1_000;
    passed++;
    await bench.sweep({ max_attempts: 3 });
  };
  const rows = (): Promise<Row[]> =>
    bench.storage.query<Row>(
      `select command_id, miner_key, kind, status, attempts from miner_commands where site_id = ${siteId} order by 1`,
    );
  const isOver = async (): Promise<boolean> => (await rows()).every(({ status }) => ends.includes(status));

  const expiries = new Map<number, number>();
  for (let miner = 0; miner < minersPerLane; miner++) {
    const kind = kinds[miner] ?? 'reboot';
    const ip = addressOf(lane, miner);
    const [status, answer] = await (apis[0] as CommandApi).person('POST', 'commands', {
      miner_id: ip,
      site_id: siteId,
      ip_address: ip,
      command_type: kind,
      parameters: kind === 'set_fan' ? { speed: 60 } : {},
      ttl_minutes: 1 + pick(2),
    });
    expect([status, answer]).toEqual([200, expect.anything()]);
    const { command_id: id, command } = answer as unknown as {
      command_id: number;
      command: { created_at: string; expires_at: string };
    };
    expiries.set(id, clock().ms + Date.parse(command.expires_at) - Date.parse(command.created_at));
  }

  for (let life = 0; life < 8 && !(await isOver()); life++) {
    const crash = new CrashPoint(life < 4 ? 1 + pick(36) : Infinity);
    const edge = await startCommandEdge({
      apiUrl: (apis[pick(apis.length)] as CommandApi).api.url,
      key,
      journalPath: join(folder, `${seed}.log`),
      miners: { port: simulator.port, httpPort: simulator.httpPort ?? 0 },
      crash,
      clock,
      epoch: () => passed,
      onExecute: (ip) => begins.push({ ip, ms: clock().ms }),
    });
    if (random() < 0.4) {
      const all = await rows();
      const victim = all[pick(all.length)];
      if (victim !== undefined)
        await (apis[1] as CommandApi).person('DELETE', `commands/${victim.command_id}`);
    }
    if (random() < 0.3) await pass(pick(70));
    await settle(async () => crash.hasCrashed || (await isOver()), 1_500);
    await edge.stop();
    if (random() < 0.7) await pass(5 + pick(30));
  }
  for (let round = 0; round < 10 && !(await isOver()); round++) await pass(40);

  const writes = simulator.writes().slice(writesBefore);
  for (const { command_id: id, miner_key: ip, kind, status, attempts } of await rows()) {
    const story = `seed ${seed}, command ${id} (${kind}): ${status}, handed out ${attempts} times`;
    const done = writes.filter((write) => write.ip === ip).length;
    expect([story, ends.includes(status)]).toEqual([story, true]);
    if (kind !== 'set_fan') expect([story, done <= 1]).toEqual([story, true]);
    if (attempts === 0) expect([story, done]).toEqual([story, 0]);
    if (status === 'expired' && kind !== 'set_fan') expect([story, done]).toEqual([story, 0]);
    if (status === 'completed') expect([story, done >= 1]).toEqual([story, true]);
    for (const begin of begins.filter((one) => one.ip === ip))
      expect([story, begin.ms < (expiries.get(id) ?? 0)]).toEqual([story, true]);
    const events = await bench.storage.query<{ from_status: string | null; to_status: string }>(
      `select from_status, to_status from command_events where command_id = ${id} order by event_id`,
    );
    let at: string | null = null;
    for (const event of events) {
      expect([story, event.from_status]).toEqual([story, at]);
      at = event.to_status;
    }
    expect([story, at]).toEqual([story, status]);
  }
}

describe('an edge that is killed at any step of a command', () => {
  it(
    `reboots nothing twice, executes nothing too late, and lets every command end (${seeds} seeds)`,
    async () => {
      let next = firstSeed;
      const lane = async (index: number): Promise<void> => {
        for (let seed = next++; seed < firstSeed + seeds; seed = next++) await run(seed, index);
      };
      await Promise.all(Array.from({ length: lanes }, (_, index) => lane(index)));
    },
    Math.max(180_000, seeds * 6_000),
  );
});
