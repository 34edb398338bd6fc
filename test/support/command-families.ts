import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import postgres from 'postgres';
import { models as machines, type ModelName } from '../../load-test/simulator/models.js';
import { startSimulator, type Simulator } from '../../load-test/simulator/simulator.js';
import type { CommandRecord } from '../../src/domain/command-queue.js';
import type { CommandKind } from '../../src/domain/commands.js';
import { login } from './orders.js';
import { runProgram, startProgram, type Program } from './processes.js';
import { waitFor } from './wait.js';

/** What every kind of machine is told, each by a machine of its own. */
export const tried = {
  disable: () => ({}),
  enable: () => ({}),
  restart: () => ({}),
  reboot: () => ({}),
  set_pool: () => ({ pool_url: 'stratum+tcp://new.example:3333', pool_user: 'farm.new' }),
  set_fan: (model) => ({ speed: model.fans === 0 ? 50 : 100 }),
  set_frequency: (model) => ({ frequency: Math.round(model.frequencyMhz * 0.9) }),
  'set_frequency %': () => ({ percent: -10 }),
} as const satisfies Record<string, (model: (typeof machines)[ModelName]) => object>;
export type Tried = keyof typeof tried;
const names = Object.keys(tried) as Tried[];

/** What came of one command to one machine. */
export interface Seen {
  readonly model: ModelName;
  readonly family: string | null;
  readonly tried: Tried;
  /** `refused`: by the api already. */
  readonly status: CommandRecord['status'] | 'refused';
  readonly message: string | null;
  readonly confirmation: CommandRecord['confirmation'];
  readonly observed: CommandRecord['observed'];
  readonly baseline: CommandRecord['baseline'];
  /** The simulated machine is another than before, in what the command is about. */
  readonly hasChanged: boolean;
  /** Writes it carried out. */
  readonly writes: readonly string[];
}

interface Setting {
  readonly dir: string;
  readonly databaseUrl: string;
  readonly models: readonly ModelName[];
  /** First two octets of the machines' addresses. */
  readonly net: string;
}

/** Gives every command to every kind of machine, through an api and an edge of their own, and looks what came of it. */
export async function commandEveryFamily(setting: Setting): Promise<Seen[]> {
  const { net } = setting;
  const at = (model: number, name: number): string => `${net}.${model}.${name + 1}`;
  const addresses = setting.models.flatMap((_, model) => names.map((_, name) => at(model, name)));
  const simulator = await startSimulator({
    seed: 5,
    miners: { addresses },
    models: Object.fromEntries(
      setting.models.flatMap((model, m) => names.map((_, n) => [at(m, n), model] as const)),
    ),
    httpPort: 0,
    login,
    timing: { restartS: 0.5, rebootS: 1, startingS: 1 },
  });
  const sql = postgres(setting.databaseUrl, { max: 1, onnotice: () => undefined });
  try {
    const { api, siteId } = await startProcesses(setting, simulator);
    const miners = await readMiners(sql, addresses.length);
    const give = (name: Tried, first: Tried = name): Promise<Given[]> =>
      Promise.all(
        setting.models.map(async (model, m) => {
          const ip = at(m, names.indexOf(name));
          const before = simulator.miner(ip);
          const body = {
            site_id: siteId,
            miner_id: miners.get(ip)?.key ?? ip,
            command_type: first.replace(' %', ''),
            parameters: tried[first](machines[model]),
          };
          const answer = await ask(api, 'POST', 'commands', body);
          const refusal = answer['code'] === 'COMMAND_REFUSED' ? String(answer['error']) : null;
          return { ip, before, model, name, refusal, id: Number(answer['command_id']) };
        }),
      );
    // A machine has to sleep before it can be woken.
    const asleep = await give('enable', 'disable');
    await untilKnown(api, asleep);
    const given: Given[] = [];
    for (const name of names) given.push(...(await give(name)));
    const records = await untilKnown(api, given);
    return given.map(({ ip, before, model, name, id, refusal }): Seen => {
      const record = records.get(id);
      return {
        model,
        family: miners.get(ip)?.family ?? null,
        tried: name,
        status: record?.status ?? 'refused',
        message: refusal ?? record?.result_message ?? null,
        confirmation: record?.confirmation ?? null,
        observed: record?.observed ?? null,
        baseline: record?.baseline ?? null,
        hasChanged: record !== undefined && hasChanged(record.command, before, simulator.miner(ip)),
        writes: simulator.writes().flatMap((write) => (write.ip === ip ? [write.write] : [])),
      };
    });
  } finally {
    await sql.end({ timeout: 5 });
    await simulator.stop();
  }
}

interface Given {
  readonly ip: string;
  readonly before: View;
  readonly model: ModelName;
  readonly name: Tried;
  readonly id: number;
  /** Why the api took no such command. */
  readonly refusal: string | null;
}
type View = ReturnType<Simulator['miner']>;

async function startProcesses(
  { dir, databaseUrl, net }: Setting,
  simulator: Simulator,
): Promise<{ api: string; siteId: number }> {
  const config = join(dir, 'headframe.json');
  const env = { DATABASE_URL: databaseUrl };
  const run = async (name: string, ...args: string[]): Promise<Program> =>
    startProgram({ name, args: [...args, '--config', config], logDir: join(dir, 'logs'), env });
  const confirmS = 20;
  const settings = {
    allow_loopback: true,
    data_dir: join(dir, 'data'),
    api: { port: 0, local_access: 'admin', rate_limit_per_minute: 100_000 },
    poll: {
      interval_s: 1,
      miner_deadline_ms: 5_000,
      connect_timeout_ms: 3_000,
      backoff_slots: 1,
      flush_ms: 200,
    },
    commands: {
      sweep_every_s: 1,
      deadline_ms: 5_000,
      ...Object.fromEntries(
        ['reboot', 'restart', 'power', 'pool', 'fan', 'frequency'].map((what) => [
          `confirm_${what}_s`,
          confirmS,
        ]),
      ),
    },
    metrics: { port: 0 },
  };
  await writeFile(config, JSON.stringify(settings));
  await runProgram({
    name: 'migrate',
    args: ['migrate', '--config', config],
    logDir: join(dir, 'logs'),
    env,
  });
  const made = await runProgram({
    name: 'keys',
    args: ['keys', 'create', 'farm', '--json', '--config', config],
    logDir: join(dir, 'logs'),
    env,
  });
  const { key, site_id: siteId } = JSON.parse(/\{.*\}/.exec(made)?.[0] ?? '') as {
    key: string;
    site_id: number;
  };
  const program = await run('api', 'api');
  const [, url = ''] = await program.waitForOutput(/"url":"([^"]+)","msg":"api is listening"/);
  const site = {
    name: 'farm',
    ranges: [`${net}.0.0/16`],
    port: simulator.port,
    http_port: simulator.httpPort,
    credentials: [login],
    key,
  };
  const ranges = simulator.addresses;
  await writeFile(config, JSON.stringify({ ...settings, sites: [{ ...site, ranges }], upload: { url } }));
  const edge = await startProgram({
    name: 'edge',
    args: ['edge', '--config', config],
    logDir: join(dir, 'logs'),
  });
  await edge.waitForOutput(/"msg":"edge is polling"/);
  return { api: url, siteId };
}

async function readMiners(
  sql: postgres.Sql,
  count: number,
): Promise<Map<string, { key: string; family: string | null }>> {
  const read = () =>
    sql<{ ip: string; key: string; family: string | null }[]>`
      select host(m.address) as ip, m.key, m.family from miners m
      join miner_telemetry_live l using (miner_id) where l.online`;
  const rows = await waitFor(
    `${count} miners to be seen`,
    async () => {
      const all = await read();
      return all.length >= count ? all : null;
    },
    { timeoutMs: 60_000, everyMs: 500 },
  );
  return new Map(rows.map(({ ip, ...miner }) => [ip, miner]));
}

/** Until every command has ended and it is known what became of it. */
async function untilKnown(api: string, given: readonly Given[]): Promise<Map<number, CommandRecord>> {
  const records = new Map<number, CommandRecord>();
  const taken = given.filter(({ refusal }) => refusal === null);
  await waitFor(
    'all commands to end',
    async () => {
      for (const { id } of taken) {
        if (records.has(id)) continue;
        const { command } = (await ask(api, 'GET', `commands/${id}`)) as unknown as {
          command: CommandRecord;
        };
        if (command.ended_at !== null && command.confirmation !== 'waiting') records.set(id, command);
      }
      return records.size === taken.length;
    },
    { timeoutMs: 120_000, everyMs: 1_000 },
  );
  return records;
}

async function ask(
  api: string,
  method: string,
  path: string,
  body?: object,
): Promise<Record<string, unknown>> {
  const response = await fetch(`${api}/api/collector/${path}`, {
    method,
    headers: { 'content-type': 'application/json' },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  });
  const answer = (await response.json()) as Record<string, unknown>;
  if (!response.ok && answer['code'] !== 'COMMAND_REFUSED')
    throw new Error(`${method} ${path}: ${JSON.stringify(answer)} for ${JSON.stringify(body)}`);
  return answer;
}

const mean = (values: readonly number[]): number =>
  values.reduce((sum, value) => sum + value, 0) / Math.max(1, values.length);

function hasChanged(kind: CommandKind, before: View, after: View): boolean {
  switch (kind) {
    case 'disable':
      return after.ghs5s === 0;
    case 'enable':
      return before.ghs5s === 0 && (after.ghs5s > 0 || after.state === 'starting');
    case 'restart':
      return after.elapsedS < before.elapsedS;
    case 'reboot':
      return after.elapsedS < before.elapsedS && after.uptimeS < before.uptimeS;
    case 'set_pool':
      return after.pools[after.activePool]?.url.includes('new.example') === true;
    case 'set_fan':
      return Math.abs(mean(after.fansRpm) - mean(before.fansRpm)) > 100;
    case 'set_frequency':
      return after.frequencyMhz !== before.frequencyMhz;
  }
}
