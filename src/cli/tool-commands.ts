import type { Command } from 'commander';
import { configOf, withConfigFlags, type ConfigFlags } from './options.js';

type Finish = (code: number) => void;
const print = (line: string): void => void process.stdout.write(`${line}\n`);
const collect = (value: string, previous: string[]): string[] => [...previous, value];

interface SimulateFlags {
  host: string;
  port: string;
  base: string;
  count: string;
  seed: string;
  mix: string;
  models?: string;
  fault: string[];
  faultAt: string[];
  groundTruth?: string;
  timeScale: string;
}

/** `probe`, `decode`, `simulate`, `doctor`: tools that need no running system. */
export function addToolCommands(program: Command, finish: Finish): void {
  withConfigFlags(program.command('probe'))
    .description('poll one miner once: raw replies, normalised sample, warnings')
    .argument('<address>', 'IPv4 address of the miner')
    .option('-p, --port <port>', 'TCP port', '4028')
    .option('--json', 'machine-readable')
    .action(async (address: string, flags: ConfigFlags & { port: string; json?: boolean }) => {
      const { probe } = await import('./probe.js');
      const options = { address, port: Number(flags.port), isJson: flags.json === true, config: configOf(flags) };
      finish(await probe(options, print));
    });

  program
    .command('decode')
    .description('read captured replies offline: a file, a folder of one miner, or a folder of such folders')
    .argument('<path...>', 'files or folders')
    .option('--json', 'one JSON line per miner')
    .action(async (paths: string[], flags: { json?: boolean }) => {
      const { decodePaths } = await import('./decode.js');
      finish(await decodePaths(paths, { json: flags.json === true }, print));
    });

  program
    .command('simulate')
    .description('answer as thousands of miners on one port, until interrupted')
    .option('--host <address>', 'address to listen on', '0.0.0.0')
    .option('-p, --port <port>', 'TCP port', '4028')
    .option('--base <address>', 'first address', '127.20.0.1')
    .option('-n, --count <miners>', 'how many', '200')
    .option('--seed <number>', 'the same seed is the same farm', '1')
    .option('--mix <name>', 'clean, demo or hostile', 'demo')
    .option('--models <names>', 'only these kinds, comma separated')
    .option('--fault <kind=share>', 'add a fault to a share of the miners; repeatable', collect, [])
    .option('--fault-at <address=kind>', 'give one miner a fault; repeatable', collect, [])
    .option('--ground-truth <file>', 'write every reply served to this file, one JSON line each')
    .option('--time-scale <factor>', 'simulated seconds per second', '1')
    .action(async (flags: SimulateFlags) => {
      const { simulate } = await import('./simulate.js');
      finish(await simulate(flags, print));
    });

  withConfigFlags(program.command('doctor'))
    .description('print the effective settings, secrets masked, and check what they depend on')
    .option('--json', 'machine-readable')
    .action(async (flags: ConfigFlags & { json?: boolean }) => {
      const { doctor } = await import('./doctor.js');
      finish(await doctor(configOf(flags), { isJson: flags.json === true }, print));
    });
}
