import { parseArgs } from 'node:util';
import { benchMemory } from './poll/memory.js';
import { benchScaling } from './poll/scaling.js';
import { benchSilent } from './poll/silent.js';
import { benchThroughput, type Mode } from './poll/throughput.js';
import { describeMachine, finish, type Figure } from './report.js';

const parts = ['throughput', 'scaling', 'silent', 'memory'];
const { values } = parseArgs({
  options: {
    /** A few miners, one round: shows that it works, not how fast. */
    quick: { type: 'boolean', default: false },
    json: { type: 'boolean', default: false },
    miners: { type: 'string' },
    rounds: { type: 'string' },
    only: { type: 'string', multiple: true, default: parts },
  },
});
const unknown = values.only.find((part) => !parts.includes(part));
if (unknown !== undefined) throw new Error(`--only ${unknown}: there are ${parts.join(', ')}`);
const isQuick = values.quick;
const miners = Number(values.miners ?? (isQuick ? 200 : 20_000));
const rounds = Number(values.rounds ?? (isQuick ? 1 : 2));

const modes: readonly Mode[] = [
  { name: 'three connections', joins: 'never', models: [], requiredRatio: 0.7, hasTwoThreads: true },
  {
    name: 'joined',
    joins: 'auto',
    models: ['antminer-s9', 'whatsminer-m30s', 'whatsminer-m50s', 'avalon-1246', 'cgminer'],
    requiredRatio: 0.5,
    hasTwoThreads: false,
  },
];

const wants = (part: string): boolean => values.only.includes(part);
const figures: Figure[] = [];
if (wants('throughput')) {
  for (const mode of modes) figures.push(...(await benchThroughput(mode, miners, rounds)));
}
if (wants('scaling')) figures.push(...(await benchScaling(Math.min(miners, 4_000), rounds)));
if (wants('silent')) figures.push(...(await benchSilent(isQuick ? 1 : 3, isQuick ? 500 : 5_000)));
if (wants('memory')) figures.push(...(await benchMemory(miners, 3, isQuick ? 2 : 15)));
const report = {
  title: `poll: ${miners.toLocaleString('en-US')} simulated miners, the simulator a process of its own`,
  machine: describeMachine(),
  figures,
  remarks: [
    'Bare loop: connect, send, read to the end, the same requests on as many sockets, nothing parsed.',
    'Where the simulator keeps a whole core busy it, and not the thread, is the limit.',
    'Per CPU second: of all threads of the polling process, compression and collector included. Two threads',
    'and the simulator want three cores: with fewer, CPU time tells what two threads would do with them.',
  ],
};
finish(report, values.json);
