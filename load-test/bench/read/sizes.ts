/** How much is seeded. */
export interface Size {
  /** Miners of the site with a history. */
  readonly miners: number;
  /** Length of the samples, h. */
  readonly hours: number;
  /** Between slots, s. */
  readonly intervalS: number;
  /** Miners of the site with live rows. */
  readonly liveMiners: number;
  /** Length of events and rollups, days: longer than the week that other charts show. */
  readonly rollupDays: number;
  /** The last hours of the rollups are computed by the product; those before are inserted. */
  readonly computedHours: number;
  /** Statements that insert at once. */
  readonly writers: number;
  /** Filling ends with an error when it takes longer, min. */
  readonly maxMinutes: number;
}

const usual: Size = {
  miners: 2_000,
  hours: 6,
  intervalS: 60,
  liveMiners: 100_000,
  rollupDays: 30,
  computedHours: 48,
  writers: 2,
  maxMinutes: 60,
};

/** By the name of the flag; `usual` without one. */
export const sizes = {
  usual,
  quick: { ...usual, miners: 200, hours: 25, liveMiners: 2_000, rollupDays: 8 },
  full: { ...usual, miners: 10_000, hours: 48, computedHours: 6 },
} as const satisfies Record<string, Size>;

/** Flags of a size, for `parseArgs`. */
export const sizeFlags = {
  quick: { type: 'boolean', default: false },
  full: { type: 'boolean', default: false },
  miners: { type: 'string' },
  hours: { type: 'string' },
  interval: { type: 'string' },
  live: { type: 'string' },
  'rollup-days': { type: 'string' },
  'computed-hours': { type: 'string' },
  writers: { type: 'string' },
  'max-minutes': { type: 'string' },
} as const;

/** The size that flags ask for. Throws for a number that is none or too small. */
export function readSize(values: {
  readonly [name in keyof typeof sizeFlags]?: string | boolean | undefined;
}): Size {
  const base = sizes[values.full === true ? 'full' : values.quick === true ? 'quick' : 'usual'];
  const number = (name: keyof typeof sizeFlags, initial: number, least = 1): number => {
    const value = values[name] === undefined ? initial : Number(values[name]);
    if (!Number.isInteger(value) || value < least)
      throw new Error(`--${name} must be a whole number, ${least} or more`);
    return value;
  };
  return {
    miners: number('miners', base.miners),
    hours: number('hours', base.hours),
    intervalS: number('interval', base.intervalS),
    liveMiners: number('live', base.liveMiners),
    rollupDays: number('rollup-days', base.rollupDays, 8),
    computedHours: number('computed-hours', base.computedHours),
    writers: number('writers', base.writers),
    maxMinutes: number('max-minutes', base.maxMinutes),
  };
}
