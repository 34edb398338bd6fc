import { Option, type Command } from 'commander';
import {
  configOf,
  siteName,
  wholeNumber,
  withConfigFlags,
  withExamples,
  type ConfigFlags,
  type Finish,
} from './options.js';
import { print } from './print.js';

interface StatusFlags extends ConfigFlags {
  url?: string;
  json?: boolean;
  site?: string;
  shards?: boolean;
  watch?: number | true;
}

/** How often a watch looks when nothing is said, s. */
const usualWatchS = 5;

/** `headframe cluster`: who polls what. */
export function addClusterCommands(program: Command, finish: Finish): void {
  const cluster = program.command('cluster').description('pollers, coordinators and shards, through the api');
  const status = cluster
    .command('status')
    .description('who polls what, what is late, who is lost; exit code 6 when something is not well')
    .option('--url <url>', 'of the api; else where one is signed in, else that of the settings')
    .addOption(new Option('--site <name>', 'one site').argParser(siteName))
    .option('--shards', 'every shard, not only late ones')
    .option('--json', 'machine-readable')
    .addOption(
      new Option('--watch [seconds]', 'again and again, until Ctrl-C').argParser(wholeNumber(1, 3_600)),
    );
  withExamples(
    withConfigFlags(status),
    'headframe cluster status --watch',
    'headframe cluster status --shards --json',
  ).action(async (flags: StatusFlags) => {
    const { showCluster } = await import('./cluster.js');
    const { watch } = flags;
    const call = {
      config: configOf(flags),
      url: flags.url ?? null,
      site: flags.site ?? null,
      isWhole: flags.shards === true,
      isJson: flags.json === true,
      watchS: watch === undefined ? null : watch === true ? usualWatchS : watch,
    };
    finish(await showCluster(call, print));
  });
}
