import { Option, type Command } from 'commander';
import {
  collect,
  configOf,
  ipv4,
  listenPort,
  tcpPort,
  wholeNumber,
  withConfigFlags,
  withExamples,
  type ConfigFlags,
  type Finish,
} from './options.js';
import { print } from './print.js';
import type { SimulateFlags } from './simulate.js';

/** `scan`, `probe`, `decode`, `simulate`, `doctor`, `health`: tools that need no running system. */
export function addToolCommands(program: Command, finish: Finish): void {
  program.commandsGroup('Tools:');
  addScan(program, finish);
  addProbe(program, finish);
  addDecode(program, finish);
  addSimulate(program, finish);
  withConfigFlags(
    program
      .command('doctor')
      .description('the effective settings, secrets masked, and a check of what they depend on')
      .option('--json', 'machine-readable'),
  ).action(async (flags: ConfigFlags & { json?: boolean }) => {
    const { doctor } = await import('./doctor.js');
    finish(await doctor(configOf(flags), { isJson: flags.json === true }, print));
  });
  const health = program
    .command('health')
    .description('asks the role on this machine whether it takes work; exit code 1 when it does not')
    .argument('[url]', 'what to ask; /readyz at metrics.port, then at api.port');
  withExamples(
    withConfigFlags(health),
    'headframe health',
    'headframe health http://10.1.0.5:9464/readyz',
  ).action(async (url: string | undefined, flags: ConfigFlags) => {
    const { checkHealth } = await import('./health.js');
    finish(await checkHealth(configOf(flags), url ?? null, print));
  });
}

interface ScanFlags extends ConfigFlags {
  ipFile?: string;
  port: number;
  httpPort: number;
  json?: boolean;
  csv?: boolean;
  concurrency: number;
  connectTimeout: number;
  timeout?: number;
  allowLoopback?: boolean;
}

function addScan(program: Command, finish: Finish): void {
  const scan = program
    .command('scan')
    .description('finds miners: tries every address, says what answers as soon as it is known')
    .argument('[range...]', 'CIDR, a-b, a.b.c.d-e, 10.0.*.2, single addresses; ! in front excludes')
    .option('-f, --ip-file <file>', 'more ranges, any number a line; # begins a remark')
    .addOption(new Option('-p, --port <port>', 'CGMiner port').argParser(tcpPort).default(4028))
    .addOption(
      new Option('--http-port <port>', 'port of web interfaces, tried where a machine is')
        .argParser(tcpPort)
        .default(80),
    )
    .option('--json', 'one JSON line per miner')
    .addOption(new Option('--csv', 'a CSV row per miner').conflicts('json'))
    .addOption(
      new Option('-n, --concurrency <sockets>', 'connections tried at once, as far as the system allows')
        .argParser(wholeNumber(1, 60_000))
        .default(10_000),
    )
    .addOption(
      new Option('--connect-timeout <ms>', 'bound of connecting')
        .argParser(wholeNumber(10, 60_000))
        .default(1_000),
    )
    .addOption(
      new Option('--timeout <ms>', 'total for one miner; poll.miner_deadline_ms').argParser(
        wholeNumber(100, 120_000),
      ),
    )
    .option('--allow-loopback', 'accept loopback ranges: for simulated miners');
  withExamples(
    withConfigFlags(scan),
    'headframe scan 10.1.0.0/16',
    "headframe scan 10.1.0.0/24 '!10.1.0.1' --csv > miners.csv",
    'headframe scan --ip-file farm.txt --json | jq -r .model | sort | uniq -c',
  ).action(async (ranges: string[], flags: ScanFlags) => {
    const loopback = flags.allowLoopback === true ? { allow_loopback: true } : {};
    const config = configOf(flags, { flags: loopback });
    const [{ scan: run }, { openProgress }] = await Promise.all([
      import('./scan.js'),
      import('./scan-progress.js'),
    ]);
    const options = {
      ranges,
      ipFile: flags.ipFile ?? null,
      port: flags.port,
      httpPort: flags.httpPort,
      format: flags.json ? ('json' as const) : flags.csv ? ('csv' as const) : ('table' as const),
      concurrency: flags.concurrency,
      connectTimeoutMs: flags.connectTimeout,
      minerDeadlineMs: flags.timeout ?? config.poll.miner_deadline_ms,
      config,
    };
    const tell = (line: string): void => void process.stderr.write(`${line}\n`);
    finish(await run(options, { print, tell, progress: openProgress() }));
  });
}

function addProbe(program: Command, finish: Finish): void {
  const probe = program
    .command('probe')
    .description('polls one miner once: raw replies, normalised sample, warnings')
    .argument('<address>', 'IPv4 address of the miner', ipv4)
    .addOption(new Option('-p, --port <port>', 'TCP port').argParser(tcpPort).default(4028))
    .option('--json', 'machine-readable');
  withExamples(
    withConfigFlags(probe),
    'headframe probe 10.1.0.17',
    "headframe probe 10.1.0.17 --json | jq '.sample.hashrate_ghs, .repairs'",
    'headframe probe 10.1.0.17 --set poll.miner_deadline_ms=20000',
  ).action(async (address: string, flags: ConfigFlags & { port: number; json?: boolean }) => {
    const { probe: run } = await import('./probe.js');
    const options = { address, port: flags.port, isJson: flags.json === true, config: configOf(flags) };
    finish(await run(options, print));
  });
}

function addDecode(program: Command, finish: Finish): void {
  const decode = program
    .command('decode')
    .description('reads captured replies offline: a file, a folder of one miner, a folder of such folders')
    .argument('<path...>', 'files or folders')
    .option('--json', 'one JSON line per miner');
  withExamples(
    decode,
    'echo -n \'{"command":"summary"}\' | nc 10.1.0.17 4028 > summary.json',
    'headframe decode summary.json',
    'headframe decode --json captures/ | jq .state',
  ).action(async (paths: string[], flags: { json?: boolean }) => {
    const { decodePaths } = await import('./decode.js');
    finish(await decodePaths(paths, { json: flags.json === true }, print));
  });
}

function addSimulate(program: Command, finish: Finish): void {
  const simulate = program
    .command('simulate')
    .description('answers as thousands of miners on one port, until interrupted')
    .option('--host <address>', 'address to listen on', '0.0.0.0')
    .addOption(
      new Option('-p, --port <port>', 'TCP port; 0: any free one').argParser(listenPort).default(4028),
    )
    .addOption(new Option('--base <address>', 'first address').argParser(ipv4).default('127.20.0.1'))
    .addOption(
      new Option('-n, --count <miners>', 'how many').argParser(wholeNumber(1, 1_000_000)).default(200),
    )
    .addOption(
      new Option('--seed <number>', 'the same seed is the same farm')
        .argParser(wholeNumber(0, 2 ** 32 - 1))
        .default(1),
    )
    .addOption(
      new Option('--mix <name>', 'which machines, which faults')
        .choices(['clean', 'demo', 'hostile', 'everything'])
        .default('demo'),
    )
    .option('--models <names>', 'only these kinds, comma separated')
    .option('--fault <kind=share>', 'a fault for a share of the miners, 0 to 1; repeatable', collect)
    .option('--fault-at <address=kind>', 'a fault for one miner; repeatable', collect)
    .addOption(new Option('--http-port <port>', 'show web pages on this port too').argParser(listenPort))
    .addOption(
      new Option('--framed-port <port>', 'answer Whatsminer’s API v3 on this port too').argParser(listenPort),
    )
    .option('--login <name:password>', 'what pages and write APIs are logged into with', 'root:root')
    .option(
      '--ground-truth <file>',
      'write every reply served and every write carried out to this file, one JSON line each',
    )
    .option('--time-scale <factor>', 'simulated seconds per second', Number, 1);
  withExamples(
    simulate,
    'headframe simulate --mix clean --count 50',
    'headframe simulate --base 127.30.0.1 --fault silent=0.2 --fault-at 127.30.0.7=malformed:nan',
    'headframe up --range 127.20.0.1-50 --set allow_loopback=true    # in another terminal',
  ).action(async (flags: SimulateFlags, command: Command) => {
    const { simulate: run } = await import('./simulate.js');
    finish(await run(flags, { print, refuse: (message) => command.error(`error: ${message}`) }));
  });
}
