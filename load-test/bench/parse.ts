import { parseArgs } from 'node:util';
import { decodeReply } from '../../src/miner/decode-reply.js';
import { modelNames } from '../simulator/models.js';
import { parsePoll, type AskedReply, type ParsePoll } from './parse-polls.js';
import { describeMachine, finish, progress, type Figure } from './report.js';

/** Bounds of the time reading takes, against `JSON.parse` of the clean replies. */
const targets = { clean: 1.15, damaged: 6 };

/** Length and repetition of each measurement; of the rounds the fastest counts, for the others were disturbed. */
interface Effort {
  readonly roundMs: number;
  readonly rounds: number;
}

const batch = 10;

/** Milliseconds per call, over at least `roundMs`. */
function timePerCall(call: () => unknown, roundMs: number): number {
  const start = performance.now();
  let calls = 0;
  for (;;) {
    for (let i = 0; i < batch; i += 1) call();
    calls += batch;
    const elapsedMs = performance.now() - start;
    if (elapsedMs >= roundMs) return elapsedMs / calls;
  }
}

/** What any reader must do: bytes to text without the NUL, text to objects. */
function parseAll(replies: readonly AskedReply[]): unknown {
  let last: unknown;
  for (const { bytes } of replies) last = JSON.parse(bytes.toString('utf8', 0, bytes.length - 1));
  return last;
}

function decodeAll(replies: readonly AskedReply[]): unknown {
  let last: unknown;
  for (const { command, bytes } of replies) last = decodeReply(command, bytes);
  return last;
}

/** Time of reading `replies`, ms, and of parsing `clean` in turn with it. */
function compare(clean: readonly AskedReply[], replies: readonly AskedReply[], effort: Effort) {
  let [readMs, parseMs] = [Infinity, Infinity];
  for (let round = 0; round <= effort.rounds; round += 1) {
    const parse = timePerCall(() => parseAll(clean), effort.roundMs);
    const read = timePerCall(() => decodeAll(replies), effort.roundMs);
    if (round === 0) continue; // warm-up
    [readMs, parseMs] = [Math.min(readMs, read), Math.min(parseMs, parse)];
  }
  return { readMs, ratio: readMs / parseMs };
}

function figuresOf({ family, model, clean, damaged }: ParsePoll, effort: Effort): Figure[] {
  const bytes = clean.reduce((sum, reply) => sum + reply.bytes.length, 0);
  const { readMs, ratio } = compare(clean, clean, effort);
  const perS = Math.round((clean.length / readMs) * 1_000).toLocaleString('en-US');
  const worst = damaged
    .map(({ how, replies }) => ({ how, ratio: compare(clean, replies, { ...effort, rounds: 5 }).ratio }))
    .reduce((most, one) => (one.ratio > most.ratio ? one : most));
  const name = `${family}: ${model}`;
  return [
    {
      name: `${name}, clean`,
      value: ratio,
      unit: 'x',
      target: { atMost: targets.clean },
      note: `${clean.length} replies, ${bytes.toLocaleString('en-US')} B; ${perS} replies/s`,
    },
    {
      name: `${name}, damaged`,
      value: worst.ratio,
      unit: 'x',
      target: { atMost: targets.damaged },
      note: worst.how,
    },
  ];
}

const { values } = parseArgs({
  options: {
    quick: { type: 'boolean', default: false },
    json: { type: 'boolean', default: false },
    /** Machines whose name holds this. */
    only: { type: 'string', default: '' },
  },
});
const effort: Effort = values.quick ? { roundMs: 1, rounds: 1 } : { roundMs: 5, rounds: 25 };
const names = modelNames.filter((name) => name.includes(values.only));
if (names.length === 0) throw new Error(`--only ${values.only}: there are ${modelNames.join(', ')}`);
const figures = names.flatMap((name, i) => {
  if (i % 10 === 0) progress(`parse: machine ${i + 1} of ${names.length}`);
  return figuresOf(parsePoll(name), effort);
});
const report = {
  title: 'parse: reading the replies of one poll, against JSON.parse of the clean ones',
  machine: describeMachine(),
  figures,
  remarks: [
    'A poll is what the family of a simulated machine asks every slot. Every reply of it is damaged alike;',
    'told is the damage that cost most. Firmware that never sends strict JSON counts as clean with what it says.',
  ],
};
finish(report, values.json);
