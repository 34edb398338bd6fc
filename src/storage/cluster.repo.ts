import type { MemberState, ShardState, SiteMember, SiteZone, ZoneShare } from '../domain/cluster.js';
import type { Heartbeat } from '../domain/heartbeat.js';
import type { Database } from './database.js';
import { readQuery } from './sql-files.js';

/** A shard as the database knows it. */
export interface ClusterShard {
  readonly site_id: number;
  readonly site: string;
  readonly shard_id: string;
  readonly zone: string;
  readonly ranges: string;
  readonly addresses: number;
  readonly interval_ms: number;
  readonly state: ShardState;
  /** How long its last slot is over, s; null: it was never polled. */
  readonly lag_s: number | null;
  readonly last_slot: string | null;
  readonly polled_at: string | null;
  readonly polled_by: string | null;
  readonly polled_by_host: string | null;
  readonly polled_by_pid: number | null;
  readonly samples: number | null;
  readonly online: number | null;
  readonly duration_ms: number | null;
  readonly skipped: number;
  readonly skipped_at: string | null;
  readonly skip_reason: string | null;
}

/** What of the cluster is asked for; null: any. */
export interface ShardQuery {
  readonly siteIds: readonly number[] | null;
  readonly state: ShardState | null;
  readonly zone: string | null;
  readonly limit: number;
  readonly offset: number;
}

/** Members listed at most. */
const maxMembers = 5_000;

type Dated<T, K extends keyof T> = Omit<T, K> & { readonly [key in K]: Date | null };

/** Who polls what: heartbeats in, the state of the cluster out. Time is the database's. */
export class ClusterRepo {
  readonly #db: Database;
  readonly #store: string;
  readonly #members: string;
  readonly #zones: string;
  readonly #shares: string;
  readonly #shards: string;

  constructor(db: Database, options: { sqlDir?: string } = {}) {
    this.#db = db;
    this.#store = readQuery('store_heartbeat', options.sqlDir);
    this.#members = readQuery('cluster_members', options.sqlDir);
    this.#zones = readQuery('cluster_zones', options.sqlDir);
    this.#shares = readQuery('cluster_shares', options.sqlDir);
    this.#shards = readQuery('cluster_shards', options.sqlDir);
  }

  /** Stores a heartbeat of a site's member, in one statement. */
  async store(siteId: number, beat: Heartbeat): Promise<void> {
    const text = JSON.stringify({ ...beat, report: reportOf(beat) });
    await this.#db.run('heartbeat', (sql) => sql.unsafe(this.#store, [siteId, text]));
  }

  /** Members of sites, those heard of last first. */
  async members(siteIds: readonly number[] | null, lostAfter: number): Promise<SiteMember[]> {
    type Row = Dated<SiteMember, 'started_at' | 'first_seen' | 'seen_at'>;
    const rows = await this.#db.run('cluster_members', (sql) =>
      sql.unsafe<Row[]>(this.#members, [arrayOf(siteIds), lostAfter, maxMembers]),
    );
    return rows.map((row) => ({
      ...row,
      started_at: textOf(row.started_at) ?? '',
      first_seen: textOf(row.first_seen) ?? '',
      seen_at: textOf(row.seen_at) ?? '',
    }));
  }

  /** Shards by site and zone. */
  async zones(siteIds: readonly number[] | null, lostAfter: number): Promise<SiteZone[]> {
    const rows = await this.#db.run('cluster_zones', (sql) =>
      sql.unsafe<SiteZone[]>(this.#zones, [arrayOf(siteIds), lostAfter]),
    );
    return rows.map((row) => ({ ...row }));
  }

  /** What pollers took of each zone in the last `windowS`. */
  async shares(siteIds: readonly number[] | null, windowS: number, lostAfter: number): Promise<ZoneShare[]> {
    const rows = await this.#db.run('cluster_shares', (sql) =>
      sql.unsafe<ZoneShare[]>(this.#shares, [arrayOf(siteIds), windowS, lostAfter]),
    );
    return rows.map((row) => ({ ...row }));
  }

  /** A page of shards, late ones first. */
  async shards({ siteIds, state, zone, limit, offset }: ShardQuery): Promise<ClusterShard[]> {
    type Row = Dated<ClusterShard, 'last_slot' | 'polled_at' | 'skipped_at'>;
    const rows = await this.#db.run('cluster_shards', (sql) =>
      sql.unsafe<Row[]>(this.#shards, [arrayOf(siteIds), state, zone, limit, offset]),
    );
    return rows.map((row) => ({
      ...row,
      last_slot: textOf(row.last_slot),
      polled_at: textOf(row.polled_at),
      skipped_at: textOf(row.skipped_at),
    }));
  }

  /** Members by role and state, for metrics: a process once, however many sites it has. */
  async count(lostAfter: number): Promise<{ role: string; state: MemberState; n: number }[]> {
    const rows = await this.#db.run(
      'cluster_count',
      (sql) => sql<{ role: string; state: MemberState; n: number }[]>`
      select role, state, count(*)::int as n from (
        select distinct on (member_id) role, headframe_member_state(state, seen_at, interval_s, ${lostAfter}::int) as state
        from cluster_members where not (state = 'left' and seen_at < now() - interval '1 hour')
        order by member_id, seen_at desc) m
      group by role, state`,
    );
    return rows.map((row) => ({ ...row }));
  }
}

const textOf = (time: Date | null): string | null => time?.toISOString() ?? null;
/** As PostgreSQL writes an array; null: all sites. */
const arrayOf = (siteIds: readonly number[] | null): string | null =>
  siteIds === null ? null : `{${siteIds.join(',')}}`;

function reportOf(beat: Heartbeat): object {
  const { threads, sockets, shards_at_once, threads_busy, shards_running, shards_waiting } = beat;
  const { event_loop_lag_ms, upload_lag_s, spool_bytes, spool_files, conservation_error } = beat;
  const { planned_shards, shards_left_out } = beat;
  return {
    ...{ threads, sockets, shards_at_once, threads_busy, shards_running, shards_waiting, event_loop_lag_ms },
    ...{ upload_lag_s, spool_bytes, spool_files, conservation_error, planned_shards, shards_left_out },
  };
}
