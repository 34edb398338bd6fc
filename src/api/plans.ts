import type { Request, Response } from 'express';
import { AppError } from '../domain/errors.js';
import { parseRanges, someOf, type IpRange } from '../domain/ip-ranges.js';
import type { ChangeNote } from '../domain/people.js';
import { maySee } from '../domain/principal.js';
import {
  comparePlans,
  formatRange,
  overlapOf,
  rangesOfPlan,
  shardsOfPlan,
  tagOf,
  type SitePlan,
  type StoredPlan,
} from '../domain/site-plan.js';
import { collectorOf, principalOf } from './access.js';
import { noteOf } from './audit.js';
import type { CommandWaits } from './command-waits.js';
import { sitePath } from './contract/parameters.js';
import type { planRoutes } from './contract/plan-routes.js';
import { maxPlanBytes, planBody, planWaitQuery } from './contract/plan-schemas.js';
import type { ApiDeps } from './deps.js';
import { readJsonBody } from './json-body.js';
import { watchClient } from './long-poll.js';
import { readParameters } from './queries.js';

/** What the routes of plans need. */
export interface PlanDeps {
  readonly store: {
    find(siteId: number): Promise<StoredPlan | null>;
    others(
      siteId: number,
      zone: string,
    ): Promise<readonly (Pick<StoredPlan, 'site_id' | 'ranges'> & { readonly site_name: string })[]>;
    put(siteId: number, version: number, plan: SitePlan, note: ChangeNote): Promise<StoredPlan>;
  };
  /** Where collectors wait for another plan. */
  readonly waits: CommandWaits;
  readonly options: {
    readonly allowLoopback: boolean;
    /** Of a plan that names none, to tell what changes, s. */
    readonly intervalS: number;
  };
}

type Handle = (request: Request, response: Response) => Promise<void>;

/** The handlers of `planRoutes`. */
export function createPlanHandlers(deps: ApiDeps): Record<keyof typeof planRoutes, Handle> {
  const { store } = deps.plans;
  return {
    'get /api/collector/plan': createFetch(deps),
    'get /api/collector/sites/:site/plan': async (request, response) => {
      const { site } = readParameters(sitePath, request.params);
      const plan = await findOf(deps, site);
      response.set('ETag', tagOf(plan)).json({ success: true, data: plan });
    },
    'put /api/collector/sites/:site/plan': async (request, response) => {
      const { site } = readParameters(sitePath, request.params);
      const { version, dry_run: isDryRun, ...plan } = await readJsonBody(request, planBody, maxPlanBytes);
      const before = await findOf(deps, site);
      refuseOther(before, version, request.headers['if-match']);
      const ranges = rangesIn(plan, deps.plans.options.allowLoopback);
      const change = changeBy(before, plan, deps.plans.options);
      const warnings = await warningsOf(deps, site, plan.zone, ranges, response);
      const what = before === null ? 'create' : 'update';
      const note = noteOf(request, response, { what, thing: 'site_plan', siteId: site, before, after: {} });
      const now = isDryRun ? before : await store.put(site, before?.version ?? 0, plan, note);
      if (!isDryRun) deps.plans.waits.wake(site);
      response.set('ETag', tagOf(now)).json({ success: true, data: { plan: now, change, warnings } });
    },
  };
}

/** A collector's plan; waits for another one than it has. */
function createFetch(deps: ApiDeps): Handle {
  const { store, waits } = deps.plans;
  return async (request, response) => {
    const { wait } = readParameters(planWaitQuery, request.query);
    const { siteId, keyId } = collectorOf(response);
    const known = request.headers['if-none-match'];
    const untilMs = performance.now() + wait * 1_000;
    const { gone, over } = watchClient(response, deps.lifecycle.draining);
    for (;;) {
      const mark = waits.mark(siteId);
      const plan = await store.find(siteId);
      const tag = tagOf(plan);
      if (tag !== known) {
        response.set('ETag', tag).json({ success: true, plan: plan === null ? null : forCollector(plan) });
        return;
      }
      const end = await waits.wait({ siteId, keyId }, mark, untilMs - performance.now(), over);
      if (end === 'full') response.set('Retry-After', '5');
      if (end === 'woken') continue;
      if (!gone.aborted) response.set('ETag', tag).status(304).end();
      return;
    }
  };
}

function forCollector(plan: StoredPlan): object {
  const { site_id: _site, updated_at: _at, updated_by: _by, ...rest } = plan;
  return rest;
}

/** Throws `NOT_FOUND` for a site that is none. */
async function findOf(deps: ApiDeps, siteId: number): Promise<StoredPlan | null> {
  const plan = await deps.plans.store.find(siteId);
  if (plan === null && !(await deps.history.hasSite(siteId))) throw new AppError('NOT_FOUND', 'No such site');
  return plan;
}

function refuseOther(before: StoredPlan | null, version: number | undefined, tag: string | undefined): void {
  if (version === undefined && tag === undefined)
    throw new AppError(
      'REQUEST_INVALID',
      'Invalid version: name the version that is replaced (0 for none), or send If-Match',
    );
  const isOther = version !== undefined && version !== (before?.version ?? 0);
  if (isOther || (tag !== undefined && tag !== tagOf(before)))
    throw new AppError('CONFLICT', `The plan is at version ${before?.version ?? 0}`);
}

function rangesIn(plan: SitePlan, allowLoopback: boolean): IpRange[] {
  try {
    return someOf(rangesOfPlan(plan, { allowLoopback }));
  } catch (error) {
    if (!(error instanceof AppError)) throw error;
    throw new AppError('REQUEST_INVALID', `Invalid ranges: ${error.message}`, { cause: error });
  }
}

function changeBy(before: StoredPlan | null, after: SitePlan, options: PlanDeps['options']): object {
  // What was taken once is told of even where loopback is refused now.
  const shards = (plan: SitePlan) => shardsOfPlan('', plan, { ...options, allowLoopback: true });
  return comparePlans(before === null ? [] : shards(before), shards(after));
}

/** Overlaps told at most. */
const toldOverlaps = 10;

/** Farms of their own may have the same private addresses, and zones of the same name: no reason to refuse. */
async function warningsOf(
  deps: ApiDeps,
  siteId: number,
  zone: string,
  ranges: readonly IpRange[],
  response: Response,
): Promise<string[]> {
  const principal = principalOf(response);
  const warnings: string[] = [];
  for (const other of await deps.plans.store.others(siteId, zone)) {
    const [first] = overlapOf(ranges, parseRanges(other.ranges, { allowLoopback: true }));
    if (first === undefined) continue;
    const name = maySee(principal, other.site_id) ? `site "${other.site_name}"` : 'another site';
    warnings.push(`${formatRange(first)} is polled for ${name} too, from the same zone "${zone}"`);
    if (warnings.length === toldOverlaps) break;
  }
  return warnings;
}
