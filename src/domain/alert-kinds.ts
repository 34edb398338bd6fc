/** What a kind of rule looks at: each miner, or a site as a whole. */
export type AlertTarget = 'miner' | 'site';

/** When a reading breaches: above or below the threshold; `flag` has none, it is so or not. */
export type AlertDirection = 'above' | 'below' | 'flag';

export type AlertSeverity = 'warning' | 'critical';

/** A rule as it is shipped for every site. */
export interface DefaultRule {
  readonly severity: AlertSeverity;
  readonly threshold: number | null;
  /** Where a breach is over: on the good side of the threshold, so that a reading at the edge does not flap. */
  readonly clearThreshold: number | null;
  /** A breach must last so long, s. */
  readonly durationS: number;
  /** After the end of an alert the next one waits so long, s. */
  readonly cooldownS: number;
}

interface KindSpec {
  readonly target: AlertTarget;
  readonly direction: AlertDirection;
  /** Of threshold and value. */
  readonly unit: string;
  readonly meaning: string;
  readonly defaults: readonly DefaultRule[];
  /** The end of a sentence that begins with the miner or site. */
  readonly describe: (value: number, threshold: number) => string;
}

const rule = (
  severity: AlertSeverity,
  threshold: number | null,
  clearThreshold: number | null,
  durationS: number,
  cooldownS: number,
): DefaultRule => ({ severity, threshold, clearThreshold, durationS, cooldownS });
const percent = (share: number): string => `${Math.round(share * 1_000) / 10} %`;
const short = (value: number): string => String(Math.round(value * 10) / 10);

/** Every kind of rule, with the rules shipped. `docs/alerts.md` shows this table. */
export const alertKinds = {
  temperature: {
    target: 'miner',
    direction: 'above',
    unit: '°C',
    meaning: 'The hottest sensor.',
    defaults: [rule('warning', 75, 72, 120, 600), rule('critical', 85, 82, 30, 300)],
    describe: (value, threshold) => `is at ${short(value)} °C, over ${short(threshold)} °C`,
  },
  offline: {
    target: 'miner',
    direction: 'flag',
    unit: '',
    meaning: 'A sample says that the miner cannot be reached. A miner that was not asked is never offline.',
    defaults: [rule('warning', null, null, 180, 300)],
    describe: () => 'does not answer',
  },
  hashrate_low: {
    target: 'miner',
    direction: 'below',
    unit: 'share of nominal',
    meaning: 'Hashrate against nominal, of a miner that should hash.',
    defaults: [rule('warning', 0.8, 0.85, 600, 900)],
    describe: (value, threshold) => `hashes at ${percent(value)} of nominal, under ${percent(threshold)}`,
  },
  hardware_errors: {
    target: 'miner',
    direction: 'above',
    unit: 'per hour',
    meaning: 'Hardware errors over the last ten minutes or so, as a rate.',
    defaults: [rule('warning', 1_000, 800, 600, 3_600)],
    describe: (value, threshold) =>
      `counts ${Math.round(value)} hardware errors an hour, over ${Math.round(threshold)}`,
  },
  fan_failure: {
    target: 'miner',
    direction: 'below',
    unit: 'rpm',
    meaning:
      'The slowest fan of a mining miner while another turns; all standing is how immersion and hydro look.',
    defaults: [rule('critical', 500, 600, 120, 600)],
    describe: (value, threshold) =>
      `has a fan at ${Math.round(value)} rpm, under ${Math.round(threshold)} rpm`,
  },
  board_lost: {
    target: 'miner',
    direction: 'above',
    unit: 'boards',
    meaning: 'Boards that are missing, answer with no chip or do not hash.',
    defaults: [rule('critical', 0, 0, 300, 600)],
    describe: (value) => (value === 1 ? 'has lost a board' : `has lost ${Math.round(value)} boards`),
  },
  chips_lost: {
    target: 'miner',
    direction: 'below',
    unit: 'share of chips',
    meaning: 'Share of chips that answer on the worst board that still has some.',
    defaults: [rule('warning', 0.95, 0.97, 600, 3_600)],
    describe: (value, threshold) =>
      `has a board with ${percent(value)} of its chips, under ${percent(threshold)}`,
  },
  pool_wrong: {
    target: 'miner',
    direction: 'flag',
    unit: '',
    meaning: "The pool's address holds none of the rule's `pools`. Without `pools` it never is.",
    defaults: [rule('warning', null, null, 300, 600)],
    describe: () => 'works for a pool that is not on the list',
  },
  pool_dead: {
    target: 'miner',
    direction: 'above',
    unit: 'minutes',
    meaning: 'Time without an accepted share while hashing.',
    defaults: [rule('critical', 20, 5, 0, 600)],
    describe: (value) => `has had no share accepted for ${Math.round(value)} min`,
  },
  mass_offline: {
    target: 'site',
    direction: 'above',
    unit: 'share of miners',
    meaning: 'Share of a site of ten miners or more that cannot be reached.',
    defaults: [rule('critical', 0.2, 0.1, 60, 600)],
    describe: (value, threshold) => `has ${percent(value)} of its miners offline, over ${percent(threshold)}`,
  },
  collector_silent: {
    target: 'site',
    direction: 'above',
    unit: 'intervals',
    meaning: 'Time since the last upload, in poll intervals.',
    defaults: [rule('critical', 5, 2, 90, 300)],
    describe: (value) => `has had no upload for ${Math.floor(value)} intervals`,
  },
  site_hashrate_low: {
    target: 'site',
    direction: 'below',
    unit: 'share of nominal',
    meaning:
      'Average hashrate of a site over five minutes, from its rollups, against nominal of all its miners.',
    defaults: [],
    describe: (value, threshold) => `hashes at ${percent(value)} of nominal, under ${percent(threshold)}`,
  },
  rejects_high: {
    target: 'site',
    direction: 'above',
    unit: 'share of shares',
    meaning:
      'Share of the shares of a site that pools rejected in an hour, from its rollups, of 100 or more.',
    defaults: [],
    describe: (value, threshold) =>
      `has ${percent(value)} of its shares rejected, over ${percent(threshold)}`,
  },
  key_refused: {
    target: 'site',
    direction: 'flag',
    unit: '',
    meaning: 'A revoked collector key was presented within the last quarter of an hour.',
    defaults: [rule('warning', null, null, 0, 900)],
    describe: () => 'has a collector that sends with a revoked key',
  },
} as const satisfies Record<string, KindSpec>;

export type AlertKind = keyof typeof alertKinds;

export const alertKindNames = Object.keys(alertKinds) as [AlertKind, ...AlertKind[]];

/** The kind's line of the table. */
export function kindSpec(kind: AlertKind): KindSpec {
  return alertKinds[kind];
}

/** The rules shipped for every site, as columns. */
export const defaultRules = alertKindNames.flatMap((kind) =>
  kindSpec(kind).defaults.map((shipped) => ({
    kind,
    severity: shipped.severity,
    threshold: shipped.threshold,
    clear_threshold: shipped.clearThreshold,
    duration_s: shipped.durationS,
    cooldown_s: shipped.cooldownS,
  })),
);

/** One sentence about a breach: `10.1.0.17 is at 91.5 °C, over 85 °C`. */
export function describeBreach(
  kind: AlertKind,
  name: string,
  value: number | null,
  threshold: number | null,
): string {
  return `${name} ${kindSpec(kind).describe(value ?? 0, threshold ?? 0)}`;
}
