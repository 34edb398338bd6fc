import type { Request } from 'express';
import { AppError } from '../domain/errors.js';
import {
  historyMetrics,
  minerResolutions,
  resolutions,
  siteResolution,
  type HistoryPoint,
  type Resolution,
  type TimeRange,
} from '../domain/history.js';
import { parseCidr } from '../domain/cidr.js';
import { readCursor, writeCursor } from '../domain/keyset.js';
import {
  availabilityQuery,
  eventsQuery,
  fleetQuery,
  heatmapQuery,
  minerHistoryQuery,
  minerPath,
  rangeQuery,
} from './contract/parameters.js';
import type { ApiDeps } from './deps.js';
import { readParameters, readSiteId } from './queries.js';
import { send, type Handler, type Load } from './reads.js';

/** The handlers of what was, and of where it is. */
export interface HistoryReads {
  readonly minerHistory: Handler;
  readonly siteHistory: Handler;
  readonly events: Handler;
  readonly availability: Handler;
  readonly fleet: Handler;
  readonly heatmap: Handler;
}

const hourMs = 3_600_000;
const dayHours = 24;
/** Five years: longer than anything is kept. */
const maxSpanMs = 5 * 366 * dayHours * hourMs;
const eventOrder = 'events';
const fleetOrder = 'fleet';

/** The reads of what was. They run once for all who ask the same at once, but are not kept. */
export function createHistoryReads(deps: ApiDeps, load: Load): HistoryReads {
  const { options } = deps;
  const once = <T>(key: string, query: () => Promise<T>) => load({ key, freshMs: 0, keepMs: 0 }, query);
  const keyOf = (request: Request): string =>
    `${request.path} ${JSON.stringify(Object.entries(request.query).sort())}`;

  return {
    minerHistory: async (request, response) => {
      const { site, minerId } = readParameters(minerPath, request.params);
      const asked = readParameters(minerHistoryQuery, request.query);
      const range = readRange(asked, deps.now(), dayHours);
      const { metric } = asked;
      const choices = minerResolutions(metric, range, deps.now(), options.historyDays);
      if (choices.length === 0) {
        throw new AppError(
          'REQUEST_INVALID',
          `Invalid range: ${metric} is not kept by the hour; ask for at most 7 days within the last ${options.historyDays}`,
        );
      }
      const loaded = await once(keyOf(request), async () => {
        const id = await deps.history.minerId(site, minerId);
        if (id === null) return null;
        const { resolution, points, from } = await readPoints(deps, id, metric, choices, range);
        return {
          site_id: site,
          miner_id: minerId,
          metric,
          unit: historyMetrics[metric].unit,
          ...told(resolution, { ...range, fromMs: from }),
          points,
          count: points.length,
        };
      });
      send(response, loaded);
    },

    siteHistory: async (request, response) => {
      const siteId = readSiteId(request.params['site']);
      const asked = readRange(readParameters(rangeQuery, request.query), deps.now(), dayHours);
      const resolution = siteResolution(asked);
      const range = { ...asked, fromMs: floorTo(asked.fromMs, resolution) };
      const loaded = await once(keyOf(request), async () => {
        if (!(await deps.history.hasSite(siteId))) return null;
        const points = await deps.history.sitePoints(siteId, resolution, range);
        return { site_id: siteId, ...told(resolution, range), points, count: points.length };
      });
      send(response, loaded);
    },

    events: async (request, response) => {
      const siteId = readSiteId(request.params['site']);
      const asked = readParameters(eventsQuery, request.query);
      const range = readRange(asked, deps.now(), 7 * dayHours);
      const after = asked.cursor ? readCursor(asked.cursor, eventOrder, 3) : null;
      const kinds = asked.kind?.split(',') ?? null;
      const loaded = await once(keyOf(request), async () => {
        const id = await subject(deps, siteId, asked.miner_id);
        if (id === false) return null;
        const query = { ...range, kinds, limit: asked.limit, after };
        const { events, next } = await deps.history.events(siteId, id, query);
        return {
          site_id: siteId,
          from: iso(range.fromMs),
          to: iso(range.toMs),
          events,
          count: events.length,
          next_cursor: next === null ? null : writeCursor(eventOrder, next),
        };
      });
      send(response, loaded);
    },

    availability: async (request, response) => {
      const siteId = readSiteId(request.params['site']);
      const asked = readParameters(availabilityQuery, request.query);
      const range = readRange(asked, deps.now(), dayHours);
      const loaded = await once(keyOf(request), async () => {
        const id = await subject(deps, siteId, asked.miner_id);
        if (id === false) return null;
        const samplesFromMs = deps.now() - options.historyDays * dayHours * hourMs;
        const shares =
          id === null
            ? await deps.history.siteAvailability(siteId, range)
            : await deps.history.minerAvailability(id, range, samplesFromMs);
        return { site_id: siteId, miner_id: asked.miner_id ?? null, ...shares };
      });
      send(response, loaded);
    },

    fleet: async (request, response) => {
      const siteId = readSiteId(request.params['site']);
      const { at, per_page: perPage, cursor } = readParameters(fleetQuery, request.query);
      if (at > deps.now() + hourMs) throw new AppError('REQUEST_INVALID', 'Invalid at: is yet to come');
      const after = cursor ? (readCursor(cursor, fleetOrder, 1)[0] ?? null) : null;
      const loaded = await once(keyOf(request), async () => {
        if (!(await deps.history.hasSite(siteId))) return null;
        const [totals, { miners, next }] = await Promise.all([
          deps.fleet.totals(siteId, at),
          deps.fleet.page(siteId, at, perPage, after),
        ]);
        const next_cursor = next === null ? null : writeCursor(fleetOrder, [next]);
        return { site_id: siteId, at: iso(at), totals, miners, next_cursor };
      });
      send(response, loaded);
    },

    heatmap: async (request, response) => {
      const siteId = readSiteId(request.params['site']);
      const { by, group } = readParameters(heatmapQuery, request.query);
      if (by === 'subnet' && group !== null && parseCidr(group) === null) {
        throw new AppError('REQUEST_INVALID', 'Invalid group: must be a network such as 10.1.0.0/24');
      }
      const plan = { key: keyOf(request), freshMs: options.summaryTtlMs, keepMs: options.summaryKeepMs };
      const loaded = await load(plan, async () => {
        if (!(await deps.history.hasSite(siteId))) return null;
        const groups = group === null ? await deps.heatmap.groups(siteId, by) : [];
        const cells = group === null ? [] : await deps.heatmap.cells(siteId, by, group);
        return { site_id: siteId, by, groups, cells };
      });
      send(response, loaded);
    },
  };
}

/** The finest of the resolutions whose points are not too many. Throws `REQUEST_INVALID` when all have too many. */
async function readPoints(
  { history, options }: ApiDeps,
  minerId: number,
  metric: keyof typeof historyMetrics,
  choices: readonly Resolution[],
  range: TimeRange,
): Promise<{ resolution: Resolution; from: number; points: readonly HistoryPoint[] }> {
  for (const resolution of choices) {
    const fromMs = floorTo(range.fromMs, resolution);
    const wanted = { ...range, fromMs };
    const points = await history.minerPoints(minerId, metric, resolution, wanted, options.maxHistoryPoints);
    if (points !== null) return { resolution, points, from: fromMs };
  }
  throw new AppError(
    'REQUEST_INVALID',
    `Invalid range: more than ${options.maxHistoryPoints} points; ask for a shorter one`,
  );
}

/** The miner that is asked about; null: the whole site; false: there is no such one. */
async function subject(
  { history }: ApiDeps,
  siteId: number,
  minerKey: string | undefined,
): Promise<number | null | false> {
  if (minerKey !== undefined) return (await history.minerId(siteId, minerKey)) ?? false;
  return (await history.hasSite(siteId)) ? null : false;
}

function readRange(
  asked: {
    readonly hours?: number | undefined;
    readonly from?: number | undefined;
    readonly to?: number | undefined;
  },
  nowMs: number,
  initialHours: number,
): TimeRange {
  if (asked.hours !== undefined && asked.from !== undefined) {
    throw new AppError('REQUEST_INVALID', 'Invalid hours: give hours or from, not both');
  }
  const toMs = asked.to ?? nowMs;
  const fromMs = asked.from ?? toMs - (asked.hours ?? initialHours) * hourMs;
  if (fromMs >= toMs) throw new AppError('REQUEST_INVALID', 'Invalid from: must be before to');
  if (toMs - fromMs > maxSpanMs)
    throw new AppError('REQUEST_INVALID', 'Invalid from: longer than five years');
  return { fromMs, toMs };
}

const iso = (ms: number): string => new Date(ms).toISOString();

function floorTo(ms: number, resolution: Resolution): number {
  const stepMs = resolutions[resolution] * 1_000;
  return stepMs === 0 ? ms : Math.floor(ms / stepMs) * stepMs;
}

function told(resolution: Resolution, range: TimeRange) {
  return {
    from: iso(range.fromMs),
    to: iso(range.toMs),
    resolution,
    resolution_seconds: resolutions[resolution],
  };
}
