import { group, int, text } from './fields.js';

/** Settings of people who sign in. */
export const auth = group(
  {
    session_idle_h: int(1, 8_760, 12, 'A session ends when it was not used so long, h.'),
    session_max_h: int(1, 8_760, 168, 'A session ends so long after signing in, h.'),
    sessions_per_user: int(1, 1_000, 10, 'Sessions of one user; one more ends the oldest.'),
    token_max_days: int(1, 3_650, 365, 'An API token lasts so long at most, days.'),
    logins_per_address: int(1, 100_000, 20, 'Failures to sign in from one address before it waits.'),
    logins_per_name: int(1, 100_000, 10, 'Failures to sign in under one name before it waits.'),
    login_window_s: int(1, 86_400, 300, 'How long they are counted, s.'),
  },
  'People: sessions, tokens, signing in.',
);

/** Settings of TLS without a proxy. */
export const tls = group(
  {
    cert: text(
      'File of the certificate and those that lead to its root, PEM. With `tls.key` the api speaks HTTPS.',
    ),
    key: text('File of its private key, PEM.'),
  },
  'TLS of the api.',
);
