import type { Config } from '../config/schema.js';
import type { BatchRecord, Refusal } from '../domain/command-batches.js';
import type { CommandEvent, CommandRecord } from '../domain/command-queue.js';
import { endStatuses } from '../domain/commands.js';
import { AppError } from '../domain/errors.js';
import { openClient, type ApiClient } from './api-client.js';
import { askYes, canAsk } from './ask-person.js';
import { columns } from './columns.js';

/** What the commands of `headframe command` share. */
export interface CommandCall {
  readonly config: Config;
  /** Of the api; null: where one is signed in, else the settings'. */
  readonly url: string | null;
  readonly isJson: boolean;
}

/** What is to be done, as the flags say it. */
export interface Order {
  readonly site: string | null;
  readonly type: string;
  readonly parameters: Readonly<Record<string, unknown>>;
  readonly priority: number;
  readonly ttlMinutes: number;
  readonly isDryRun: boolean;
  /** Nobody is asked. */
  readonly isSure: boolean;
  /** Stay until it has ended. */
  readonly waits: boolean;
}

/** Which miners of a site, and how they are told. */
export interface Targets {
  readonly miners: readonly string[];
  /** As `filter` of the api. */
  readonly filter: Readonly<Record<string, unknown>>;
  readonly waveSize: number | null;
  readonly pauseS: number;
  readonly maxFailedPercent: number;
}

type Print = (line: string) => void;
interface Plan {
  readonly count: number;
  readonly message: string;
  readonly batch_id: number | null;
  readonly needs_approval: boolean;
  readonly waves: number;
  readonly sample: readonly string[];
  readonly refused: readonly Refusal[];
}

/** Part of a batch was left out or failed. */
const partFailed = 5;
const lookEveryMs = 2_000;
const path = '/api/collector/commands';

/** `headframe command create`. Exit code 1 when it was waited for and is not completed. */
export async function createCommand(
  call: CommandCall,
  order: Order & { readonly miner: string; readonly ip: string | null },
  print: Print,
): Promise<number> {
  const client = openClient(call.config, call.url);
  const body = await bodyOf(client, order);
  if (order.isDryRun) {
    const targets = { miner_ids: [order.miner], dry_run: true };
    return showPlan(
      call,
      (await client.ask('POST', `${path}/batch`, { ...body, ...targets })) as unknown as Plan,
      print,
    );
  }
  await confirm(order, `${order.type} ${order.miner}`);
  const answer = await client.ask('POST', path, { ...body, miner_id: order.miner, ip_address: order.ip });
  const made = answer['command'] as CommandRecord;
  const last = order.waits ? await awaitCommand(client, made.command_id) : made;
  if (call.isJson) print(JSON.stringify(last));
  else print(`command ${last.command_id}: ${describe(last)}`);
  return order.waits && last.status !== 'completed' ? 1 : 0;
}

/** `headframe command batch`: tells what would happen, asks, and does it. Exit code 5 when part of it is left out or failed. */
export async function createBatch(
  call: CommandCall,
  order: Order,
  targets: Targets,
  print: Print,
): Promise<number> {
  const client = openClient(call.config, call.url);
  const who = targets.miners.length > 0 ? { miner_ids: targets.miners } : { filter: targets.filter };
  const body = {
    ...(await bodyOf(client, order)),
    ...who,
    wave_size: targets.waveSize,
    pause_s: targets.pauseS,
    max_failed_percent: targets.maxFailedPercent,
  };
  if (order.isDryRun || !order.isSure) {
    const plan = (await client.ask('POST', `${path}/batch`, { ...body, dry_run: true })) as unknown as Plan;
    if (order.isDryRun) return showPlan(call, plan, print);
    process.stderr.write(`${planLines(plan).join('\n')}\n`);
    await confirm(order, `${order.type} ${plan.count} miners`);
  }
  const made = (await client.ask('POST', `${path}/batch`, body)) as unknown as Plan;
  const isWhole = made.refused.length === 0;
  if (!order.waits || made.batch_id === null) {
    if (call.isJson) print(JSON.stringify(made));
    else print([`batch ${made.batch_id ?? ''}: ${made.message}`, ...refusalLines(made)].join('\n'));
    return isWhole ? 0 : partFailed;
  }
  const batch = await awaitBatch(client, made.batch_id);
  if (call.isJson) print(JSON.stringify(batch));
  else print(batchLines(batch).join('\n'));
  const isDone = batch.state === 'done' && batch.by_status['completed'] === batch.total;
  return isWhole && isDone && !batch.by_confirmation['not_confirmed'] ? 0 : partFailed;
}

/** `headframe command list`, of commands or, with `isBatches`, of batches. */
export async function listCommands(
  call: CommandCall,
  options: {
    readonly site: string | null;
    readonly query: Readonly<Record<string, string>>;
    readonly isBatches: boolean;
  },
  print: Print,
): Promise<number> {
  const client = openClient(call.config, call.url);
  const site = options.site === null ? {} : { site_id: String(await siteIdOf(client, options.site)) };
  const query = new URLSearchParams({ ...options.query, ...site });
  const answer = await client.ask(
    'GET',
    `${path}/${options.isBatches ? 'batches' : 'history'}?${query.toString()}`,
  );
  const list = answer[options.isBatches ? 'batches' : 'commands'];
  if (call.isJson) print(JSON.stringify(list));
  else print(options.isBatches ? batchTable(list as BatchRecord[]) : commandTable(list as CommandRecord[]));
  return 0;
}

/** `headframe command show`, of a command with its events, or of a batch. */
export async function showCommand(
  call: CommandCall,
  options: { readonly id: number; readonly isBatch: boolean },
  print: Print,
): Promise<number> {
  const client = openClient(call.config, call.url);
  const answer = await client.ask('GET', `${path}/${options.isBatch ? 'batches/' : ''}${options.id}`);
  if (call.isJson) print(JSON.stringify(options.isBatch ? answer['batch'] : answer));
  else if (options.isBatch) print(batchLines(answer['batch'] as BatchRecord).join('\n'));
  else print(commandLines(answer['command'] as CommandRecord, answer['events'] as CommandEvent[]).join('\n'));
  return 0;
}

/** `headframe command cancel` and `approve`. */
export async function changeCommand(
  call: CommandCall,
  options: { readonly id: number; readonly isBatch: boolean; readonly change: 'cancel' | 'approve' },
  print: Print,
): Promise<number> {
  const client = openClient(call.config, call.url);
  const target = `${path}/${options.isBatch ? 'batches/' : ''}${options.id}`;
  const answer =
    options.change === 'cancel'
      ? await client.ask('DELETE', target)
      : await client.ask('POST', `${target}/approve`, {});
  print(call.isJson ? JSON.stringify(answer) : String(answer['message']));
  return 0;
}

async function bodyOf(client: ApiClient, order: Order): Promise<object> {
  const { site, type, parameters, priority, ttlMinutes } = order;
  const siteId = await siteIdOf(client, site);
  return { site_id: siteId, command_type: type, parameters, priority, ttl_minutes: ttlMinutes };
}

/** The site of a name, or the only one. */
export async function siteIdOf(client: ApiClient, name: string | null): Promise<number> {
  const answer = await client.ask('GET', '/api/collector/sites');
  const sites = answer['data'] as { readonly site_id: number; readonly site_name: string }[];
  const names = sites.map((site) => site.site_name).join(', ');
  const [found, ...more] = name === null ? sites : sites.filter((site) => site.site_name === name);
  if (found === undefined) throw new AppError('API_REFUSED', `no site ${name ?? ''}; there are: ${names}`);
  if (more.length > 0) throw new AppError('API_REFUSED', `--site: name one of ${names}`);
  return found.site_id;
}

/** Throws when nobody can be asked, or says no. */
export async function confirm({ isSure }: Pick<Order, 'isSure'>, what: string): Promise<void> {
  if (isSure) return;
  if (!canAsk()) throw new AppError('API_REFUSED', 'nobody is there to be asked: say --yes');
  if (!(await askYes(`${what}?`))) throw new AppError('API_REFUSED', 'nothing was done');
}

async function awaitCommand(client: ApiClient, id: number): Promise<CommandRecord> {
  for (;;) {
    const { command } = (await client.ask('GET', `${path}/${id}`)) as unknown as { command: CommandRecord };
    if (endStatuses.has(command.status)) return command;
    await pause();
  }
}

/** Until the batch has ended, and so have those of its commands that a collector has. */
async function awaitBatch(client: ApiClient, id: number): Promise<BatchRecord> {
  for (;;) {
    const { batch } = (await client.ask('GET', `${path}/batches/${id}`)) as unknown as { batch: BatchRecord };
    if (batch.ended_at !== null && !batch.by_status['sent'] && !batch.by_confirmation['waiting'])
      return batch;
    await pause();
  }
}

const pause = (): Promise<void> => new Promise((resolve) => setTimeout(resolve, lookEveryMs));

function showPlan(call: CommandCall, plan: Plan, print: Print): number {
  print(call.isJson ? JSON.stringify(plan) : planLines(plan).join('\n'));
  return plan.refused.length === 0 ? 0 : partFailed;
}

function planLines(plan: Plan): string[] {
  const waves = plan.waves > 1 ? ` in ${plan.waves} waves` : '';
  const more = plan.count > plan.sample.length ? ', …' : '';
  return [
    `${plan.message}${waves}${plan.needs_approval ? ', after somebody else has approved' : ''}`,
    ...(plan.sample.length === 0 ? [] : [`  ${plan.sample.join(', ')}${more}`]),
    ...refusalLines(plan),
  ];
}

const refusalLines = ({ refused }: Plan): string[] =>
  refused.map(({ reason, count, sample }) => {
    const more = count > sample.length ? ', …' : '';
    return `left out, ${count}: ${reason} (${sample.join(', ')}${more})`;
  });

/** How a command stands, in a few words. */
function describe(command: CommandRecord): string {
  const what = [command.command, command.miner_id, command.status];
  if (command.waits_for !== null) what.push(`(${command.waits_for})`);
  if (command.result_message !== null) what.push(`– ${command.result_message}`);
  if (command.confirmation !== null) what.push(`[${command.confirmation}]`);
  return what.join(' ').replace(/\s+/g, ' ');
}

function commandTable(list: readonly CommandRecord[]): string {
  if (list.length === 0) return 'no commands';
  const rows = list.map((command) => [
    String(command.command_id),
    command.created_at,
    command.created_by,
    describe(command),
  ]);
  return columns([['id', 'created', 'by', 'command'], ...rows]).join('\n');
}

function batchTable(list: readonly BatchRecord[]): string {
  if (list.length === 0) return 'no batches';
  const rows = list.map((batch) => [
    String(batch.batch_id),
    batch.created_at,
    batch.created_by,
    batch.command,
    batch.state,
    countsOf(batch.by_status),
  ]);
  return columns([['id', 'created', 'by', 'command', 'state', 'commands'], ...rows]).join('\n');
}

function batchLines(batch: BatchRecord): string[] {
  const waves =
    batch.wave_size === null ? '' : `, wave ${batch.wave} of ${Math.ceil(batch.total / batch.wave_size)}`;
  const confirmed = countsOf(batch.by_confirmation);
  return [
    `batch ${batch.batch_id}: ${batch.command} ${JSON.stringify(batch.params)}, ${batch.state}${waves}`,
    `created ${batch.created_at} by ${batch.created_by}`,
    ...(batch.approved_at === null ? [] : [`approved ${batch.approved_at} by ${batch.approved_by ?? ''}`]),
    ...(batch.ended_at === null
      ? []
      : [
          `ended ${batch.ended_at} by ${batch.ended_by ?? ''}${batch.ended_because === null ? '' : `: ${batch.ended_because}`}`,
        ]),
    `commands: ${countsOf(batch.by_status)}${confirmed === '' ? '' : `; effects: ${confirmed}`}`,
  ];
}

function commandLines(command: CommandRecord, events: readonly CommandEvent[]): string[] {
  const rows = events.map((event) => [event.at, event.to_status, event.by, event.note ?? '']);
  return [
    `command ${command.command_id}: ${describe(command)}`,
    `parameters: ${JSON.stringify(command.params)}; expires ${command.expires_at}`,
    ...(command.observed === null ? [] : [`observed: ${JSON.stringify(command.observed)}`]),
    ...columns(rows),
  ];
}

const countsOf = (counts: Readonly<Record<string, number>>): string =>
  Object.entries(counts)
    .map(([name, n]) => `${n} ${name}`)
    .join(', ');
