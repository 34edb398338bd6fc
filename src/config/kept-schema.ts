import { group, int } from './fields.js';

/** Settings of how long rows are kept. */
export const retention = group(
  {
    history_days: int(1, 36_500, 30, 'Samples are kept so long, days.'),
    events_days: int(1, 36_500, 730, 'Miner events are kept so long, days.'),
    logs_days: int(
      4,
      36_500,
      7,
      "Upload logs are kept so long, days: never shorter than the spool's greatest age.",
    ),
    quirks_days: int(1, 36_500, 90, 'Damage of replies that is no longer seen is remembered so long, days.'),
    rollup_1h_days: int(1, 36_500, 730, 'Hourly sums of each miner are kept so long, days.'),
    rollup_5m_days: int(1, 36_500, 365, 'Sums of each site in five minutes are kept so long, days.'),
    alerts_days: int(1, 36_500, 365, 'Alerts and incidents are kept so long after their end, days.'),
    notices_days: int(1, 36_500, 30, 'Notices are kept so long after they were settled, days.'),
    commands_days: int(1, 36_500, 30, 'Commands and their events are kept so long after their end, days.'),
    cluster_days: int(
      1,
      36_500,
      7,
      'Members and shards of the cluster that nobody tells of any more are kept so long, days.',
    ),
    run_every_s: int(1, 86_400, 300, 'How often maintenance runs, s.'),
  },
  'How long rows are kept.',
);

/** Settings of sums over hours and five minutes. */
export const rollups = group(
  {
    run_every_s: int(1, 3600, 15, 'How often new and late samples are summed, s.'),
    settle_5m_s: int(
      0,
      3600,
      60,
      'Five minutes of a site are summed so long after their first new sample, s.',
    ),
    settle_1h_s: int(0, 86_400, 600, 'Hours of miners are summed so long after their first new sample, s.'),
    max_buckets: int(1, 100_000, 500, 'Buckets summed in one run, of either length; the rest waits.'),
    deadline_ms: int(1_000, 600_000, 60_000, 'Bound of summing one bucket of one site, ms.'),
  },
  'Sums over hours and five minutes.',
);
