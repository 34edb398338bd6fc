import { setTimeout as delay } from 'node:timers/promises';
import type { WriteTruth } from '../../load-test/simulator/ground-truth.js';
import { readConservation } from './truth.js';
import type { CommandFarm, Part } from './command-farm.js';
import { waitFor } from './wait.js';

const ends = ['completed', 'failed', 'rejected', 'unknown', 'expired', 'cancelled'];
const kinds = ['reboot', 'restart', 'reboot', 'restart', 'set_fan', 'set_pool', 'disable'] as const;
const parametersOf = {
  reboot: {},
  restart: {},
  disable: {},
  set_fan: { speed: 90 },
  set_pool: { pool_url: 'stratum+tcp://new.example:3333', pool_user: 'farm.new' },
} as const;
/** Commands that live as short as may be, and with them those who are down when they are given. */
const shortTtlMinutes = 0.1;

interface Row {
  readonly id: number;
  readonly ip: string;
  readonly kind: keyof typeof parametersOf;
  readonly status: string;
  readonly attempts: number;
  readonly created_ms: number;
  readonly expires_ms: number;
  readonly sent_ms: number | null;
  /** When the edge began, as it reported. */
  readonly begun_ms: number | null;
}

/** From creation until an edge was given it, and until that began, ms, ascending; Infinity for one that never did. */
export interface BeginTimes {
  readonly sentMs: readonly number[];
  readonly begunMs: readonly number[];
}

/** Gives commands one at a time to miners that do nothing else. */
export async function timeBegins(farm: CommandFarm, names: readonly string[]): Promise<BeginTimes> {
  const ids: number[] = [];
  for (const name of names) {
    const answer = await farm.ask('POST', 'commands', {
      site_id: farm.siteId,
      miner_id: name,
      command_type: 'set_pool',
      parameters: parametersOf.set_pool,
    });
    ids.push(Number(answer['command_id']));
    await delay(100);
  }
  await untilEnded(farm, 60_000);
  const rows = (await readRows(farm)).filter(({ id }) => ids.includes(id));
  const since = (momentOf: (row: Row) => number | null): number[] =>
    rows.map((row) => (momentOf(row) ?? Infinity) - row.created_ms).sort((a, b) => a - b);
  return { sentMs: since((row) => row.sent_ms), begunMs: since((row) => row.begun_ms) };
}

/**
 * Gives commands, each to a miner of its own, and kills edges and apis with SIGKILL while they are under way.
 * Answers what was killed.
 */
export async function killWhileCommanding(
  farm: CommandFarm,
  names: readonly string[],
  options: { readonly kills: number; readonly random: () => number; readonly print?: (line: string) => void },
): Promise<string[]> {
  const { random } = options;
  const perKill = Math.floor(names.length / options.kills);
  const killed: string[] = [];
  for (let kill = 0; kill < options.kills; kill++) {
    const own = names.slice(kill * perKill, (kill + 1) * perKill);
    const late = own.splice(0, Math.floor(perKill / 4));
    await give(farm, own, 2);
    await delay(random() * 900);
    const targets = pickTargets(farm, random());
    for (const target of targets) await target.kill();
    killed.push(targets.map(({ name }) => name).join('+'));
    options.print?.(`kill ${kill + 1}: ${killed.at(-1)}`);
    const areBothDown = farm.edges.every((edge) => !edge.isRunning);
    await give(farm, late, shortTtlMinutes);
    // Some of what was given meanwhile is too old when they are back.
    await delay(areBothDown ? 2_000 + random() * 4_000 : random() * 1_000);
    await Promise.all(targets.map((target) => target.start()));
  }
  return killed;
}

function pickTargets({ apis, edges }: CommandFarm, draw: number): readonly Part[] {
  if (draw < 0.25) return [edges[0]];
  if (draw < 0.5) return [edges[1]];
  if (draw < 0.75) return edges;
  return draw < 0.9 ? [apis[draw < 0.825 ? 0 : 1]] : [apis[0], edges[1]];
}

async function give(farm: CommandFarm, names: readonly string[], ttlMinutes: number): Promise<void> {
  for (const [at, kind] of kinds.entries()) {
    const own = names.filter((_, index) => index % kinds.length === at);
    if (own.length === 0) continue;
    // None of them may be able to: then there is no batch, and that is said.
    await farm
      .ask('POST', 'commands/batch', {
        site_id: farm.siteId,
        miner_ids: own,
        command_type: kind,
        parameters: parametersOf[kind],
        ttl_minutes: ttlMinutes,
      })
      .catch((error: unknown) => {
        if (!String(error).includes('COMMAND_REFUSED')) throw error;
      });
  }
}

export async function untilEnded(farm: CommandFarm, timeoutMs: number): Promise<void> {
  const areOver = async (): Promise<boolean> => {
    const [row] = await farm.sql<{ n: number }[]>`
      select count(*)::int as n from miner_commands where status in ('pending', 'sent')`;
    return row?.n === 0;
  };
  await waitFor('every command to end', areOver, { timeoutMs, everyMs: 250 });
}

/** What came of all commands, and what of it was promised otherwise. */
export interface Verdict {
  readonly commands: number;
  readonly writes: number;
  readonly statuses: Readonly<Record<string, number>>;
  readonly handedOutAgain: number;
  readonly violations: readonly string[];
}

/** Holds the queue, its events, the miners' own log and polling against what is promised. */
export async function judge(farm: CommandFarm): Promise<Verdict> {
  const rows = await readRows(farm);
  const writes = groupBy(await farm.writes(), ({ ip }) => ip);
  const events = groupBy(
    await farm.sql<{ id: number; from_status: string | null; to_status: string }[]>`
      select command_id as id, from_status, to_status from command_events order by event_id`,
    ({ id }) => id,
  );
  const violations: string[] = [];
  const statuses: Record<string, number> = {};
  for (const row of rows) {
    statuses[row.status] = (statuses[row.status] ?? 0) + 1;
    const own = writes.get(row.ip) ?? [];
    for (const fault of faultsOf(row, own, events.get(row.id) ?? []))
      violations.push(
        `${row.kind} ${row.id} of ${row.ip}, ${row.status}, handed out ${row.attempts} times: ${fault}`,
      );
  }
  for (const edge of farm.edges) {
    const law = await readConservation(edge.url);
    if (law.error !== 0 || law.sum !== 0)
      violations.push(`${edge.name}: conservation error ${law.error}, sum ${law.sum}`);
  }
  return {
    commands: rows.length,
    writes: [...writes.values()].reduce((sum, own) => sum + own.length, 0),
    statuses,
    handedOutAgain: rows.filter(({ attempts }) => attempts > 1).length,
    violations,
  };
}

/** Each miner has one command, so that all that was done to it is that command's. */
function faultsOf(
  row: Row,
  writes: readonly WriteTruth[],
  events: readonly { from_status: string | null; to_status: string }[],
): string[] {
  const faults: string[] = [];
  if (!ends.includes(row.status)) faults.push('did not end');
  const isOnce = row.kind === 'reboot' || row.kind === 'restart';
  if (isOnce && writes.length > 1) faults.push(`done ${writes.length} times`);
  if (isOnce && row.attempts > 1) faults.push('handed out again');
  const late = writes.filter(({ t }) => t > row.expires_ms);
  if (late.length > 0)
    faults.push(`done ${Math.round((late[0]?.t ?? 0) - row.expires_ms)} ms after its time`);
  const isUntouched = row.attempts === 0 || (row.status === 'expired' && isOnce) || row.status === 'rejected';
  if (isUntouched && writes.length > 0) faults.push('done all the same');
  if (row.status === 'completed' && writes.length === 0) faults.push('never done');
  let at: string | null = null;
  for (const event of events) {
    if (event.from_status !== at) faults.push(`no event from ${at} to ${event.from_status}`);
    at = event.to_status;
  }
  if (at !== row.status) faults.push(`its last event is ${at}`);
  return faults;
}

function groupBy<T, K>(list: readonly T[], keyOf: (one: T) => K): Map<K, T[]> {
  const groups = new Map<K, T[]>();
  for (const one of list) groups.set(keyOf(one), [...(groups.get(keyOf(one)) ?? []), one]);
  return groups;
}

/** Names of the miners that were seen, in the order of their addresses. */
export async function minerNames(farm: CommandFarm): Promise<string[]> {
  const rows = await farm.sql<{ key: string }[]>`
    select key from miners join miner_telemetry_live using (miner_id) where online order by miner_id`;
  return rows.map(({ key }) => key);
}

async function readRows(farm: CommandFarm): Promise<Row[]> {
  return farm.sql<Row[]>`
    select command_id as id, coalesce(ip, miner_key) as ip, kind, status, attempts,
      (extract(epoch from created_at) * 1000)::float8 as created_ms,
      (extract(epoch from expires_at) * 1000)::float8 as expires_ms,
      (extract(epoch from sent_at) * 1000)::float8 as sent_ms,
      (extract(epoch from (result ->> 'executed_at')::timestamptz) * 1000)::float8 as begun_ms
    from miner_commands order by command_id`;
}
