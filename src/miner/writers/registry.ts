import type { CommandOrder } from '../../domain/commands.js';
import { familyByName } from '../registry.js';
import { antminer } from './antminer.js';
import { avalon } from './avalon.js';
import { vnish } from './vnish.js';
import { unwritten } from './unwritten.js';
import { luxos } from './luxos.js';
import { innosilicon } from './innosilicon.js';
import { epic } from './epic.js';
import { braiins } from './braiins.js';
import { bitaxe } from './bitaxe.js';
import { auradine } from './auradine.js';
import { whatsminer } from './whatsminer.js';
import { whatsminerV3 } from './whatsminer-v3.js';
import { generic } from './generic.js';
import { secretsOf } from './order-text.js';
import { rejected, withoutSecrets } from './outcome.js';
import type { MinerIo, WriteContext, WriteOutcome, Writer } from './writer.js';

const writers: readonly Writer[] = [
  antminer,
  whatsminer,
  whatsminerV3,
  avalon,
  braiins,
  luxos,
  vnish,
  epic,
  bitaxe,
  auradine,
  innosilicon,
  unwritten,
  generic,
];

const byFamily = new Map(
  writers.flatMap((writer) => writer.families.map((family) => [family, writer] as const)),
);

/**
 * How a family is told what to do. One without a way of its own hears CGMiner's calls, but where it is read
 * over HTTP: of that more is not known.
 */
export function writerFor(family: string): Writer {
  const own = byFamily.get(family);
  if (own !== undefined) return own;
  return familyByName(family)?.transport === 'http' ? unwritten : generic;
}

/**
 * Does an order: what the family cannot do is rejected before anything is sent. The outcome holds no
 * password, not even one that the device repeated. Never rejects.
 */
export async function runOrder(
  order: CommandOrder,
  io: MinerIo,
  context: WriteContext,
): Promise<WriteOutcome> {
  const writer = writerFor(context.family);
  const reason = writer.refuse(order, context);
  if (reason !== null) return rejected(reason);
  const outcome = await writer.run(order, io, context);
  return withoutSecrets(outcome, [
    ...secretsOf(order),
    ...(context.credentials === null ? [] : [context.credentials.password]),
  ]);
}
