import { z } from 'zod';
import { maxHeartbeatShards } from '../domain/heartbeat.js';
import { group, int } from './fields.js';

const zoneName = '[a-z0-9-]{1,32}';

/** Settings of who polls what. */
export const poller = group(
  {
    zones: z
      .string()
      .regex(new RegExp(`^${zoneName}(,${zoneName})*$`), 'must be names of zones with commas between')
      .optional()
      .describe(
        'Zones this `poller` can reach, with commas between: it takes their jobs, and commands of their sites, alone. Absent: the zones of its sites.',
      ),
  },
  'One poller of several.',
);

/** Settings of heartbeats and what is made of them. */
export const cluster = group(
  {
    heartbeat_s: int(1, 600, 10, 'Pollers, coordinators and edges tell the api how they do so often, s.'),
    heartbeat_timeout_ms: int(100, 60_000, 5_000, 'Deadline of one such heartbeat, ms; then it is dropped.'),
    heartbeat_shards: int(
      10,
      maxHeartbeatShards,
      4_000,
      'Shards one heartbeat lists at most; the others wait for the next.',
    ),
    lost_after: int(2, 100, 3, 'A member silent for so many heartbeats is lost.'),
    window_s: int(60, 840, 300, 'Time over which shares of slots are compared, s.'),
  },
  'Who belongs to the cluster, and how it does.',
);
