/** What a process may be in a cluster. `up` is everything in one process; `other` is what this version does not know. */
export const memberRoles = ['edge', 'poller', 'coordinator', 'up', 'other'] as const;
export type MemberRole = (typeof memberRoles)[number];

/** Shards that one heartbeat lists at most, whatever is set. */
export const maxHeartbeatShards = 10_000;

/** What became of slots of a zone since the start of the process. */
export interface ZoneSlots {
  readonly polled: number;
  readonly skipped: number;
}

/** One shard in a heartbeat: what its last slot was, and that it is planned. */
export interface HeartbeatShard {
  readonly id: string;
  readonly zone: string;
  /** Its addresses in short, for people. */
  readonly ranges: string;
  readonly addresses: number;
  readonly interval_ms: number;
  /** The sender coordinates it. */
  readonly planned: boolean;
  /** The newest slot that was polled since the shard was last told of, ISO 8601; null: none. */
  readonly slot: string | null;
  readonly samples: number | null;
  readonly online: number | null;
  readonly duration_ms: number | null;
  /** Slots skipped since the shard was last told of, and why the last one was. */
  readonly skipped: number;
  readonly skip_reason: string | null;
}

/** `POST /api/collector/heartbeat`: how a process of a site does. Counts are since its start unless told otherwise. */
export interface Heartbeat {
  /** The same for the same data folder and role. */
  readonly member_id: string;
  readonly role: MemberRole;
  readonly host: string;
  readonly pid: number;
  readonly version: string;
  readonly started_at: string;
  /** `left` is the last one of a process that ends in order. */
  readonly state: 'up' | 'draining' | 'left';
  /** How far apart heartbeats are, s. */
  readonly interval_s: number;
  /** Zones whose jobs it takes; of a coordinator those it adds jobs to. */
  readonly zones: readonly string[];
  readonly threads: number;
  readonly sockets: number;
  /** Shards it polls at once. */
  readonly shards_at_once: number;
  readonly threads_busy: number;
  readonly shards_running: number;
  readonly shards_waiting: number;
  /** The 99th percentile since the last heartbeat, ms. */
  readonly event_loop_lag_ms: number;
  /** Age of the oldest batch that is not uploaded, s; null: all are. */
  readonly upload_lag_s: number | null;
  readonly spool_bytes: number;
  readonly spool_files: number;
  readonly conservation_error: number;
  /** Slots by outcome. */
  readonly slots: Readonly<Record<string, number>>;
  readonly zone_slots: Readonly<Record<string, ZoneSlots>>;
  /** Shards planned; null: the sender plans none. */
  readonly planned_shards: number | null;
  /** All of them were named within so many seconds; null: not yet. */
  readonly plan_round_s: number | null;
  readonly shards: readonly HeartbeatShard[];
  /** Shards that had something to tell and wait for the next heartbeat. */
  readonly shards_left_out: number;
}
