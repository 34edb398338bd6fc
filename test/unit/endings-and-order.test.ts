import { describe, expect, it } from 'vitest';
import { modelNames, type ModelName } from '../../load-test/simulator/models.js';
import type { MinerSample } from '../../src/domain/telemetry.js';
import { decodeReply } from '../../src/miner/decode-reply.js';
import { readIdentified } from '../../src/miner/read-identified.js';
import { identifyFamily } from '../../src/miner/registry.js';
import type { Reply } from '../../src/miner/reply.js';
import { contextOf } from '../fixtures/miner-replies.js';
import { wholeMachines } from '../fixtures/web-replies.js';
import { mutate, randomOf } from '../support/mutate.js';
import { ask, build } from '../support/simulated-miner.js';

type Texts = ReadonlyMap<string, string>;

const decoded = (texts: Texts, end: string): Map<string, Reply> =>
  new Map(
    [...texts].map(([command, text]) => [
      command,
      decodeReply(command, Buffer.from(`${text}${end}`, 'latin1')),
    ]),
  );
const read = (texts: Texts, end = '\0'): MinerSample =>
  readIdentified(decoded(texts, end), contextOf()).sample;

function answersOf(model: ModelName): Texts {
  const miner = build(model);
  const first = new Map(['version', 'summary', 'stats'].map((it) => [it, ask(miner, { command: it }) ?? '']));
  const family = identifyFamily(decoded(first, '\0'));
  const asked = new Set(['version', ...family.commands, ...family.identityCommands]);
  return new Map([...asked].map((command) => [command, ask(miner, family.request(command)) ?? '']));
}

const latin1 = (page: unknown): string => Buffer.from(JSON.stringify(page), 'utf8').toString('latin1');
const machines: readonly (readonly [string, Texts])[] = [
  ...modelNames.map((model) => [model, answersOf(model)] as const),
  ...Object.entries(wholeMachines).map(
    ([name, pages]) =>
      [name, new Map(Object.entries(pages).map(([command, page]) => [command, latin1(page)]))] as const,
  ),
];

function reversed(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(reversed);
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(
    Object.entries(value)
      .reverse()
      .map(([name, it]) => [name, reversed(it)]),
  );
}

function reordered(text: string): string {
  try {
    return JSON.stringify(reversed(JSON.parse(text)));
  } catch {
    return text;
  }
}

/** A sample without what tells how it was read. */
const told = (sample: MinerSample): object => ({ ...sample, repairs: [] });

const isStrict = (text: string): boolean => {
  try {
    return typeof JSON.parse(text.replace(/^[\0\s]+/, '').replace(/\0[^]*$/, '')) === 'object';
  } catch {
    return false;
  }
};

describe.each(machines)('%s', (name, texts) => {
  const whole = read(texts);

  it.each([
    ['a newline', '\n'],
    ['a newline and a NUL', '\n\0'],
    ['a NUL and a newline', '\0\n'],
    ['two NULs', '\0\0'],
    ['blanks and a NUL', ' \r\n\0'],
  ])('reads the same when its replies end in %s', (_what, end) => {
    expect(told(read(texts, end))).toEqual(told(whole));
  });

  it('reads the same with its names in any order', () => {
    const other = read(new Map([...texts].map(([command, text]) => [command, reordered(text)])));
    expect(told(other)).toEqual(told(whole));
  });

  it('reads damage without a throw, and tells it', () => {
    const commands = [...texts.keys()];
    for (let seed = 0; seed < 150; seed += 1) {
      const random = randomOf(seed);
      const command = commands[Math.floor(random() * commands.length)] ?? '';
      const { text, how } = mutate(texts.get(command) ?? '', random);
      const damaged = new Map(texts).set(command, text);
      const sample = readIdentified(decoded(damaged, ''), contextOf()).sample;
      const isTold =
        sample.repairs.length > 0 ||
        sample.truncated.length > 0 ||
        sample.errorMessage !== null ||
        /denied|parse_error/.test(sample.state);
      if (!isStrict(text) && !isTold)
        expect.fail(`${name} ${command}, seed ${seed}, ${how.join(', ')}: not told`);
      if (sample.errorMessage?.startsWith(`${sample.family}: `) === true)
        expect.fail(`${name} ${command}, seed ${seed}, ${how.join(', ')}: ${sample.errorMessage}`);
    }
  });
});
