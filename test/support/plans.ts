import type { Database } from '../../src/storage/database.js';
import type { TestStorage } from './storage.js';

/** A node of a plan. */
export interface PlanNode {
  readonly type: string;
  /** Table or chunk; empty for none. */
  readonly relation: string;
  /** Empty for none. */
  readonly index: string;
  /** What an index is looked up by. */
  readonly condition: string;
  /** False when the executor left it out. */
  readonly isRun: boolean;
}

interface RawNode {
  readonly 'Node Type': string;
  readonly 'Relation Name'?: string;
  readonly 'Index Name'?: string;
  readonly 'Index Cond'?: string;
  readonly 'Actual Loops'?: number;
  readonly Plans?: readonly RawNode[];
}

/**
 * All nodes of the plan that a statement really ran with. On tables of a test everything fits into a page,
 * so reading whole tables is made dear: what is asked is whether an index can serve.
 */
export async function explain(
  storage: TestStorage,
  text: string,
  parameters: readonly (string | number | null)[],
): Promise<PlanNode[]> {
  const rows = await storage.db.run('explain', (sql) =>
    sql.begin(async (tx) => {
      await tx`set local enable_seqscan = off`;
      return await tx.unsafe(`explain (analyze, format json) ${text}`, [...parameters]);
    }),
  );
  return nodesOf(rows[0]);
}

/**
 * All nodes of the plans of the tagged statements that `ask` runs on the database it is given, which answers no rows.
 * The planner chooses as it does in earnest: tables should hold some thousand rows, and be analyzed.
 */
export async function plansOf(
  storage: TestStorage,
  ask: (db: Database) => Promise<unknown>,
): Promise<PlanNode[]> {
  const nodes: PlanNode[] = [];
  const run = async (name: string, query: (sql: never) => unknown): Promise<unknown[]> => {
    const rows = await storage.db.run(
      name,
      (sql) => sql`explain (analyze, format json) ${query(sql as never) as ReturnType<typeof sql>}`,
    );
    nodes.push(...nodesOf(rows[0]));
    return [];
  };
  await ask({ ...storage.db, run } as unknown as Database);
  return nodes;
}

function nodesOf(row: Readonly<Record<string, unknown>> | undefined): PlanNode[] {
  const [plan] = row?.['QUERY PLAN'] as { Plan: RawNode }[];
  // What TimescaleDB puts over the chunks of a table reads none itself.
  return plan === undefined ? [] : flatten(plan.Plan).filter(({ type }) => type !== 'Custom Scan');
}

function flatten(node: RawNode): PlanNode[] {
  return [
    {
      type: node['Node Type'],
      relation: node['Relation Name'] ?? '',
      index: node['Index Name'] ?? '',
      condition: node['Index Cond'] ?? '',
      isRun: (node['Actual Loops'] ?? 0) > 0,
    },
    ...(node.Plans ?? []).flatMap(flatten),
  ];
}
