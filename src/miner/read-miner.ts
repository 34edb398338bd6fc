import { minerHealth } from '../domain/health.js';
import type { MinerSample, MinerState, PollErrorClass } from '../domain/telemetry.js';
import { emptySample } from '../domain/wire.js';
import type { Family, ReadContext } from './family.js';
import { isStandIn, sourcesOf } from './find-source.js';
import { describeFailures, mergeRepairs, repairsOf } from './families/reading.js';
import type { Replies } from './reply.js';

/**
 * Reads one miner with its family. Never throws.
 *
 * When nothing was readable the state says why (`denied` when every reply that came was a refusal,
 * else `parse_error`); a single bad reply leaves the rest standing and is named in `errorMessage`.
 */
export function readMiner(family: Family, replies: Replies, context: ReadContext): MinerSample {
  const all = [...replies.values()];
  const isUsable = all.some((reply) => reply.kind === 'ok' || reply.kind === 'device_error');
  if (!isUsable) {
    const isDenied = all.length > 0 && all.every((reply) => reply.kind === 'denied');
    const isPassword = all.some((reply) => reply.kind === 'denied' && reply.isPassword === true);
    const state = isPassword ? 'wrong_password' : isDenied ? 'denied' : 'parse_error';
    return unread(family, replies, context, state, describeFailures(replies));
  }
  try {
    const sample = withoutStandIns(family, family.read(replies, context), replies);
    if (sample.state !== 'parse_error') return sample;
    const asked = family.commands.map((command) => replies.get(command)?.kind);
    const isDenied = !asked.includes('ok') && asked.includes('denied');
    const errorMessage = sample.errorMessage ?? describeErrors(replies) ?? 'no reply tells of hashing';
    return { ...sample, state: isDenied ? 'denied' : 'parse_error', errorMessage };
  } catch (error) {
    const message = error instanceof Error ? error.message : String(error);
    return unread(family, replies, context, 'parse_error', `${family.name}: ${message}`.slice(0, 300));
  }
}

/** Numbers of a sample by their names in the upload contract, as {@link Family.sources} has them. */
const numberFields = {
  hashrate_ghs: 'hashrateGhs',
  hashrate_5s_ghs: 'hashrate5sGhs',
  hashrate_expected_ghs: 'hashrateExpectedGhs',
  frequency_avg: 'frequencyAvgMhz',
  accepted_shares: 'acceptedShares',
  rejected_shares: 'rejectedShares',
  hardware_errors: 'hardwareErrors',
  uptime_seconds: 'uptimeS',
  power_consumption: 'powerW',
} as const;

type Standing =
  (typeof numberFields)[keyof typeof numberFields] | 'efficiencyJPerTh' | 'nominalSource' | 'powerSource';

/** A sample of cut replies without the numbers that another stands in for, where the family tells which. */
function withoutStandIns(family: Family, sample: MinerSample, replies: Replies): MinerSample {
  if (sample.truncated.length === 0) return sample;
  const unknown: Partial<Record<Standing, null>> = {};
  for (const [field, name] of Object.entries(numberFields))
    if (isStandIn(field, sourcesOf(family), replies, sample.truncated)) unknown[name] = null;
  if (unknown.hashrateGhs === null || unknown.powerW === null) unknown.efficiencyJPerTh = null;
  if (unknown.hashrateExpectedGhs === null) unknown.nominalSource = null;
  if (unknown.powerW === null) unknown.powerSource = null;
  return { ...sample, ...unknown };
}

/** A miner that did not answer. */
export function unreachableSample(errorClass: PollErrorClass, message: string): MinerSample {
  return {
    ...emptySample,
    errorMessage: message === '' ? errorClass : `${errorClass}: ${message}`.slice(0, 300),
  };
}

function unread(
  family: Family,
  replies: Replies,
  context: ReadContext,
  state: MinerState,
  errorMessage: string | null,
): MinerSample {
  const facts = {
    ...emptySample,
    state,
    boards: [],
    boardsExpected: null,
    hasDeviceErrors: false,
    isTruncated: false,
  };
  return {
    ...emptySample,
    ...(context.identity === null ? {} : { identity: context.identity }),
    family: family.name,
    state,
    health: minerHealth(facts, context.thresholds),
    repairs: mergeRepairs(repairsOf(replies)),
    errorMessage: errorMessage ?? 'no reply',
  };
}

function describeErrors(replies: Replies): string | null {
  for (const reply of replies.values())
    if (reply.kind === 'device_error') return `${reply.command}: ${reply.message}`;
  return null;
}
