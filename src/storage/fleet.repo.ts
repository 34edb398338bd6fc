import type { Database } from './database.js';
import { readQuery } from './sql-files.js';

/** What the miners of a site were together at a time; TH/s, W, °C. */
export interface FleetTotals {
  readonly total_miners: number;
  readonly online_miners: number;
  readonly offline_miners: number;
  /** Known then, but without a sample young enough. */
  readonly unknown_miners: number;
  readonly by_state: Readonly<Record<string, number>>;
  readonly total_hashrate_ths: number;
  readonly nominal_hashrate_ths: number;
  readonly total_power_w: number;
  readonly max_temperature: number | null;
}

/** One miner as it was. `state` is `unknown` and the readings are null without a sample young enough. */
export interface FleetMiner {
  /** As it is named now. */
  readonly miner_id: string;
  readonly mac: string | null;
  readonly ip_address: string | null;
  readonly model: string | null;
  readonly firmware: string | null;
  readonly pool_url: string | null;
  readonly worker_name: string | null;
  /** Time of the sample. */
  readonly time: string | null;
  readonly state: string;
  readonly health: string | null;
  readonly hashrate_ths: number | null;
  readonly hashrate_expected_ths: number | null;
  readonly temperature_max: number | null;
  readonly power_w: number | null;
  readonly uptime_hours: number | null;
  readonly boards_total: number | null;
  readonly boards_healthy: number | null;
}

export interface FleetQuery {
  readonly time: Date;
  /** How old a miner's last sample may be to tell its state, s: some intervals. */
  readonly maxAgeS: number;
  /** The same of one that says its miner did not answer, s: such miners are asked rarely. Default: the same. */
  readonly offlineAgeS?: number;
  readonly perPage: number;
  /** `next` of the page before; null: from the first. */
  readonly after: string | null;
}

export interface FleetPage {
  readonly time: string;
  readonly miners: readonly FleetMiner[];
  /** Asks for the page after this one; null: there is none. */
  readonly next: string | null;
}

type FleetRow = Omit<FleetMiner, 'time'> & {
  readonly time: Date | null;
  readonly address: string | null;
  readonly is_vacant: boolean | null;
};

/**
 * What the fleet looked like at a time: state and readings from the last sample before it, by key; identity from what
 * it is now, taken back by the events since. A site that does not exist has no miners.
 */
export class FleetRepo {
  readonly #db: Database;
  readonly #page: string;
  readonly #totals: string;

  constructor(db: Database, options: { readonly sqlDir?: string } = {}) {
    this.#db = db;
    this.#page = readQuery('fleet_at', options.sqlDir);
    this.#totals = readQuery('fleet_totals_at', options.sqlDir);
  }

  /** Counts and sums over every miner of the site. */
  async fleetTotalsAt(
    siteId: number,
    time: Date,
    maxAgeS: number,
    offlineAgeS = maxAgeS,
  ): Promise<FleetTotals> {
    const parameters = [siteId, time.toISOString(), String(maxAgeS), String(offlineAgeS)];
    const [totals] = await this.#db.run('fleet_totals_at', (sql) =>
      sql.unsafe<FleetTotals[]>(this.#totals, parameters, { prepare: true }),
    );
    if (totals === undefined) throw new Error('an aggregate answered no row');
    return totals;
  }

  /** At most `perPage` miners, by address and then by name; fewer where an address was vacant. */
  async fleetAt(siteId: number, query: FleetQuery): Promise<FleetPage> {
    const after = readCursor(query.after);
    const time = query.time.toISOString();
    const { maxAgeS, offlineAgeS = maxAgeS, perPage } = query;
    const ages = [String(maxAgeS), String(offlineAgeS)] as const;
    const parameters = [siteId, time, ages[0], after.address, after.key, perPage, ages[1]];
    const rows = await this.#db.run('fleet_at', (sql) =>
      sql.unsafe<FleetRow[]>(this.#page, parameters, { prepare: true }),
    );
    const last = rows.length < query.perPage ? undefined : rows.at(-1);
    return {
      time,
      miners: rows.filter((row) => row.is_vacant !== true).map(toMiner),
      next: last === undefined ? null : writeCursor(last.address, last.miner_id),
    };
  }
}

function toMiner({ address: _address, is_vacant: _isVacant, time, ...miner }: FleetRow): FleetMiner {
  return { ...miner, time: time?.toISOString() ?? null };
}

function writeCursor(address: string | null, key: string): string {
  return `${address ?? ''}|${key}`;
}

/** A cursor that is none begins where its text stands in the order of names; addresses are read strictly. */
function readCursor(cursor: string | null): { address: string | null; key: string | null } {
  if (cursor === null) return { address: null, key: null };
  const [, address, key] = /^(\d{1,3}(?:\.\d{1,3}){3})?\|(.*)$/s.exec(cursor) ?? [];
  const isAddress = address?.split('.').every((part) => Number(part) <= 255) === true;
  return { address: isAddress ? address : null, key: key ?? cursor };
}
