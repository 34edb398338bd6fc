import { randomBytes } from 'node:crypto';
import postgres from 'postgres';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { grantStatements, roleStatements, scramVerifier } from '../../src/storage/reader-grants.js';
import { runRollups } from '../../src/storage/rollups.js';
import { testEditions } from '../support/database.js';
import { fillSite, type FilledSite } from '../support/filled-site.js';
import { fillForDashboards } from '../support/filled-dashboards.js';
import { readDashboards, renderSql, targetsOf, type View } from '../support/grafana.js';
import { createTestStorage, type TestStorage } from '../support/storage.js';

const dashboards = readDashboards();
const asked = targetsOf(dashboards).filter(({ target }) => target.rawSql !== undefined);
/** Tables that are large where many miners are: read by an index, and within bounds. */
const large =
  /^(_hyper_|(miner_telemetry_history|miner_telemetry_1h|site_telemetry_5m|miner_events)|collector_upload_logs$)/;

describe.each(testEditions())('the SQL of dashboards on %s', (edition) => {
  const role = `reader_${randomBytes(6).toString('hex')}`;
  let storage: TestStorage;
  let site: FilledSite;
  let sql: postgres.Sql;

  beforeAll(async () => {
    storage = await createTestStorage(edition);
    site = await fillSite(storage);
    await fillForDashboards(storage, site);
    await runRollups(storage.db, { historyDays: 30, settle5mS: 0, settle1hS: 0 });
    const verifier = scramVerifier(role);
    const limits = { statementTimeoutS: 15, connections: 10 };
    await storage.query(
      [...roleStatements(role, { isNew: true, verifier, limits }), ...grantStatements(role)].join(';'),
    );
    const url = new URL(storage.url);
    url.username = url.password = role;
    sql = postgres(url.href, { max: 1, onnotice: () => undefined });
  });
  afterAll(async () => {
    await sql.end({ timeout: 5 });
    await storage.query(`drop owned by ${role}; drop role ${role}`);
    await storage.close();
  });

  const viewOf = (hours: number, minInterval?: string): View => ({
    from: new Date(site.endMs - hours * 3_600_000),
    to: new Date(Date.now() + 1_000),
    variables: { site: [String(site.siteId)], miner: ['10.1.0.1'] },
    minInterval,
  });
  /** A day, which samples are for, and a month, which they are not. */
  const views = (minInterval?: string): View[] => [viewOf(24, minInterval), viewOf(30 * 24, minInterval)];

  it.each(
    asked.map(
      ({ board, panel, target }) => [`${board}: ${panel.title} ${target.refId}`, panel, target] as const,
    ),
  )('answers %s', async (_name, panel, target) => {
    const text = target.rawSql ?? '';
    const answers = [];
    for (const view of views(panel.interval)) answers.push(await sql.unsafe(renderSql(text, view)));
    expect(answers.flat().length, 'rows within a day or a month').toBeGreaterThan(0);
    if (target.format === 'time_series') for (const rows of answers) expectSeries(rows);
    for (const view of views(panel.interval)) await expectIndexes(renderSql(text, view));
  });

  it('answers no site at all, and one that is not there', async () => {
    for (const { panel, target, board } of asked)
      for (const sites of [[''], ['999999'], []]) {
        const view = {
          ...viewOf(24, panel.interval),
          variables: { site: sites.length > 0 ? sites : ['$__all'], miner: ["o'hara"] },
        };
        await sql.unsafe(renderSql(target.rawSql ?? '', view)).catch((error: unknown) => {
          throw new Error(`${board}: ${panel.title}`, { cause: error });
        });
      }
  });

  it('lists what its variables choose from', async () => {
    for (const [name, board] of dashboards)
      for (const variable of board.templating.list.filter(({ type }) => type === 'query')) {
        const rows = await sql.unsafe(renderSql(variable.query, viewOf(1)));
        expect(rows.length, `${name}: ${variable.name}`).toBeGreaterThan(0);
        expect(Object.keys(rows[0] ?? {})).toEqual(['__text', '__value']);
        if (variable.name !== 'miner') continue;
        expect(rows).toHaveLength(200);
        const found = await sql.unsafe(renderSql(variable.query, { ...viewOf(1), search: '10.1.0.2' }));
        expect(found.map((row) => row['__value'] as string)).toEqual(['10.1.0.2']);
      }
  });

  it('shows what is missing as null', async () => {
    const hashrate = asked.find(({ board, panel }) => board === 'miner' && panel.title === 'Hashrate');
    const rows = await sql.unsafe(renderSql(hashrate?.target.rawSql ?? '', viewOf(3)));
    const known = rows.map((row) => row['hashrate'] !== null);
    // Two hours of samples in three hours.
    expect(known.filter(Boolean).length).toBeGreaterThan(100);
    expect(known.filter((is) => !is).length).toBeGreaterThan(50);
  });

  /** Plans of large tables: by an index that bounds what is read, where sequential scans cost more than they do. */
  async function expectIndexes(text: string): Promise<void> {
    const [row] = await sql.begin(async (tx) => {
      await tx.unsafe('set local enable_seqscan = off');
      return tx.unsafe(`explain (format json) ${text}`);
    });
    const plan = (row?.['QUERY PLAN'] as [{ Plan: PlanNode }])[0].Plan;
    for (const node of nodesOf(plan)) {
      if (!large.test(node['Relation Name'] ?? '')) continue;
      // These read what the nodes below them found.
      if (['Bitmap Heap Scan', 'Custom Scan'].includes(node['Node Type'])) continue;
      expect(node['Node Type'], JSON.stringify(node)).toMatch(/Index/);
      // Five minutes of a site are few: those of all sites may be found by time alone.
      const bound = /site_telemetry_5m/.test(JSON.stringify(node)) ? /site_id|time/ : /miner_id|site_id/;
      expect(node['Index Cond'], JSON.stringify(node)).toMatch(bound);
    }
  }
});

interface PlanNode {
  readonly 'Node Type': string;
  readonly 'Relation Name'?: string;
  readonly 'Index Cond'?: string;
  readonly Plans?: readonly PlanNode[];
}

function nodesOf(node: PlanNode): PlanNode[] {
  return [node, ...(node.Plans ?? []).flatMap(nodesOf)];
}

/** A time that does not run backwards, and numbers (or a name of the series). */
function expectSeries(rows: readonly Record<string, unknown>[]): void {
  let last = -Infinity;
  for (const { time, metric, ...readings } of rows) {
    const at = time instanceof Date ? time.getTime() : Number(time) * 1_000;
    expect(at).toBeGreaterThanOrEqual(last);
    last = at;
    if (metric !== undefined) expect(typeof metric).toBe('string');
    expect(Object.keys(readings).length).toBeGreaterThan(0);
  }
}
