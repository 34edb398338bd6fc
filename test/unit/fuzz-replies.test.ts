import { describe, expect, it } from 'vitest';
import { modelNames, type ModelName } from '../../load-test/simulator/models.js';
import type { MinerSample } from '../../src/domain/telemetry.js';
import type { Family } from '../../src/miner/family.js';
import { decodeReply } from '../../src/miner/decode-reply.js';
import { readMiner } from '../../src/miner/read-miner.js';
import { identifyFamily } from '../../src/miner/registry.js';
import type { Reply } from '../../src/miner/reply.js';
import { splitJoined } from '../../src/miner/split-joined.js';
import { contextOf } from '../fixtures/miner-replies.js';
import { mutate, randomOf } from '../support/mutate.js';
import { ask, build } from '../support/simulated-miner.js';

const seeds = 100_000;
/** Bound of all of them, ms of processor time. */
const fuzzBoundMs = 180_000;
/** Bound of one reply, ms of processor time. */
const replyBoundMs = 50;
/** Seeds from one in which the family is not known to the next. */
const identifyEvery = 4;

/** Processor time of this process so far, ms: other processes on the machine do not count. */
function processorMs(): number {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1000;
}

interface Farm {
  readonly model: ModelName;
  readonly family: Family;
  readonly texts: ReadonlyMap<string, string>;
  readonly replies: ReadonlyMap<string, Reply>;
}

const read = (command: string, text: string): Reply => decodeReply(command, Buffer.from(text));

/** What a machine of each kind answers to all that its family asks. */
function farmOf(model: ModelName): Farm {
  const miner = build(model);
  const answers = (commands: readonly string[]): Map<string, string> =>
    new Map(commands.flatMap((command) => [[command, ask(miner, { command }) ?? '']] as const));
  const first = answers(['version', 'summary', 'stats']);
  const family = identifyFamily(new Map([...first].map(([command, text]) => [command, read(command, text)])));
  const texts = answers([...new Set([...family.commands, ...family.identityCommands, 'version'])]);
  for (const [command, text] of texts) if (text === '') texts.delete(command);
  return {
    model,
    family,
    texts,
    replies: new Map([...texts].map(([command, text]) => [command, read(command, `${text}\0`)])),
  };
}

const farms = modelNames.map(farmOf);

const isStrict = (text: string): boolean => {
  try {
    return typeof JSON.parse(text.replace(/^[\0\s]+/, '').replace(/\0[^]*$/, '')) === 'object';
  } catch {
    return false;
  }
};

/** What is wrong with a sample; null when nothing is. */
function faultOf(sample: MinerSample, isDamaged: boolean): string | null {
  const { repairs, truncated, errorMessage, state, health } = sample;
  const isFlagged =
    repairs.length > 0 || truncated.length > 0 || errorMessage !== null || /denied|parse_error/.test(state);
  if (isDamaged && !isFlagged) return 'the damage is not told';
  if (truncated.length > 0 && health === 'healthy') return 'cut and healthy';
  const numbers: readonly (number | null)[] = [
    sample.hashrateGhs,
    sample.hashrate5sGhs,
    sample.hashrateExpectedGhs,
    sample.frequencyAvgMhz,
    sample.acceptedShares,
    sample.rejectedShares,
    sample.hardwareErrors,
    sample.uptimeS,
    sample.powerW,
    sample.efficiencyJPerTh,
    ...sample.fans.map((fan) => fan.rpm),
    ...sample.boards.flatMap((board) => [board.hashrateGhs, board.chipsOk, board.frequencyMhz]),
  ];
  if (!numbers.every((it) => it === null || (Number.isFinite(it) && it >= 0)))
    return 'a number that cannot be';
  const temps = [sample.temperatureMaxC, sample.temperatureMinC, ...sample.chipTempsC];
  return temps.every((it) => it === null || (it > -60 && it < 200)) ? null : 'a temperature that cannot be';
}

describe(`replies damaged in ${seeds} ways`, () => {
  it(
    'are read without a throw, and what they yield is possible and flagged',
    () => {
      const before = process.cpuUsage();
      for (let seed = 0; seed < seeds; seed += 1) {
        // Another process may fall into any one try: what is slow is slow every time.
        for (let tries = 1; tryMs(seed) > replyBoundMs; tries += 1)
          if (tries === 5) throw new Error(`seed ${seed} takes more than ${replyBoundMs} ms`);
      }
      const { user, system } = process.cpuUsage(before);
      expect((user + system) / 1000).toBeLessThan(fuzzBoundMs);
    },
    3 * fuzzBoundMs,
  );
});

/** Damages a reply, reads it, and says how long the reading took, ms. */
function tryMs(seed: number): number {
  const random = randomOf(seed);
  const farm = farms[seed % farms.length];
  if (farm === undefined) throw new Error('no models');
  const commands = [...farm.texts.keys()];
  const command = commands[Math.floor(random() * commands.length)] ?? '';
  const { text, how } = mutate(farm.texts.get(command) ?? '', random);
  const bytes = Buffer.from(text, 'latin1');
  const began = processorMs();
  try {
    const replies = new Map(farm.replies).set(command, decodeReply(command, bytes));
    // A poller identifies once an hour, and reads with what it knows in between.
    const family = seed % identifyEvery === 0 ? identifyFamily(replies) : farm.family;
    const sample = readMiner(family, replies, contextOf());
    const elapsedMs = processorMs() - began;
    const fault = faultOf(sample, !isStrict(text));
    if (fault !== null) throw new Error(fault);
    // What a family throws ends up there.
    if (sample.errorMessage?.startsWith(`${sample.family}: `)) throw new Error(sample.errorMessage);
    return elapsedMs;
  } catch (error) {
    const told = `seed ${seed}: ${farm.model} ${command}, ${how.join(', ')}`;
    throw new Error(`${told}: ${text.slice(0, 2_000)}`, { cause: error });
  }
}

describe('replies that are too much', () => {
  const deep = 10_000;
  const large = 10 * 1024 * 1024;
  it.each([
    ['deep lists', '['.repeat(deep) + ']'.repeat(deep)],
    ['deep objects', '{"a":'.repeat(deep) + '1' + '}'.repeat(deep)],
    ['deep and cut', '{"STATS":['.repeat(deep)],
    ['10 MiB of zeros', '\0'.repeat(large)],
    ['10 MiB of brackets', '['.repeat(large)],
    ['10 MiB of a reply', `{"STATS":[${'{"a":1}'.repeat(large / 7)}]}`],
    ['1 MiB of quotes', '"'.repeat(1_000_000)],
    ['1 MiB of commas', `{${','.repeat(1_000_000)}}`],
    ['1 MiB of sections', 'STATS=0,a=1|'.repeat(80_000)],
    ['1 MiB of backslashes', `{"a":"${'\\'.repeat(1_000_000)}`],
    ['1 MiB of one number', `{"Elapsed":${'1'.repeat(1_000_000)}}`],
    ['1 MiB of blanks', `${' '.repeat(1_000_000)}{`],
  ])('cost little: %s', (_what, text) => {
    const bytes = Buffer.from(text);
    let bestMs = Infinity;
    for (let tries = 0; tries < 5 && bestMs > replyBoundMs; tries += 1) {
      const began = processorMs();
      const replies = splitJoined(['summary', 'stats'], bytes);
      const sample = readMiner(identifyFamily(replies), replies, contextOf());
      bestMs = Math.min(bestMs, processorMs() - began);
      expect(sample.health).not.toBe('healthy');
    }
    expect(bestMs).toBeLessThanOrEqual(replyBoundMs);
  });
});

const isNear = (a: number, b: unknown, share: number): boolean =>
  typeof b === 'number' && Math.abs(a - b) <= share * Math.max(1, Math.abs(b));

/** Numbers of the whole machine are as the whole reply has them. */
const exactly = 1e-6;
/** Those of a board may be another window's, or the mean of fewer sensors. */
const roughly = 0.03;

/** The numbers read of a cut reply that the whole one does not have. */
function inventions(cut: MinerSample, whole: MinerSample): string[] {
  const found: string[] = [];
  const compare = (name: string, part: object, all: readonly object[], share: number): void => {
    for (const [key, value] of Object.entries(part)) {
      const others = all.map((it) => (it as Record<string, unknown>)[key]);
      if (typeof value === 'number' && !others.some((other) => isNear(value, other, share)))
        found.push(`${name}.${key}: ${value}, not ${others.map(String).join(' or ')}`);
    }
  };
  compare('sample', cut, [whole], exactly);
  for (const { index, ...board } of cut.boards) {
    // A board whose number was cut off has the numbers of one of them.
    const same = whole.boards.filter((it) => it.index === index);
    compare(`board ${index}`, board, same.length > 0 ? same : whole.boards, roughly);
  }
  for (const fan of cut.fans) {
    const same = whole.fans.filter((it) => it.index === fan.index);
    compare(`fan ${fan.index}`, fan, same, exactly);
  }
  return found;
}

// Machines of one family that answer the same commands are cut alike.
const kinds = new Map(farms.map((farm) => [`${farm.family.name} ${[...farm.texts.keys()].join()}`, farm]));

/** Bytes from one place of a cut to the next; `cut-replies.test.ts` takes others. */
const cutEvery = 11;

describe('a reply cut at any byte', () => {
  it.each([...kinds.values()])(
    'of $model yields nothing that the whole one does not say',
    ({ family, texts, replies }) => {
      const whole = readMiner(family, replies, contextOf());
      for (const [command, text] of texts) {
        for (let at = 1; at < text.length; at += cutEvery) {
          const given = new Map(replies).set(command, read(command, text.slice(0, at)));
          const cut = readMiner(family, given, contextOf());
          const faults = inventions(cut, whole);
          if (cut.health === 'healthy') faults.push('healthy');
          if (faults.length > 0)
            expect.fail(
              `${command} cut behind ${text.slice(Math.max(0, at - 60), at)}: ${faults.join('; ')}`,
            );
        }
      }
    },
  );
});
