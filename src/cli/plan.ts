import { AppError } from '../domain/errors.js';
import { parseRanges } from '../domain/ip-ranges.js';
import { without, type PlanChange, type SitePlan, type StoredPlan } from '../domain/site-plan.js';
import { openClient, type ApiClient } from './api-client.js';
import { confirm, siteIdOf, type CommandCall } from './commands.js';

type Print = (line: string) => void;

/** What is common to the changes of a plan. */
export interface PlanEdit {
  readonly site: string | null;
  readonly isDryRun: boolean;
  /** Nobody is asked. */
  readonly isSure: boolean;
}

/** What `plan set` may change beside ranges; what is left out stays. Null: as the collector's own settings have it. */
export interface PlanSettings {
  readonly zone?: string;
  readonly interval_s?: number | null;
  readonly port?: number;
  readonly http_port?: number | null;
}

interface Put {
  readonly plan: StoredPlan | null;
  readonly change: PlanChange;
  readonly warnings: readonly string[];
}

/** Of a site that has no plan yet. */
const noPlan: SitePlan = { ranges: [], zone: 'default', interval_s: null, port: 4028, http_port: null };

/** `headframe plan show`. Exit code 1 when none was given yet. */
export async function showPlan(call: CommandCall, site: string | null, print: Print): Promise<number> {
  const client = openClient(call.config, call.url);
  const plan = await planOf(client, await siteIdOf(client, site));
  if (call.isJson) print(JSON.stringify(plan));
  else print(plan === null ? 'no plan was given yet' : planLines(plan).join('\n'));
  return plan === null ? 1 : 0;
}

/** `headframe plan set`: other ranges where any are named, and other settings. */
export async function setPlan(
  call: CommandCall,
  edit: PlanEdit,
  next: { readonly ranges: readonly string[]; readonly settings: PlanSettings },
  print: Print,
): Promise<number> {
  const ranges = (plan: SitePlan): readonly string[] => (next.ranges.length > 0 ? next.ranges : plan.ranges);
  return change(call, edit, (plan) => ({ ...plan, ...next.settings, ranges: ranges(plan) }), print);
}

/** `headframe plan add-range`. */
export async function addRanges(
  call: CommandCall,
  edit: PlanEdit,
  ranges: readonly string[],
  print: Print,
): Promise<number> {
  return change(call, edit, (plan) => ({ ...plan, ranges: withRanges(plan.ranges, ranges) }), print);
}

/** `headframe plan remove-range`. */
export async function removeRanges(
  call: CommandCall,
  edit: PlanEdit,
  ranges: readonly string[],
  print: Print,
): Promise<number> {
  return change(call, edit, (plan) => ({ ...plan, ranges: withoutRanges(plan.ranges, ranges) }), print);
}

/** A range that was excluded is not any more. */
export function withRanges(before: readonly string[], added: readonly string[]): string[] {
  const isExclusionOf = (text: string): boolean =>
    text.startsWith('!') && added.includes(text.slice(1).trim());
  const kept = before.filter((text) => !isExclusionOf(text) && !added.includes(text));
  return [...kept, ...added];
}

/**
 * A range as it is written in the plan goes; one that is a part of others becomes an exclusion.
 *
 * @throws AppError RANGE_INVALID for one that is not polled.
 */
export function withoutRanges(before: readonly string[], removed: readonly string[]): string[] {
  let left = [...before];
  for (const text of removed) {
    if (left.includes(text)) {
      left = left.filter((other) => other !== text);
      continue;
    }
    const options = { allowLoopback: true };
    const gone = parseRanges([text], options);
    const polled = parseRanges(left, options);
    if (text.startsWith('!') || gone.every((range) => without([range], polled).length > 0))
      throw new AppError('RANGE_INVALID', `range "${text}" is not in the plan: ${before.join(' ')}`);
    left.push(`!${text}`);
  }
  return left;
}

/** Shows what would come and go, asks, and does it, unless somebody else has changed the plan meanwhile. */
async function change(
  call: CommandCall,
  edit: PlanEdit,
  changed: (plan: SitePlan) => SitePlan,
  print: Print,
): Promise<number> {
  const client = openClient(call.config, call.url);
  const siteId = await siteIdOf(client, edit.site);
  const before = await planOf(client, siteId);
  const { ranges, zone, interval_s, port, http_port } = changed(before ?? noPlan);
  const body = { ranges, zone, interval_s, port, http_port, version: before?.version ?? 0 };
  const put = async (isDryRun: boolean): Promise<Put> => {
    const answer = await client.ask('PUT', pathOf(siteId), { ...body, dry_run: isDryRun });
    return answer['data'] as Put;
  };
  if (edit.isDryRun || !edit.isSure) {
    const would = await put(true);
    if (edit.isDryRun) {
      print(call.isJson ? JSON.stringify(would) : changeLines(would).join('\n'));
      return 0;
    }
    process.stderr.write(`${changeLines(would).join('\n')}\n`);
    await confirm(edit, 'change the plan');
  }
  const done = await put(false);
  if (call.isJson) print(JSON.stringify(done));
  else print([`the plan is at version ${done.plan?.version ?? 0}`, ...changeLines(done)].join('\n'));
  return 0;
}

const pathOf = (siteId: number): string => `/api/collector/sites/${siteId}/plan`;

async function planOf(client: ApiClient, siteId: number): Promise<StoredPlan | null> {
  return (await client.ask('GET', pathOf(siteId)))['data'] as StoredPlan | null;
}

function planLines(plan: StoredPlan): string[] {
  const ports =
    plan.http_port === null ? `port ${plan.port}` : `ports ${plan.port} and ${plan.http_port} (web)`;
  const interval = plan.interval_s === null ? "the collector's own interval" : `every ${plan.interval_s} s`;
  return [
    `version ${plan.version}, ${plan.updated_at} by ${plan.updated_by}`,
    `zone ${plan.zone}, ${interval}, ${ports}`,
    ...plan.ranges.map((range) => `  ${range}`),
  ];
}

function changeLines({ change: { shards, addresses, added, removed }, warnings }: Put): string[] {
  const list = (sign: string, ranges: readonly string[], total: number): string[] =>
    ranges.length === 0 ? [] : [`  ${sign} ${ranges.join(' ')} (${total} addresses)`];
  return [
    `shards: ${shards.added} come, ${shards.removed} go, ${shards.changed} change zone or interval, ${shards.kept} go on`,
    ...list('+', added, addresses.added),
    ...list('-', removed, addresses.removed),
    ...warnings.map((warning) => `warning: ${warning}`),
  ];
}
