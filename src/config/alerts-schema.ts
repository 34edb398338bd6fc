import { z } from 'zod';
import { group, int, text } from './fields.js';

/** Settings of alerts: how rules are held against readings, and how notices are told. */
export const alerts = group(
  {
    evaluate_every_s: int(1, 3600, 15, 'How often rules are held against the readings, s.'),
    evaluation_timeout_ms: int(
      1_000,
      120_000,
      10_000,
      'Deadline of one statement of an evaluation, ms: it reads every live row.',
    ),
    max_changes: int(
      100,
      200_000,
      5_000,
      'Alerts of miners that begin or end in one evaluation, written by one statement within `database.deadline_ms`; the rest follows in the next.',
    ),
    offline_intervals: int(
      2,
      10_000,
      30,
      'A sample that says unreachable is believed for so many intervals: dead miners are asked rarely.',
    ),
    gone_after_h: int(
      1,
      8_760,
      24,
      'A miner without a sample for so long is gone and its alerts end, while its site is heard of, h.',
    ),
    incident_alerts: int(
      2,
      10_000,
      5,
      'Alerts of one kind in one subnet, rack or pool that are one incident.',
    ),
    incident_subnets: int(2, 1_000, 3, 'Subnets of a site failing alike that are one incident of the site.'),
    incident_window_s: int(10, 86_400, 300, 'Alerts that begin within so long fail together, s.'),
    gather_s: int(0, 3_600, 30, 'A notice waits so long for others that belong to the same incident, s.'),
    deliver_every_s: int(1, 3_600, 2, 'How often the outbox is looked at, s.'),
    delivery_timeout_ms: int(100, 60_000, 10_000, 'Bound of telling one notifier once, ms.'),
    delivery_attempts: int(1, 10, 3, 'Tries in a row.'),
    delivery_retry_ms: int(10, 60_000, 1_000, 'First wait between them, ms; it doubles.'),
    delivery_rounds: int(1, 50, 6, 'Rounds of tries; after the last a notice is a dead letter.'),
    delivery_round_s: int(1, 3_600, 60, 'First wait between two rounds, s; it doubles, up to an hour.'),
    delivery_lease_s: int(10, 3_600, 120, 'A notice in the hands of a killed process is told after, s.'),
    delivery_concurrency: int(1, 100, 8, 'Notices told at once.'),
    max_answer_bytes: int(256, 1_048_576, 65_536, "Read of a receiver's answer at most, bytes."),
    max_notifiers: int(1, 10_000, 100, 'Notifiers at most.'),
    smtp_host: text('SMTP server; without it no notifier can send mail.'),
    smtp_port: int(1, 65_535, 587, 'Its port.'),
    smtp_security: z
      .enum(['starttls', 'tls', 'none'])
      .default('starttls')
      .describe(
        '`starttls` is required before anything is said; `tls` from the first byte; `none` in clear.',
      ),
    smtp_ca_file: text(
      "File (PEM) of certificates its own is held against, in place of the system's: for a server that signed its own.",
    ),
    smtp_username: text('User name there; absent: no login.'),
    smtp_secret: text('Name under `secrets` of its password.'),
    smtp_from: text('Sender of mails.'),
  },
  'Alerts and whom they are told.',
);
