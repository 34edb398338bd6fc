import {
  clusterAnswer,
  clusterQuery,
  heartbeatAnswer,
  heartbeatBody,
  maxHeartbeatBytes,
} from './cluster-schemas.js';
import type { RouteDoc } from './route-doc.js';

/** Routes of the cluster: who polls what. */
export const clusterRoutes = {
  'post /api/collector/heartbeat': {
    access: 'collector',
    group: 'Collectors',
    summary: 'How a poller, coordinator or edge of the key’s site does.',
    description:
      'Sent every few seconds. Fields that are not known are ignored. Counts of slots are since the start of the process.',
    body: heartbeatBody,
    maxBodyBytes: maxHeartbeatBytes,
    answer: heartbeatAnswer,
  },
  'get /api/collector/cluster': {
    access: 'viewer',
    sites: ['query'],
    group: 'Cluster',
    summary: 'Who polls what: members, zones, and shards, late ones first.',
    description:
      'By what heartbeats told, and the database’s clock. `shards` says which are listed; totals are always of all.',
    query: clusterQuery,
    answer: clusterAnswer,
  },
} as const satisfies Record<string, RouteDoc>;
