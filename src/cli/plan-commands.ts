import { InvalidArgumentError, Option, type Command } from 'commander';
import { planFields } from '../config/site-schema.js';
import { callOf, onSite, withCallFlags, type CallFlags } from './control-commands.js';
import { tcpPort, wholeNumber, withExamples, type Finish } from './options.js';
import type { PlanEdit, PlanSettings } from './plan.js';
import { print } from './print.js';

interface EditFlags extends CallFlags {
  site?: string;
  dryRun?: boolean;
  yes?: boolean;
}
interface SetFlags extends EditFlags {
  zone?: string;
  interval?: number | 'default';
  port?: number;
  httpPort?: number | 'default';
}

/** `plan`: what is polled of sites whose collectors fetch it from the api. */
export function addPlanCommands(program: Command, finish: Finish): void {
  const plan = program
    .command('plan')
    .description('what is polled of a site with `plan: api`; collectors follow within one interval');
  withExamples(
    withCallFlags(
      plan.command('show').description('ranges, zone, interval, and who set them').addOption(onSite()),
    ),
    'headframe plan show --site north',
  ).action(async (flags: CallFlags & { site?: string }) => {
    const { showPlan } = await import('./plan.js');
    finish(await showPlan(callOf(flags), flags.site ?? null, print));
  });
  addSet(plan, finish);
  addEdit(plan, finish, 'add-range', 'polls more ranges, and excluded ones again', 'addRanges');
  addEdit(
    plan,
    finish,
    'remove-range',
    'polls ranges no more; a part of one becomes an exclusion',
    'removeRanges',
  );
}

function addSet(parent: Command, finish: Finish): void {
  const set = withEditFlags(
    parent
      .command('set')
      .description('polls these ranges, from this zone, at this interval; what is not named stays')
      .argument('[range...]', 'all ranges, as in the settings')
      .addOption(new Option('--zone <name>', 'zone of the pollers that reach it').argParser(zone))
      .addOption(
        new Option('--interval <seconds>', "between two slots; default: the collector's own").argParser(
          orDefault(wholeNumber(1, 3_600)),
        ),
      )
      .addOption(new Option('--port <port>', 'TCP port of the CGMiner API').argParser(tcpPort))
      .addOption(
        new Option('--http-port <port>', 'of web interfaces; default: 80').argParser(orDefault(tcpPort)),
      ),
  );
  withExamples(
    set,
    "headframe plan set --site north 10.1.0.0/22 10.1.8.10-60 '!10.1.0.1' --interval 30",
    'headframe plan set --site north --interval 10 --dry-run',
  ).action(async (ranges: string[], flags: SetFlags, self: Command) => {
    const settings: PlanSettings = {
      ...(flags.zone !== undefined && { zone: flags.zone }),
      ...(flags.interval !== undefined && { interval_s: orNull(flags.interval) }),
      ...(flags.port !== undefined && { port: flags.port }),
      ...(flags.httpPort !== undefined && { http_port: orNull(flags.httpPort) }),
    };
    if (ranges.length === 0 && Object.keys(settings).length === 0)
      self.error('error: name ranges, or --zone, --interval, --port, --http-port');
    const { setPlan } = await import('./plan.js');
    finish(await setPlan(callOf(flags), editOf(flags), { ranges, settings }, print));
  });
}

function addEdit(
  parent: Command,
  finish: Finish,
  name: string,
  description: string,
  run: 'addRanges' | 'removeRanges',
): void {
  const edit = withEditFlags(
    parent.command(name).description(description).argument('<range...>', 'as in the settings'),
  );
  withExamples(edit, `headframe plan ${name} --site north 10.1.9.0/24 --dry-run`).action(
    async (ranges: string[], flags: EditFlags) => {
      const plan = await import('./plan.js');
      finish(await plan[run](callOf(flags), editOf(flags), ranges, print));
    },
  );
}

const withEditFlags = (command: Command): Command =>
  withCallFlags(
    command
      .addOption(onSite())
      .option('--dry-run', 'say which shards and addresses would come and go, and change nothing')
      .option('-y, --yes', 'do not ask'),
  );

const editOf = (flags: EditFlags): PlanEdit => ({
  site: flags.site ?? null,
  isDryRun: flags.dryRun === true,
  isSure: flags.yes === true,
});

/** Not null yet: the parser of options takes that for an empty text. */
const orDefault =
  (read: (text: string) => number) =>
  (text: string): number | 'default' =>
    text === 'default' ? text : read(text);

const orNull = (value: number | 'default'): number | null => (value === 'default' ? null : value);

function zone(text: string): string {
  if (planFields.zone.safeParse(text).success) return text;
  throw new InvalidArgumentError('Give 1 to 32 small letters, digits or dashes.');
}
