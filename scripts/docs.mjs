// Writes docs/configuration.md, errors.md, metrics.md and openapi.json from the tables in the code;
// with --check, fails when a page is out of step instead.
import { readFileSync, writeFileSync } from 'node:fs';
import { format } from 'prettier';
import { buildOpenApi } from '../dist/src/api/contract/openapi.js';
import { routeTable } from '../dist/src/api/contract/route-table.js';
import { configSchema } from '../dist/src/config/schema.js';
import { itemSettingsOf, settingsOf } from '../dist/src/config/settings.js';
import { errorTable } from '../dist/src/domain/errors.js';
import { rejectReasons } from '../dist/src/domain/ingest.js';
import { pollErrorClasses } from '../dist/src/domain/telemetry.js';
import { maxSites, metricTable } from '../dist/src/telemetry/metric-table.js';

const cell = (value) => String(value ?? '').replaceAll('|', '\\|');
const row = (...cells) => `| ${cells.map(cell).join(' | ')} |`;
const table = (heads, rows) =>
  [row(...heads), row(...heads.map(() => '---')), ...rows.map((r) => row(...r))].join('\n');
const initial = (value) => (value === undefined ? '' : `\`${JSON.stringify(value)}\``);
const page = (title, ...parts) => [`# ${title}`, ...parts].join('\n\n') + '\n';

const settings = (list) =>
  table(
    ['setting', 'default', 'bounds', 'meaning'],
    list.map((s) => [`\`${s.path}\``, initial(s.initial), s.bounds, s.description]),
  );

const pages = {
  'docs/configuration.md': page(
    'Configuration',
    'Settings come from flags (`--set api.port=9000`), then environment variables, then `headframe.yaml` in the working folder (or `--config FILE`), then the defaults below. The environment variable of a setting is `HEADFRAME_` and its path in capitals: `api.port` is `HEADFRAME_API_PORT`. `DATABASE_URL` and `REDIS_URL` are read too. Every fault is printed at once and ends the program with exit code 78; `headframe doctor` prints the effective settings with secrets masked.',
    settings(
      settingsOf(configSchema).filter(
        (s) => !['sites', 'credentials', 'secrets', 'oidc.roles'].includes(s.path),
      ),
    ),
    '## Sites',
    'Each entry of `sites` is one farm.',
    settings(itemSettingsOf(configSchema, 'sites')),
    '```yaml\nsites:\n  - name: north\n    ranges: [10.1.0.0/22, 10.1.8.10-60, "!10.1.0.1"]\n    interval_s: 30\n    key_file: /etc/headframe/north.key\nupload:\n  url: https://telemetry.example.com\n```',
    '## Credentials',
    'Logins of the web interfaces of miners, for every site under `credentials`, for one under `sites[].credentials`. An entry for the address goes before one for the family, that before one for all; of equals the one of the site, then the first. Set one of the three passwords. Without an entry nothing is tried, factory passwords neither.',
    settings(itemSettingsOf(configSchema, 'credentials')),
    '```yaml\ncredentials:\n  - family: antminer-web\n    username: root\n    password_file: /etc/headframe/antminer.password\nsites:\n  - name: north\n    ranges: [10.1.0.0/22]\n    credentials:\n      - family: vnish-web\n        password_env: VNISH_PASSWORD\n      - miners: [10.1.3.17]\n        username: root\n        password_file: /etc/headframe/odd-one.password\n```',
    '## OpenID Connect',
    'Each entry of `oidc.roles` is one value of the claim and what it gives. See docs/operations.md for an example.',
    settings(itemSettingsOf(configSchema, 'oidc.roles')),
    '## Secrets',
    'What notifiers need and the database must not hold: the key a webhook is signed with, the address of a Slack webhook, the token of a Telegram bot, the password of the SMTP server. A notifier names one. Set one of the three values.',
    settings(itemSettingsOf(configSchema, 'secrets')),
    '```yaml\nsecrets:\n  - name: ops-webhook\n    value_file: /etc/headframe/ops-webhook.key\n  - name: smtp\n    value_env: SMTP_PASSWORD\nalerts:\n  smtp_host: smtp.example.com\n  smtp_username: headframe\n  smtp_secret: smtp\n  smtp_from: headframe@example.com\n```',
    'Ranges: CIDR `10.0.0.0/24`, `10.0.0.5-10.0.1.9`, the short form `10.0.0.10-60`, wildcards `10.0.*.2`, single addresses; `!` before any of them excludes it. Refused by name: octets with leading zeros, ranges that run backwards, more than a /12 in one range, link-local, multicast and reserved addresses, and loopback unless `allow_loopback` is set.',
  ),
  'docs/errors.md': page(
    'Errors',
    'Every error has a code. Over HTTP an error is `{"success": false, "error": "<text>", "code": "<CODE>"}`; branch on the code, never on the text.',
    table(
      ['code', 'HTTP status', 'retry', 'what happened', 'what to do'],
      Object.entries(errorTable).map(([code, e]) => [
        `\`${code}\``,
        e.status ?? '',
        e.isRetryable ? 'yes' : 'no',
        e.meaning,
        e.fix,
      ]),
    ),
    '## Exit codes',
    table(
      ['code', 'meaning'],
      [
        ['0', 'Done.'],
        ['1', 'It failed; the message says why.'],
        ['2', 'Wrong usage of the command line.'],
        ['5', 'Part of a batch of commands was left out, or failed.'],
        ['6', 'The cluster is not well: `headframe cluster status` says what is late, lost or not reached.'],
        ['69', 'Something it depends on (database, Redis, api) could not be reached.'],
        ['78', 'A setting is missing or wrong.'],
        ['130', 'Ctrl-C was pressed at a question; nothing was done.'],
      ],
    ),
    '## Reasons for rejecting one row of an upload',
    rejectReasons.map((reason) => `- \`${reason}\``).join('\n'),
    '## Classes of poll errors',
    pollErrorClasses.map((name) => `- \`${name}\``).join('\n'),
  ),
  'docs/metrics.md': page(
    'Metrics',
    "Every process answers `/metrics` in the Prometheus text format: the api on its own port, `edge`, `poller` and `coordinator` on `metrics.port`. Node's own metrics (`process_*`, `nodejs_*`) come with them. No label names a miner, an address or a shard: those live in SQL. A gauge that a process does not know is left out.",
    table(
      ['metric', 'kind', 'unit', 'labels', 'meaning'],
      Object.entries(metricTable).map(([name, m]) => [
        `\`${name}\``,
        m.kind,
        m.unit,
        m.labels.join(', '),
        m.help,
      ]),
    ),
    '## Of Node',
    'Event-loop lag is `nodejs_eventloop_lag_seconds` and its percentiles (`nodejs_eventloop_lag_p99_seconds`), memory `process_resident_memory_bytes`, processor time `process_cpu_seconds_total`.',
    '## How many series',
    `A process has fewer than 5,000, whatever the fleet. The label \`site\` tells the first ${maxSites} sites apart and has \`other\` for the rest; a metric that got more sets of labels than it has room for counts the further ones under \`other\`.`,
    '## The conservation law',
    '`scheduled + spooled at start = stored + duplicate + rejected + quarantined + dropped + skipped + in spool + in flight`. `headframe_conservation_error` is the difference and is 0 at every moment; anything else is a defect.',
  ),
};

const { version } = JSON.parse(readFileSync('package.json', 'utf8'));
const openApi = JSON.stringify(buildOpenApi(routeTable, version));
pages['docs/openapi.json'] = await format(openApi, { parser: 'json', printWidth: 110 });

const isCheck = process.argv.includes('--check');
let stale = 0;
for (const [file, text] of Object.entries(pages)) {
  if (!isCheck) writeFileSync(file, text);
  else if (readFileSync(file, 'utf8') !== text) {
    console.error(`${file} is out of step: run \`npm run docs\``);
    stale++;
  }
}
const readme = readFileSync('README.md', 'utf8');
if (readme.length >= 8000) {
  console.error(`README.md has ${readme.length} characters; keep it under 8000`);
  stale++;
}
process.exit(stale > 0 ? 1 : 0);
