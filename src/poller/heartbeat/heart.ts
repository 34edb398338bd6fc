import type { Heartbeat } from '../../domain/heartbeat.js';
import type { Logger } from '../../telemetry/logger.js';
import type { Metrics } from '../../telemetry/metrics.js';
import type { HeartbeatOutcome } from './client.js';

/** One site that a process reports to, with the key of that site. */
export interface HeartSite {
  readonly site: string;
  readonly key: string;
  /** Makes a heartbeat that lists at most `maxShards`, `commit` once it arrived; null: there is nothing to tell. */
  make(state: Heartbeat['state'], maxShards: number): { readonly beat: Heartbeat; commit(): void } | null;
}

export interface HeartOptions {
  readonly sites: readonly HeartSite[];
  readonly send: (key: string, beat: Heartbeat, deadlineMs: number) => Promise<HeartbeatOutcome>;
  readonly everyMs: number;
  readonly deadlineMs: number;
  readonly maxShards: number;
  readonly random: () => number;
  readonly metrics: Metrics;
  readonly log: Logger;
}

/** Sites reported to at once. */
const atOnce = 4;
/** A key that is refused, and an api that knows no heartbeats, are tried again after this, ms. */
const refusedMs = 60_000;
const absentMs = 300_000;
/** The longest `Retry-After` that is honoured, ms. */
const maxRestMs = 300_000;
const leastShards = 10;

interface SiteState extends HeartSite {
  maxShards: number;
  restUntilMs: number;
  isQuiet: boolean;
}

/**
 * Tells the api of every site, time and again, how this process does. A heartbeat that does not arrive is dropped:
 * the next one says what is then. Nothing waits for it, and its time is jittered, so that a thousand processes do
 * not come at once when an api is back.
 */
export class Heart {
  readonly #options: HeartOptions;
  readonly #sites: SiteState[];
  #timer: NodeJS.Timeout | undefined;
  #round: Promise<void> = Promise.resolve();
  #state: Heartbeat['state'] = 'up';

  constructor(options: HeartOptions) {
    this.#options = options;
    const { maxShards } = options;
    this.#sites = options.sites.map((site) => ({
      site: site.site,
      key: site.key,
      make: (state, most) => site.make(state, most),
      maxShards,
      restUntilMs: 0,
      isQuiet: false,
    }));
  }

  /** The first soon, so that a start is seen; the rest follows. */
  start(): void {
    if (this.#sites.length > 0) this.#arm(Math.min(1_000, this.#options.everyMs) * this.#options.random());
  }

  /** Says at once that this process takes no more work. Does not wait. */
  drain(): void {
    if (this.#state !== 'up') return;
    this.#state = 'draining';
    this.#arm(0);
  }

  /** Says good-bye, within `deadlineMs`. */
  async stop({ deadlineMs }: { deadlineMs: number }): Promise<void> {
    clearTimeout(this.#timer);
    this.#state = 'left';
    const bye = this.#round.then(() => this.#beatAll(Math.min(deadlineMs, this.#options.deadlineMs)));
    let timer: NodeJS.Timeout | undefined;
    await Promise.race([bye, new Promise<void>((resolve) => (timer = setTimeout(resolve, deadlineMs)))]);
    clearTimeout(timer);
  }

  #arm(delayMs: number): void {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => {
      this.#round = this.#round.then(() => this.#beatAll(this.#options.deadlineMs));
      void this.#round.then(() => {
        if (this.#state !== 'left') this.#arm(this.#options.everyMs * (0.9 + 0.2 * this.#options.random()));
      });
    }, delayMs);
    this.#timer.unref();
  }

  async #beatAll(deadlineMs: number): Promise<void> {
    const waiting = this.#sites.filter(({ restUntilMs }) => restUntilMs <= performance.now());
    const lane = async (): Promise<void> => {
      for (let site = waiting.shift(); site !== undefined; site = waiting.shift())
        await this.#beat(site, deadlineMs);
    };
    await Promise.all(Array.from({ length: atOnce }, lane));
  }

  async #beat(site: SiteState, deadlineMs: number): Promise<void> {
    const { log, metrics } = this.#options;
    try {
      const made = site.make(this.#state, site.maxShards);
      if (made === null) return;
      const { beat, commit } = made;
      const outcome = await this.#options.send(site.key, beat, deadlineMs);
      metrics.add('headframe_heartbeats_total', 1, { outcome: outcome.kind });
      if (outcome.kind === 'sent') commit();
      this.#learn(site, outcome);
    } catch (err) {
      // Whatever is wrong with a heartbeat, polling goes on.
      log.error({ err, site: site.site }, 'heartbeat failed');
    }
  }

  #learn(site: SiteState, outcome: HeartbeatOutcome): void {
    const { log, everyMs } = this.#options;
    const restMs = restOf(outcome, everyMs);
    site.restUntilMs = restMs > 0 ? performance.now() + restMs : 0;
    if (outcome.kind === 'too_large') site.maxShards = Math.max(leastShards, Math.floor(site.maxShards / 2));
    if (outcome.kind === 'sent') site.isQuiet = false;
    else if (!site.isQuiet) {
      site.isQuiet = true;
      log.info({ outcome, site: site.site }, 'heartbeats do not arrive; polling goes on');
    }
  }
}

function restOf(outcome: HeartbeatOutcome, everyMs: number): number {
  if (outcome.kind === 'refused') return refusedMs;
  if (outcome.kind === 'absent') return absentMs;
  if (outcome.kind === 'dropped' && outcome.retryAfterMs !== null && outcome.retryAfterMs > everyMs)
    return Math.min(maxRestMs, outcome.retryAfterMs);
  return 0;
}
