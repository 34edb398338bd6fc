import { CommandWaits } from '../api/command-waits.js';
import type { CommandDeps } from '../api/commands.js';
import type { PlanDeps } from '../api/plans.js';
import type { Config } from '../config/schema.js';
import type { CommandCount } from '../domain/command-queue.js';
import type { MinerSort } from '../domain/command-batches.js';
import { commandKinds, type CommandKind, type CommandOrder } from '../domain/commands.js';
import { writerFor } from '../miner/writers/registry.js';
import { CommandListener } from '../storage/command-listener.js';
import type { Metrics } from '../telemetry/metrics.js';
import type { ApiOptions } from './api.js';
import { repeat, type Stoppable } from './maintenance.js';
import { staleAfterS as staleAfter, type Store } from './store.js';

/** Where polls for commands wait. */
export function commandWaitsOf({ config, store }: Pick<ApiOptions, 'config' | 'store'>): CommandWaits {
  return new CommandWaits({
    maxWaiting: config.commands.max_waiting_polls,
    maxOfKey: config.commands.max_waiting_polls_per_key,
    tickMs: config.commands.tick_ms,
    ready: (siteIds) => store.commands.ready(siteIds),
  });
}

/** Where collectors wait for another plan: woken by a change, or by the look of all that finds another version. */
export function planWaitsOf({ config, store }: Pick<ApiOptions, 'config' | 'store'>): CommandWaits {
  const seen = new Map<number, number>();
  return new CommandWaits({
    maxWaiting: config.commands.max_waiting_polls,
    maxOfKey: config.commands.max_waiting_polls_per_key,
    tickMs: config.commands.tick_ms,
    ready: async (siteIds) => {
      const versions = await store.plans.versions(siteIds);
      return siteIds.filter((siteId) => {
        const version = versions.get(siteId) ?? 0;
        const isNew = seen.get(siteId) !== version;
        seen.set(siteId, version);
        return isNew;
      });
    },
  });
}

/** What the routes of plans need. */
export const planDepsOf = (
  { config, store }: Pick<ApiOptions, 'config' | 'store'>,
  waits: CommandWaits,
): PlanDeps => ({
  store: store.plans,
  waits,
  options: { allowLoopback: config.allow_loopback, intervalS: config.poll.interval_s },
});

/** What the routes of commands need. */
export function commandDepsOf(
  { config, store }: Pick<ApiOptions, 'config' | 'store'>,
  waits: CommandWaits,
): CommandDeps {
  const { commands } = config;
  const staleAfterS = staleAfter(config);
  return {
    queue: store.commands,
    batches: store.commandBatches,
    filter: (siteId, filter) =>
      store.live.ids(
        siteId,
        { ...filter, sort: 'miner_id', descending: false },
        { now: new Date(), staleAfterS },
      ),
    refuse,
    waits,
    options: {
      isEnabled: commands.enabled,
      allow: new Set(commands.allow.split(',') as CommandKind[]),
      maxClaim: commands.max_claim,
      leaseS: commands.lease_s,
      noWaitLeaseS: commands.no_wait_lease_s,
      dailyCap: commands.daily_cap,
      maxTtlS: commands.max_ttl_h * 3_600,
      maxBatch: commands.max_batch,
      approvalAbove: commands.approval_above,
      holdS: commands.max_hold_h * 3_600,
      confirmS: confirmSecondsOf(commands),
    },
  };
}

/** What the family cannot do whatever is configured; of a miner whose family is not known, nothing. */
function refuse(order: CommandOrder, { family, model }: MinerSort): string | null {
  if (family === null) return null;
  return writerFor(family).refuse(order, { ...assumed, family, model });
}

/** Passwords of miners are the edge's alone: what fails for want of them it says itself. */
const assumed = { credentials: { username: '', password: '' }, nowMs: 0, randomHex: () => '' };

/** How long samples may take to show what a command did, s. */
function confirmSecondsOf(commands: Config['commands']): Readonly<Record<CommandKind, number>> {
  return {
    enable: commands.confirm_power_s,
    disable: commands.confirm_power_s,
    restart: commands.confirm_restart_s,
    reboot: commands.confirm_reboot_s,
    set_pool: commands.confirm_pool_s,
    set_fan: commands.confirm_fan_s,
    set_frequency: commands.confirm_frequency_s,
  };
}

/** Listens for commands of other instances, and does to commands what time does. Any number of instances may run it. */
export function startCommands(
  options: ApiOptions & { readonly waits: CommandWaits; readonly planWaits?: CommandWaits },
): Stoppable {
  const { config, store, metrics, log, waits, planWaits } = options;
  const listener =
    store.url === null
      ? null
      : new CommandListener({
          url: store.url,
          connectTimeoutMs: config.database.connect_timeout_ms,
          log,
          onWake: (siteId) => waits.wake(siteId),
          onPlan: (siteId) => planWaits?.wake(siteId),
        });
  const sweeper = repeat(options, 'commands', config.commands.sweep_every_s, () =>
    sweepCommands(store, config, metrics),
  );
  return {
    async stop() {
      await Promise.all([listener?.stop(), sweeper.stop()]);
    },
  };
}

/** Batches looked at in one sweep; each again after the others. */
const maxBatches = 50;

/** One look at what time did; bounded by `commands.sweep_rows`. */
export async function sweepCommands(store: Store, config: Config, metrics: Metrics): Promise<object> {
  const { sweep_rows: rows, max_attempts: attempts } = config.commands;
  const expired = await store.commandSweeps.expire(rows);
  const unreported = await store.commandSweeps.endLeases(attempts, rows, confirmSecondsOf(config.commands));
  const confirmed = await store.commandSweeps.confirm(rows);
  const ofBatches = await store.commandSweeps.advanceBatches(maxBatches);
  for (const { kind, status, n } of [...expired, ...unreported, ...ofBatches])
    if (status !== 'pending') metrics.add('command_execution_total', n, { type: kind, status });
  for (const { kind, n } of unreported)
    metrics.add('headframe_command_leases_ended_total', n, { type: kind });
  for (const { kind, confirmation, n } of confirmed)
    metrics.add('command_confirmation_total', n, { type: kind, outcome: confirmation });
  showOpen(await store.commands.open(), metrics);
  return { expired, unreported, confirmed, ofBatches };
}

function showOpen(counts: readonly CommandCount[], metrics: Metrics): void {
  for (const kind of commandKinds)
    for (const status of ['pending', 'sent'] as const) {
      const found = counts.find((count) => count.kind === kind && count.status === status);
      metrics.set('headframe_commands_open', found?.n ?? 0, { type: kind, status });
    }
}
