import { describe, expect, it } from 'vitest';
import { modelNames, type ModelName } from '../../load-test/simulator/models.js';
import type { MinerSample } from '../../src/domain/telemetry.js';
import { decodeReply } from '../../src/miner/decode-reply.js';
import { readIdentified } from '../../src/miner/read-identified.js';
import { identifyFamily } from '../../src/miner/registry.js';
import { reportMiner } from '../../src/miner/report.js';
import { respelled } from '../../src/miner/respelled.js';
import { contextOf } from '../fixtures/miner-replies.js';
import { respellings, textForm, type Value } from '../support/respell.js';
import { ask, build } from '../support/simulated-miner.js';

const decoded = (texts: ReadonlyMap<string, string>) =>
  new Map([...texts].map(([command, text]) => [command, decodeReply(command, Buffer.from(`${text}\0`))]));
const read = (texts: ReadonlyMap<string, string>): MinerSample =>
  readIdentified(decoded(texts), contextOf()).sample;

/** All that a machine answers to what its family asks. */
function answersOf(model: ModelName): Map<string, string> {
  const miner = build(model);
  const answer = (command: string, request: string | Record<string, unknown>) =>
    [command, ask(miner, request) ?? ''] as const;
  const first = new Map(['version', 'summary', 'stats'].map((command) => answer(command, { command })));
  const family = identifyFamily(decoded(first));
  const asked = new Set(['version', ...family.commands, ...family.identityCommands]);
  return new Map([...asked].map((command) => answer(command, family.request(command))));
}

/** A reply written otherwise; one that is no strict JSON stays. */
function rewritten(text: string, change: (reply: Value) => Value | null): string {
  let reply: Value;
  try {
    reply = JSON.parse(text) as Value;
  } catch {
    return text;
  }
  const changed = change(reply);
  if (changed === null) return text;
  return typeof changed === 'string' ? changed : JSON.stringify(changed);
}

/** What is read of a machine, without how. */
function told(sample: MinerSample): object {
  const { repairs, errorMessage, ...rest } = sample;
  void [repairs, errorMessage];
  const round = (_name: string, value: unknown): unknown =>
    typeof value === 'number' ? Number(value.toPrecision(9)) : value;
  return JSON.parse(JSON.stringify(rest, round)) as object;
}

/** Copies of a repeated name are told apart by their numbers, and names that fold alike may be found for them. */
const repeats = new Set<ModelName>(['hammer-d10']);

describe.each(modelNames)('%s', (model) => {
  const whole = answersOf(model);
  const sample = read(whole);
  const is = told(sample);

  it.each(Object.entries(respellings))('reads the same with %s', (name, change) => {
    const other = read(new Map([...whole].map(([command, text]) => [command, rewritten(text, change)])));
    if (!repeats.has(model)) expect(told(other)).toEqual(is);
    else expect(other).toMatchObject({ family: sample.family, hashrateGhs: sample.hashrateGhs });
    // Nothing is read under another name in silence, nor said to be where all is as it should.
    const found = other.repairs.filter((repair) => repair.kind === 'key_name');
    if (name.startsWith('numbers') || name.endsWith('apart')) expect(found).toEqual([]);
  });

  it('reads the same in text form', () => {
    const other = read(new Map([...whole].map(([command, text]) => [command, rewritten(text, textForm)])));
    expect(told(other)).toEqual(is);
  });

  it('has no name found otherwise as it stands', () => {
    expect(sample.repairs.filter((repair) => repair.kind === 'key_name')).toEqual([]);
  });
});

describe('a record asked for names in other spellings', () => {
  const one = (value: Record<string, unknown>) =>
    respelled(new Map([['stats', decodeReply('stats', Buffer.from(JSON.stringify(value)))]]));
  const valueOf = (told: ReturnType<typeof one>): Record<string, unknown> => {
    const reply = told.replies.get('stats');
    return reply?.kind === 'ok' ? reply.value : {};
  };

  it('gives what is there under the name itself first, and counts what it finds under another', () => {
    const told = one({ a_b: 1, 'a b': 2, FAN1: 3, STATUS: [] });
    expect(valueOf(told)['a b']).toBe(2);
    expect(told.takeCounts()).toEqual(new Map());
    expect(valueOf(told)['Fan1']).toBe(3);
    expect(valueOf(told)['nothing']).toBeUndefined();
    expect(valueOf(told)['constructor']).toBeUndefined();
    expect(told.takeCounts()).toEqual(new Map([['stats', 1]]));
    expect(told.takeCounts()).toEqual(new Map());
  });

  it('is named as a source as readers know it', () => {
    const reply = { STATUS: 'S', summary: [{ 'ghs 5s': 1000, ELAPSED: 700, accepted: 4 }] };
    const replies = new Map([['summary', decodeReply('summary', Buffer.from(JSON.stringify(reply)))]]);
    const report = reportMiner(replies);
    expect(report.repairs).toMatchObject([{ command: 'summary', kind: 'key_name' }]);
    expect(report.sources).toMatchObject({
      hashrate_ghs: 'summary/GHS 5s',
      uptime_seconds: 'summary/Elapsed',
    });
    expect(report.replies).toMatchObject({ summary: { status: 'ok' } });
  });

  it('lists rates and sections as readers know them', () => {
    const told = one({ 'ghs 5s': 1, ghs_av: 2, Summary: [], 'error code 3': 4, other: 5 });
    expect(Object.keys(valueOf(told))).toEqual(['GHS 5s', 'GHS av', 'SUMMARY', 'Error Code 3', 'other']);
  });
});
