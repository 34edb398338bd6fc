import type { Heartbeat, MemberRole } from './heartbeat.js';

export const memberStates = ['up', 'draining', 'left', 'lost'] as const;
export type MemberState = (typeof memberStates)[number];
/** `waiting`: for its first slot. */
export const shardStates = ['current', 'late', 'waiting'] as const;
export type ShardState = (typeof shardStates)[number];

/** What a member tells of itself that is shown and not searched. */
export type MemberReport = Pick<
  Heartbeat,
  | 'threads'
  | 'sockets'
  | 'shards_at_once'
  | 'threads_busy'
  | 'shards_running'
  | 'shards_waiting'
  | 'event_loop_lag_ms'
  | 'upload_lag_s'
  | 'spool_bytes'
  | 'spool_files'
  | 'conservation_error'
  | 'planned_shards'
  | 'shards_left_out'
>;

/** A member of one site, as the database has it. */
export interface SiteMember {
  readonly site_id: number;
  readonly site: string;
  readonly member_id: string;
  readonly role: MemberRole;
  readonly host: string;
  readonly pid: number;
  readonly version: string;
  readonly started_at: string;
  readonly first_seen: string;
  readonly seen_at: string;
  readonly silent_s: number;
  readonly interval_s: number;
  readonly state: MemberState;
  readonly zones: readonly string[];
  readonly report: MemberReport;
  readonly slots: Readonly<Record<string, number>>;
}

/** A process over all of its sites that one may see. */
export interface ClusterMember
  extends Omit<SiteMember, 'site_id' | 'site' | 'report' | 'slots'>, MemberReport {
  readonly sites: readonly { readonly site_id: number; readonly site: string }[];
  /** Slots by outcome since its start. */
  readonly slots: Readonly<Record<string, number>>;
}

/** Shards of a site in a zone. */
export interface SiteZone {
  readonly site_id: number;
  readonly site: string;
  readonly zone: string;
  readonly shards: number;
  readonly addresses: number;
  readonly late: number;
  readonly waiting: number;
  readonly max_lag_s: number | null;
  readonly skipped: number;
  readonly live_pollers: number;
}

/** Slots that one poller of a zone ended of late. */
export interface ZoneShare {
  readonly zone: string;
  readonly member_id: string;
  readonly host: string;
  readonly pid: number;
  readonly is_live: boolean;
  readonly polled: number;
  readonly skipped: number;
}

/** How the pollers of a zone share its slots. */
export interface ClusterZone {
  readonly zone: string;
  /** Of all its pollers of late: how far the one furthest from an even share is from it; null with less than two. */
  readonly imbalance: number | null;
  readonly shares: readonly (Omit<ZoneShare, 'zone'> & { readonly share: number | null })[];
}

/** One line a process: what it told last, of all sites together. */
export function mergeMembers(rows: readonly SiteMember[]): ClusterMember[] {
  const byId = new Map<string, SiteMember[]>();
  for (const row of rows) {
    const list = byId.get(row.member_id) ?? [];
    list.push(row);
    byId.set(row.member_id, list);
  }
  return [...byId.values()].map(mergeMember);
}

function mergeMember(rows: readonly SiteMember[]): ClusterMember {
  const newest = rows.reduce((a, b) => (a.silent_s <= b.silent_s ? a : b));
  // Of a run before this one nothing is added.
  const ofRun = rows.filter(({ started_at }) => started_at === newest.started_at);
  const slots: Record<string, number> = {};
  for (const row of ofRun)
    for (const [outcome, n] of Object.entries(row.slots)) slots[outcome] = (slots[outcome] ?? 0) + n;
  const lags = ofRun.flatMap(({ report }) => (report.upload_lag_s === null ? [] : [report.upload_lag_s]));
  const sum = (read: (report: MemberReport) => number): number =>
    ofRun.reduce((total, { report }) => total + read(report), 0);
  const plans = ofRun.flatMap(({ report }) =>
    report.planned_shards === null ? [] : [report.planned_shards],
  );
  const { report, ...own } = newest;
  return {
    ...report,
    member_id: own.member_id,
    role: own.role,
    host: own.host,
    pid: own.pid,
    version: own.version,
    started_at: own.started_at,
    first_seen: own.first_seen,
    seen_at: own.seen_at,
    silent_s: own.silent_s,
    interval_s: own.interval_s,
    state: own.state,
    zones: [...new Set(ofRun.flatMap(({ zones }) => zones))].sort(),
    sites: ofRun.map(({ site_id, site }) => ({ site_id, site })),
    upload_lag_s: lags.length === 0 ? null : Math.max(...lags),
    spool_bytes: sum(({ spool_bytes }) => spool_bytes),
    spool_files: sum(({ spool_files }) => spool_files),
    planned_shards: plans.length === 0 ? null : plans.reduce((a, b) => a + b, 0),
    shards_left_out: sum(({ shards_left_out }) => shards_left_out),
    slots,
  };
}

/** Shares by zone. Those of pollers that are gone are told and not compared. */
export function compareShares(rows: readonly ZoneShare[]): ClusterZone[] {
  const byZone = new Map<string, ZoneShare[]>();
  for (const row of rows) {
    const list = byZone.get(row.zone) ?? [];
    list.push(row);
    byZone.set(row.zone, list);
  }
  return [...byZone].map(([zone, list]) => {
    const total = list.reduce((sum, { polled }) => sum + polled, 0);
    return {
      zone,
      imbalance: imbalanceOf(list.filter(({ is_live }) => is_live).map(({ polled }) => polled)),
      shares: list.map(({ zone: _zone, ...row }) => ({
        ...row,
        share: total > 0 ? row.polled / total : null,
      })),
    };
  });
}

/** 0: all took the same; 0.2: one took 20 % more or less than an even share. */
function imbalanceOf(counts: readonly number[]): number | null {
  const mean = counts.reduce((a, b) => a + b, 0) / counts.length;
  if (counts.length < 2 || mean === 0) return null;
  return Math.max(...counts.map((count) => Math.abs(count - mean) / mean));
}
