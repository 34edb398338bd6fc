import { z } from 'zod';
import { alertRoutes } from './alert-routes.js';
import { clusterRoutes } from './cluster-routes.js';
import { commandRoutes } from './command-routes.js';
import { oidcRoutes } from './oidc-routes.js';
import { authRoutes } from './auth-routes.js';
import { planRoutes } from './plan-routes.js';
import { peopleRoutes } from './people-routes.js';
import { ok, count } from './answers.js';
import { alive, ready, status, uploadAnswer, uploadBody } from './collector-answers.js';
import { fleetStats, livePage, minerDetail, quirk, site, siteSummary, topMiners } from './live-answers.js';
import { availability, eventPage, fleet, heatmap, minerHistory, siteHistory } from './history-answers.js';
import {
  availabilityQuery,
  eventsQuery,
  fleetQuery,
  heatmapQuery,
  minerHistoryQuery,
  rangeQuery,
  liveQuery,
  minerPath,
  sitePath,
  siteQuery,
  streamQuery,
} from './parameters.js';
import type { RouteDoc } from './route-doc.js';

/** Every route by method and path: who may call it, what it takes, what it answers. */
export const routeTable = {
  'post /api/collector/upload': {
    access: 'collector',
    group: 'Collectors',
    summary: 'Store a batch of samples.',
    description:
      'A JSON array, gzip or not. 200 means committed; a record that cannot be taken is rejected alone. `X-Batch-Id` (a UUID) lets a batch that is sent again be recognised.',
    body: uploadBody,
    answer: uploadAnswer,
  },
  'get /api/collector/status': {
    access: 'open',
    group: 'Collectors',
    summary: 'Try the connection, and the key when one is sent.',
    answer: status,
  },
  'get /api/collector/sites': {
    access: 'viewer',
    sites: ['scope'],
    group: 'Live',
    summary: 'All sites by name.',
    answer: ok(z.array(site)),
  },
  'get /api/collector/sites/:site/miners/:minerId': {
    access: 'viewer',
    sites: ['path'],
    group: 'Live',
    summary: 'One miner in full, with its last raw replies.',
    path: minerPath,
    answer: ok(minerDetail),
  },
  'get /api/collector/summary/:site': {
    access: 'viewer',
    sites: ['path'],
    group: 'Live',
    summary: 'Counts and sums of a site.',
    path: sitePath,
    answer: ok(siteSummary),
  },
  'get /api/collector/live/:site': {
    access: 'viewer',
    sites: ['path'],
    group: 'Live',
    summary: 'The newest sample of each miner: filtered, sorted, in pages or as CSV.',
    description:
      'Follow `next_cursor` to read everything: pages by cursor neither repeat nor leave out a miner that keeps its place in the order. `format=csv` answers the filtered whole, whatever the page.',
    path: sitePath,
    query: liveQuery,
    answer: ok(livePage),
    texts: { 'text/csv': 'One line per miner; the columns are the properties of LiveMiner.' },
  },
  'get /api/collector/top/:site': {
    access: 'viewer',
    sites: ['path'],
    group: 'Live',
    summary: 'The miners that need a look first.',
    path: sitePath,
    answer: ok(topMiners),
  },
  'get /api/collector/stats': {
    access: 'viewer',
    sites: ['scope'],
    group: 'Live',
    summary: 'Totals over all sites.',
    description: 'The totals stand beside `data` too.',
    answer: z.strictObject({ success: z.literal(true), data: fleetStats, ...fleetStats.shape }),
  },
  'get /api/collector/quirks': {
    access: 'viewer',
    sites: ['query'],
    group: 'Live',
    summary: 'Which damaged replies come from which firmware, how often.',
    query: siteQuery,
    answer: ok(z.strictObject({ quirks: z.array(quirk), count })),
  },
  'get /api/collector/stream': {
    access: 'viewer',
    sites: ['query'],
    group: 'Live',
    summary: 'Server-sent events of a site.',
    description:
      '`ready` (`{}`) at the beginning, `summary` (a SiteSummary) every tick, `changes` (`{changes, count}`) when states or health changed: the newest 200 of them, and how many they are; with more, read anew. `ready`, `changes` and `reset` have an id to come back with as `Last-Event-ID`: what was missed is the first `changes` then, some of what was told before among it, or `reset` (`{}`) when it is not known any more: read anew. A comment is a heartbeat.',
    query: streamQuery,
    answer: null,
    texts: { 'text/event-stream': 'Events.' },
  },
  'get /api/collector/sites/:site/miners/:minerId/history': {
    access: 'viewer',
    sites: ['path'],
    group: 'History',
    summary: 'One reading of a miner over time.',
    description:
      'Every sample up to 24 hours, by five minutes up to 7 days, by the hour beyond; coarser where samples are gone or would be too many. `resolution` tells which. The last 24 hours when no range is given.',
    path: minerPath,
    query: minerHistoryQuery,
    answer: ok(minerHistory),
  },
  'get /api/collector/sites/:site/history': {
    access: 'viewer',
    sites: ['path'],
    group: 'History',
    summary: 'A site over time.',
    description:
      'By five minutes up to 7 days, by the hour up to 62, by the day beyond; `resolution` tells which. The last 24 hours when no range is given.',
    path: sitePath,
    query: rangeQuery,
    answer: ok(siteHistory),
  },
  'get /api/collector/sites/:site/events': {
    access: 'viewer',
    sites: ['path'],
    group: 'History',
    summary: 'What happened: offline, online, reboots, firmware, pools, boards, moves; the newest first.',
    description: 'The last 7 days when no range is given. `valid_to` null: it still holds.',
    path: sitePath,
    query: eventsQuery,
    answer: ok(eventPage),
  },
  'get /api/collector/sites/:site/availability': {
    access: 'viewer',
    sites: ['path'],
    group: 'History',
    summary: 'How much of a range a site or miner was reachable and hashing.',
    description:
      'Of a site each miner counts alike, and the range is rounded outwards to five minutes; of a miner it is exact where its samples are kept, else rounded to hours. `from` and `to` of the answer tell. The last 24 hours when no range is given.',
    path: sitePath,
    query: availabilityQuery,
    answer: ok(availability),
  },
  'get /api/collector/sites/:site/fleet': {
    access: 'viewer',
    sites: ['path'],
    group: 'History',
    summary: 'What the fleet looked like at a time: totals, and its miners in pages.',
    description:
      'A miner is told by its last sample before the time; without one that is young enough its state is `unknown`. Model, firmware, pool and address are those it had then.',
    path: sitePath,
    query: fleetQuery,
    answer: ok(fleet),
  },
  'get /api/collector/sites/:site/heatmap': {
    access: 'viewer',
    sites: ['path'],
    group: 'Live',
    summary: 'Live readings by place: networks, or racks of the site’s rack map.',
    description:
      'Without `group` the groups (5,000 at most), with it the miners of one (10,000 at most). `headframe racks` reads rack maps.',
    path: sitePath,
    query: heatmapQuery,
    answer: ok(heatmap),
  },
  ...alertRoutes,
  ...commandRoutes,
  ...planRoutes,
  ...clusterRoutes,
  ...authRoutes,
  ...oidcRoutes,
  ...peopleRoutes,
  'get /api/openapi.json': {
    access: 'open',
    group: 'Operation',
    summary: 'This description, as OpenAPI 3.1.',
    answer: z.looseObject({ openapi: z.literal('3.1.0') }),
  },
  'get /api/docs': {
    access: 'open',
    group: 'Operation',
    summary: 'This description, as a page.',
    answer: null,
    texts: { 'text/html': 'A page without scripts.' },
  },
  'get /api/docs.css': {
    access: 'open',
    group: 'Operation',
    summary: 'The style of that page.',
    answer: null,
    texts: { 'text/css': 'A style sheet.' },
  },
  'get /healthz': {
    access: 'open',
    group: 'Operation',
    summary: 'The process is alive.',
    answer: alive,
  },
  'get /readyz': {
    access: 'open',
    group: 'Operation',
    summary: 'It takes work: the database answers, and it is not shutting down.',
    answer: ready,
  },
  'get /metrics': {
    access: 'open',
    group: 'Operation',
    summary: 'Metrics for Prometheus.',
    answer: null,
    texts: { 'text/plain': 'Prometheus’ text format.' },
  },
} as const satisfies Record<string, RouteDoc>;

/** `get /api/…`. */
export type RouteKey = keyof typeof routeTable;
