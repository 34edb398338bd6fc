import { sitePath } from './parameters.js';
import {
  collectorPlanAnswer,
  maxPlanBytes,
  planAnswer,
  planBody,
  planPutAnswer,
  planWaitQuery,
} from './plan-schemas.js';
import type { RouteDoc } from './route-doc.js';

/** Routes of plans: what is polled of a site, for its collectors and for people. */
export const planRoutes = {
  'get /api/collector/plan': {
    access: 'collector',
    group: 'Collectors',
    summary: 'What to poll of the site of the key.',
    description:
      'Of use with `plan: api`. Has an `ETag`; with `If-None-Match` the answer is 304 while the plan is that one, and with `wait` it comes as soon as it is another.',
    query: planWaitQuery,
    answer: collectorPlanAnswer,
  },
  'get /api/collector/sites/:site/plan': {
    access: 'viewer',
    sites: ['path'],
    group: 'Plans',
    summary: 'What is polled of a site whose collectors fetch their plan, with its version and `ETag`.',
    path: sitePath,
    answer: planAnswer,
  },
  'put /api/collector/sites/:site/plan': {
    access: 'admin',
    sites: ['path'],
    group: 'Plans',
    summary:
      'Poll other ranges, from another zone, or at another interval; collectors follow within one interval.',
    description:
      'Replaces the plan that is at `version`, or the one that `If-Match` names; 409 when it has changed. What is left out is its default. Addresses that another site polls from the same zone are a warning.',
    path: sitePath,
    body: planBody,
    maxBodyBytes: maxPlanBytes,
    answer: planPutAnswer,
  },
} as const satisfies Record<string, RouteDoc>;
