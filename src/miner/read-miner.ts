import { minerHealth } from '../domain/health.js';
import type { MinerSample, MinerState, PollErrorClass } from '../domain/telemetry.js';
import { emptySample } from '../domain/wire.js';
import { agreementOf } from './agreement.js';
import { completionsOf, listedNames } from './completions.js';
import type { Family, ReadContext } from './family.js';
import { lostOf } from './families/cut-reading.js';
import { describeFailures, mergeRepairs, repairsOf } from './families/reading.js';
import { isWebCommand, webKey } from './http/web-replies.js';
import { isObject } from './reply-status.js';
import type { JsonObject, Replies, Reply } from './reply.js';
import { respelled } from './respelled.js';

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
    const sample = withoutGuesses(family, readSpelled(family, replies, context), replies, context);
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

/** As the family reads; where that leaves out what replies should tell, with names found however they are spelled. */
function readSpelled(family: Family, replies: Replies, context: ReadContext): MinerSample {
  const sample = family.read(replies, context);
  if (family.transport !== 'cgminer' || !lacksEssentials(sample, replies) || lostOf(replies).length > 0)
    return sample;
  const { replies: told, takeCounts } = respelled(replies);
  const other = family.read(told, context);
  const repairs = [...takeCounts()].map(([command, count]) => ({ command, kind: 'key_name', count }));
  if (repairs.length === 0 || richness(other) <= richness(sample)) return sample;
  return { ...other, repairs: mergeRepairs([...other.repairs, ...repairs]) };
}

/** Whether a reading misses what almost every machine tells: a rate, since when it runs, boards, pools. */
function lacksEssentials(sample: MinerSample, replies: Replies): boolean {
  return (
    sample.hashrateGhs === null ||
    sample.uptimeS === null ||
    sample.acceptedShares === null ||
    sample.boards.length === 0 ||
    (sample.pools.length === 0 && replies.get('pools')?.kind === 'ok') ||
    hasOddNames(replies)
  );
}

/** A name of two words that almost every `summary` or board has, spelled otherwise: then so are the others. */
const oddNames = [
  ...['Hardware_Errors', 'HardwareErrors', 'hardware_errors', 'hardwareErrors'],
  ...['Nominal_MHS', 'NominalMHS'],
];

function hasOddNames(replies: Replies): boolean {
  const summary = firstRecord(replies.get('summary'), 'SUMMARY');
  const board = firstRecord(replies.get('devs') ?? replies.get('edevs'), 'DEVS');
  return oddNames.some((name) => summary?.[name] !== undefined || board?.[name] !== undefined);
}

/** Every poll comes by here: nothing is copied. */
function firstRecord(reply: Reply | undefined, section: string): JsonObject | undefined {
  const list = reply?.kind === 'ok' ? reply.value[section] : undefined;
  const first = Array.isArray(list) ? list[0] : list;
  return isObject(first) ? first : undefined;
}

/** How much a reading tells. */
function richness(sample: MinerSample): number {
  const figures = [
    sample.hashrateGhs,
    sample.uptimeS,
    sample.acceptedShares,
    sample.hardwareErrors,
    sample.temperatureMaxC,
    sample.powerW,
    sample.identity.model,
  ];
  return (
    figures.filter((it) => it !== null).length +
    sample.boards.length +
    sample.boards.reduce((all, board) => all + Object.values(board).filter((it) => it !== null).length, 0) +
    sample.fans.length +
    sample.pools.length
  );
}

/**
 * A reading of cut replies as far as it holds whatever stood behind the cuts: the replies are read again with
 * one thing or another there, and what does not come out the same is not known.
 */
function withoutGuesses(
  family: Family,
  sample: MinerSample,
  replies: Replies,
  context: ReadContext,
): MinerSample {
  const lost = lostOf(replies);
  if (lost.length === 0) return sample;
  const read = (told: Replies): MinerSample => family.read(told, context);
  const all = completionsOf(replies, lost, read, {
    listed: listedNames(family),
    hashrateGhs: sample.hashrateGhs,
  });
  const certain = all.reduce((so, told) => agreementOf(so, read(told), context.identity), sample);
  const isDamaged = sample.truncated.length > 0 || lost.some((command) => isAsked(family, command));
  return isDamaged ? withHealth(certain, context) : { ...certain, health: sample.health };
}

/** Whether a family asks a command at every poll: a refusal of another says nothing of the miner. */
function isAsked(family: Family, command: string): boolean {
  return family.commands.some((it) => it === command || (isWebCommand(it) && webKey(it) === webKey(command)));
}

/** The health of a sample that damaged replies left over: never healthy, and no worse for what is missing. */
export function withHealth(sample: MinerSample, context: ReadContext): MinerSample {
  const facts = {
    ...sample,
    boards: sample.boards.map((board) => board.health),
    // Boards that are not told may stand behind the cut.
    boardsExpected: null,
    hasDeviceErrors: sample.deviceErrors.length > 0,
    isTruncated: true,
  };
  return { ...sample, health: minerHealth(facts, context.thresholds) };
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
