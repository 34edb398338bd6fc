import type { CommandKind } from './commands.js';
import type { Author } from './people.js';

export const batchStates = ['waiting_approval', 'running', 'done', 'stopped', 'cancelled'] as const;

/** A batch as people read it. Times are ISO 8601. */
export interface BatchRecord {
  readonly batch_id: number;
  readonly site_id: number;
  readonly command: CommandKind;
  readonly params: Readonly<Record<string, unknown>>;
  readonly state: (typeof batchStates)[number];
  readonly total: number;
  readonly priority: number;
  /** Null: all at once. */
  readonly wave_size: number | null;
  readonly pause_s: number;
  readonly max_failed_percent: number;
  /** The last one released; 0: none yet. */
  readonly wave: number;
  readonly created_at: string;
  readonly created_by: string;
  readonly approved_at: string | null;
  readonly approved_by: string | null;
  readonly ended_at: string | null;
  readonly ended_by: string | null;
  readonly ended_because: string | null;
  /** Its commands by status, and by confirmation. */
  readonly by_status: Readonly<Record<string, number>>;
  readonly by_confirmation: Readonly<Record<string, number>>;
}

/** An order for many miners of a site. */
export interface NewBatch {
  readonly siteId: number;
  /** In the order they are to be told. */
  readonly minerIds: Int32Array;
  readonly kind: CommandKind;
  readonly params: Readonly<Record<string, unknown>>;
  readonly priority: number;
  readonly ttlS: number;
  readonly by: Author;
  /** What was asked for in place of names, for the audit log; null: names. */
  readonly filter: object | null;
  /** Miners of these cannot do it and are left out. */
  readonly refused: readonly MinerSort[];
  readonly waveSize: number | null;
  readonly pauseS: number;
  readonly maxFailedPercent: number;
  readonly needsApproval: boolean;
  /** How long commands may be held back, s. */
  readonly holdS: number;
}

/** What decides whether a miner can do something. */
export interface MinerSort {
  readonly family: string | null;
  readonly model: string | null;
}

/** Miners of one sort among those a command is meant for. */
export interface TargetGroup extends MinerSort {
  readonly n: number;
  /** Of these, how many have the same command on its way. */
  readonly waiting: number;
  readonly sample: readonly string[];
  readonly waiting_sample: readonly string[] | null;
}

/** Miners that are left out of a batch, and why. */
export interface Refusal {
  readonly reason: string;
  readonly count: number;
  readonly sample: readonly string[];
}

/** What a batch would do. */
export interface BatchPlan {
  readonly count: number;
  readonly sample: readonly string[];
  readonly refused: readonly Refusal[];
  readonly refusedSorts: readonly MinerSort[];
}

const sampleSize = 10;

/**
 * Sums up what a batch would do. `refuse` says in words why miners of a sort cannot; `unknown` are names that no
 * miner of the site has.
 */
export function planBatch(
  groups: readonly TargetGroup[],
  unknown: readonly string[],
  refuse: (sort: MinerSort) => string | null,
): BatchPlan {
  const refusals = new Map<string, { count: number; sample: string[] }>();
  const add = (reason: string, count: number, names: readonly string[]): void => {
    if (count === 0) return;
    const entry = refusals.get(reason) ?? { count: 0, sample: [] };
    entry.count += count;
    entry.sample.push(...names.slice(0, sampleSize - entry.sample.length));
    refusals.set(reason, entry);
  };
  const refusedSorts: MinerSort[] = [];
  const sample: string[] = [];
  let count = 0;
  add('no miner of this name', unknown.length, unknown);
  for (const { family, model, n, waiting, sample: names, waiting_sample } of groups) {
    const reason = refuse({ family, model });
    if (reason !== null) {
      refusedSorts.push({ family, model });
      add(reason, n, names);
      continue;
    }
    const waits = waiting_sample ?? [];
    add('the same command is on its way', waiting, waits);
    count += n - waiting;
    sample.push(...names.filter((name) => !waits.includes(name)).slice(0, sampleSize - sample.length));
  }
  const refused = [...refusals].map(([reason, entry]) => ({ reason, ...entry }));
  return { count, sample, refused, refusedSorts };
}
