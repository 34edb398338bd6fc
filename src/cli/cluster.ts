import { setTimeout as delay } from 'node:timers/promises';
import type { z } from 'zod';
import type { clusterAnswer } from '../api/contract/cluster-schemas.js';
import type { Config } from '../config/schema.js';
import { AppError } from '../domain/errors.js';
import { openClient, type ApiClient } from './api-client.js';
import { columns } from './columns.js';
import { siteIdOf } from './commands.js';
import { ageText } from './status-line.js';

type Cluster = z.infer<typeof clusterAnswer>['data'];

export interface ClusterCall {
  readonly config: Config;
  readonly url: string | null;
  readonly site: string | null;
  /** Every shard, and not those alone that are late. */
  readonly isWhole: boolean;
  readonly isJson: boolean;
  /** Again every so many seconds; null: once. */
  readonly watchS: number | null;
}

/** The cluster is not well. */
const notWell = 6;
const shardsPerPage = 1_000;
/** Pages of shards read at most. */
const maxPages = 100;
const clearScreen = '\u001b[H\u001b[2J';

/** `headframe cluster status`; exit code 6 when something is not well, as it was last seen. */
export async function showCluster(call: ClusterCall, print: (line: string) => void): Promise<number> {
  const client = openClient(call.config, call.url);
  for (;;) {
    const cluster = await readCluster(client, call).catch((error: unknown) => {
      // A watch goes on while the api is away, and says so.
      if (call.watchS !== null && error instanceof AppError && error.code === 'API_UNAVAILABLE') return error;
      throw error;
    });
    if (cluster instanceof AppError) process.stderr.write(`${cluster.message}\n`);
    else {
      if (call.watchS !== null && process.stdout.isTTY) process.stdout.write(clearScreen);
      print(call.isJson ? JSON.stringify(cluster) : clusterText(cluster));
      if (call.watchS === null) return cluster.is_well ? 0 : notWell;
    }
    await delay((call.watchS ?? 0) * 1_000);
  }
}

async function readCluster(client: ApiClient, call: ClusterCall): Promise<Cluster> {
  const site = call.site === null ? {} : { site_id: String(await siteIdOf(client, call.site)) };
  const which = { shards: call.isWhole ? 'all' : 'late', per_page: String(shardsPerPage) };
  const read = async (page: number): Promise<Cluster> => {
    const query = new URLSearchParams({ ...site, ...which, page: String(page) });
    return (await client.ask('GET', `/api/collector/cluster?${query.toString()}`))['data'] as Cluster;
  };
  const first = await read(1);
  const shards = [...first.shards];
  let last = first;
  while (last.has_more && last.page < maxPages) {
    last = await read(last.page + 1);
    shards.push(...last.shards);
  }
  return { ...first, shards, per_page: shards.length, has_more: last.has_more };
}

function clusterText(cluster: Cluster): string {
  const { totals, members, shards } = cluster;
  const { up, draining, lost } = totals.members;
  const blocks = [
    [
      cluster.is_well ? 'well' : `not well: ${cluster.problems.join('; ')}`,
      `${up} up, ${draining} draining, ${lost} lost; ${totals.shards} shards, ${totals.late} late, lag ${age(totals.max_lag_s)}, ${totals.skipped} slots skipped`,
    ],
    members.length === 0 ? ['no process has told of itself yet'] : memberLines(cluster),
    zoneLines(cluster),
    shards.length === 0 ? [] : shardLines(cluster),
  ];
  return blocks
    .filter((lines) => lines.length > 0)
    .map((lines) => lines.join('\n'))
    .join('\n\n');
}

function memberLines({ members, zones }: Cluster): string[] {
  const shareOf = (id: string): string => {
    const shares = zones.flatMap((zone) => zone.shares).filter(({ member_id }) => member_id === id);
    const polled = shares.reduce((sum, share) => sum + share.polled, 0);
    return shares.length === 0 ? '-' : String(polled);
  };
  const order = ['lost', 'draining', 'up', 'left'];
  const sorted = [...members].sort((a, b) => order.indexOf(a.state) - order.indexOf(b.state));
  return columns([
    ['role', 'member', 'state', 'seen', 'zones', 'shards', 'slots', 'upload lag', 'loop lag', 'version'],
    ...sorted.map((member) => [
      member.role,
      `${member.host}:${member.pid}`,
      member.state,
      `${age(member.silent_s)} ago`,
      member.zones.join(','),
      member.role === 'coordinator'
        ? `${member.planned_shards ?? 0} planned`
        : `${member.shards_running}+${member.shards_waiting}/${member.shards_at_once}`,
      shareOf(member.member_id),
      age(member.upload_lag_s),
      `${member.event_loop_lag_ms} ms`,
      member.version,
    ]),
  ]);
}

function zoneLines({ site_zones, zones, window_s }: Cluster): string[] {
  if (site_zones.length === 0) return [];
  const imbalanceOf = (name: string): string => {
    const value = zones.find(({ zone }) => zone === name)?.imbalance ?? null;
    return value === null ? '-' : `${Math.round(value * 100)} %`;
  };
  return [
    ...columns([
      ['site', 'zone', 'shards', 'late', 'lag', 'skipped', 'pollers', 'imbalance'],
      ...site_zones.map((row) => [
        row.site,
        row.zone,
        String(row.shards),
        String(row.late),
        age(row.max_lag_s),
        String(row.skipped),
        row.live_pollers === 0 ? 'none' : String(row.live_pollers),
        imbalanceOf(row.zone),
      ]),
    ]),
    `slots and imbalance: of the last ${age(window_s)}`,
  ];
}

function shardLines({ shards, has_more }: Cluster): string[] {
  return [
    ...columns([
      [
        'shard',
        'site',
        'zone',
        'state',
        'lag',
        'last slot',
        'polled by',
        'miners',
        'took',
        'skipped',
        'addresses',
      ],
      ...shards.map((shard) => [
        shard.shard_id,
        shard.site,
        shard.zone,
        shard.state,
        age(shard.lag_s),
        shard.last_slot ?? '-',
        shard.polled_by_host === null
          ? (shard.polled_by ?? '-')
          : `${shard.polled_by_host}:${shard.polled_by_pid ?? ''}`,
        shard.samples === null ? '-' : `${shard.online ?? 0}/${shard.samples}`,
        shard.duration_ms === null ? '-' : `${shard.duration_ms} ms`,
        shard.skipped === 0 ? '0' : `${shard.skipped} (${shard.skip_reason ?? ''})`,
        shard.ranges,
      ]),
    ]),
    ...(has_more ? [`the first ${shards.length}; there are more`] : []),
  ];
}

const age = (seconds: number | null): string => (seconds === null ? '-' : ageText(seconds));
