import { z } from 'zod';
import { commandKinds } from '../domain/commands.js';
import { group, int } from './fields.js';

const kindName = `(${commandKinds.join('|')})`;
const kindList = new RegExp(`^${kindName}(,${kindName})*$`);

/** Settings of commands to miners. */
export const commands = group(
  {
    enabled: z
      .boolean()
      .default(true)
      .describe('Take commands and hand them out; `false`: miners are only read.'),
    allow: z
      .string()
      .regex(kindList, `must be kinds with commas between, of ${commandKinds.join(', ')}`)
      .default(commandKinds.join(','))
      .describe('Kinds of commands that may be given, with commas between.'),
    daily_cap: int(1, 100_000_000, 50_000, 'Commands of one site in 24 hours.'),
    max_batch: int(1, 1_000_000, 20_000, 'Commands of one batch.'),
    approval_above: int(
      0,
      1_000_000,
      0,
      'A batch of more commands waits until somebody else approves it; 0: none does.',
    ),
    max_hold_h: int(1, 168, 24, 'Commands are held back for approval or their wave so long at most, h.'),
    max_ttl_h: int(1, 168, 168, 'Longest time a command may wait to be executed, h.'),
    max_claim: int(1, 50, 50, 'Commands handed out at once.'),
    lease_s: int(10, 3_600, 120, 'A collector that waits for commands has so long for a result, s.'),
    no_wait_lease_s: int(
      10,
      86_400,
      900,
      'One that does not, and may execute what it was given one after the other, has so long, s.',
    ),
    max_attempts: int(
      1,
      100,
      5,
      'A command that may be done twice is handed out at most so often; then it is `unknown`.',
    ),
    max_waiting_polls: int(
      1,
      100_000,
      1_000,
      'Polls of collectors that wait at once; one more is answered at once.',
    ),
    max_waiting_polls_per_key: int(1, 100_000, 50, 'Of these with one key, so that none takes all places.'),
    tick_ms: int(
      50,
      10_000,
      1_000,
      'How often waiting polls look by themselves, ms: what a lost notice costs.',
    ),
    rate_limit_per_minute: int(
      1,
      10_000_000,
      12_000,
      'Polls and results of one collector key per minute, beside its uploads.',
    ),
    sweep_every_s: int(1, 3_600, 2, 'How often leases, times and effects are looked at, s.'),
    sweep_rows: int(10, 100_000, 2_000, 'Commands one such look changes at most, of a kind.'),
    confirm_reboot_s: int(10, 86_400, 900, 'Samples must show a reboot within, s.'),
    confirm_restart_s: int(10, 86_400, 600, 'Samples must show a restart within, s.'),
    confirm_power_s: int(10, 86_400, 900, 'Samples must show `enable` or `disable` within, s.'),
    confirm_pool_s: int(10, 86_400, 600, 'Samples must show the new pool within, s.'),
    confirm_fan_s: int(10, 86_400, 300, 'Samples must show the new speed of fans within, s.'),
    confirm_frequency_s: int(10, 86_400, 900, 'Samples must show the new frequency within, s.'),
    concurrency: int(1, 1_024, 32, 'Commands one site of an edge or poller executes at once.'),
    deadline_ms: int(1_000, 300_000, 30_000, 'Total for one command to one miner, ms.'),
    wait_s: int(0, 25, 25, 'How long an edge lets the api hold its poll for commands, s.'),
    answer_ms: int(500, 120_000, 10_000, 'Bound of an answer of the api, beside that wait, ms.'),
    max_unreported: int(
      1,
      100_000,
      1_000,
      'Results of one site that may wait for the api; while more do, no command is fetched.',
    ),
    journal_max_bytes: int(
      65_536,
      1_073_741_824,
      4_194_304,
      "Bytes of one site's journal of commands; past it what is over is taken out.",
    ),
    thread_heap_mb: int(32, 4_096, 128, 'Heap of the thread that executes commands, MiB.'),
  },
  'Commands to miners.',
);
