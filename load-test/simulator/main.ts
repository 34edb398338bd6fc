/** The simulator as a process of its own. Ready when it prints `{"listening": port, …}`; SIGTERM or SIGINT end it. */
import { parseArgs } from 'node:util';
import type { MixName } from './mix.js';
import { defaultSimulateOptions as defaults, runSimulate } from './run-simulate.js';

const { values } = parseArgs({
  options: {
    host: { type: 'string', default: defaults.host },
    port: { type: 'string', default: String(defaults.port) },
    base: { type: 'string', default: defaults.base },
    count: { type: 'string', default: String(defaults.count) },
    seed: { type: 'string', default: String(defaults.seed) },
    mix: { type: 'string', default: defaults.mix },
    models: { type: 'string', default: '' },
    fault: { type: 'string', multiple: true, default: [] },
    'fault-at': { type: 'string', multiple: true, default: [] },
    'http-port': { type: 'string' },
    'framed-port': { type: 'string' },
    login: { type: 'string', default: defaults.login },
    'ground-truth': { type: 'string' },
    'time-scale': { type: 'string', default: '1' },
    'whatsminer-writes': { type: 'boolean', default: false },
  },
});

const abort = new AbortController();
for (const name of ['SIGTERM', 'SIGINT'] as const) process.once(name, () => abort.abort());

await runSimulate(
  {
    host: values.host,
    port: Number(values.port),
    base: values.base,
    count: Number(values.count),
    seed: Number(values.seed),
    mix: values.mix as MixName,
    models: values.models === '' ? [] : values.models.split(','),
    faults: values.fault,
    faultsAt: values['fault-at'],
    httpPort: values['http-port'] === undefined ? null : Number(values['http-port']),
    framedPort: values['framed-port'] === undefined ? null : Number(values['framed-port']),
    login: values.login,
    groundTruth: values['ground-truth'] ?? null,
    timeScale: Number(values['time-scale']),
    whatsminerWrites: values['whatsminer-writes'],
  },
  abort.signal,
  (line) => process.stdout.write(`${line}\n`),
);
