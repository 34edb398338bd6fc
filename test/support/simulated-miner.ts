import { dialects } from '../../load-test/simulator/dialects.js';
import { parseFault } from '../../load-test/simulator/faults.js';
import { SimulatedMiner, defaultTiming } from '../../load-test/simulator/miner.js';
import { models, type ModelName } from '../../load-test/simulator/models.js';
import { parseRequest } from '../../load-test/simulator/request.js';
import { respond } from '../../load-test/simulator/respond.js';
import { defaultHealthThresholds } from '../../src/domain/health.js';
import type { MinerSample } from '../../src/domain/telemetry.js';
import { decodeReply } from '../../src/miner/decode-reply.js';
import { readMiner } from '../../src/miner/read-miner.js';
import { detectionCommands, identifyFamily } from '../../src/miner/registry.js';
import type { Reply } from '../../src/miner/reply.js';

/** When every machine's history is pinned. */
export const epochMs = Date.UTC(2026, 0, 1);
const writes = { cgminer: true, whatsminer: true };
/** A machine of one kind at one address, always the same. */
export const build = (
  model: ModelName,
  fault: string | null = null,
  address = '127.20.1.7',
): SimulatedMiner =>
  new SimulatedMiner(7, address, model, fault === null ? null : parseFault(fault), epochMs, defaultTiming);

/** What it answers, without the NUL; null when it closes without a byte. */
export function ask(
  miner: SimulatedMiner,
  request: string | Record<string, unknown>,
  atS = 0,
  allowed = writes,
): string | null {
  const text = typeof request === 'string' ? request : JSON.stringify(request);
  return respond(miner, parseRequest(text), epochMs + atS * 1000, allowed).text;
}

/** An object of a reply's list. */
export interface Row {
  readonly [key: string]: unknown;
  readonly Accepted: number;
  readonly Rejected: number;
  readonly Elapsed: number;
}

/** The first object of a section, of a reply that is strict JSON. */
export function row(miner: SimulatedMiner, command: string, section: string, atS = 0): Row {
  const reply = JSON.parse(ask(miner, { command }, atS) ?? '') as Record<string, Row[]>;
  const first = reply[section]?.[0];
  if (first === undefined) throw new Error(`no ${section}`);
  return first;
}

const commandsOf: Record<string, readonly string[]> = {
  antminer: ['version', 'summary', 'stats', 'pools', 'devs', 'config', 'privileged', 'coin', 'nonsense'],
  whatsminer: [
    'version',
    'summary',
    'pools',
    'devs',
    'edevs',
    'devdetails',
    'get_version',
    'get_psu',
    'get_miner_info',
    'get_error_code',
    'status',
    'nonsense',
  ],
  avalon: [
    'version',
    'summary',
    'stats',
    'estats',
    'pools',
    'devs',
    'devdetails',
    'config',
    'coin',
    'privileged',
    'nonsense',
  ],
  cgminer: [
    'version',
    'summary',
    'stats',
    'pools',
    'devs',
    'devdetails',
    'config',
    'coin',
    'privileged',
    'nonsense',
  ],
};
/** Commands worth asking a machine of this kind. */
export const commands = (model: ModelName): readonly string[] =>
  commandsOf[model.split('-')[0] ?? ''] ?? Object.keys(dialects[models[model].dialect].replies);

/** Polls a machine as a shard does: what it takes to know it, then what its family asks. */
export function poll(miner: SimulatedMiner, atS = 0): MinerSample {
  const replies = new Map<string, Reply>();
  const put = (command: string, request: string): void => {
    if (replies.has(command)) return;
    const text = ask(miner, request, atS);
    replies.set(command, decodeReply(command, Buffer.from(text === null ? '' : `${text}\0`, 'latin1')));
  };
  let family = identifyFamily(replies, 'cgminer');
  for (const command of detectionCommands) {
    put(command, JSON.stringify({ command }));
    family = identifyFamily(replies, 'cgminer');
    if (family.name !== 'generic') break;
  }
  const asked = [...family.commands, ...family.identityCommands];
  for (const command of asked) put(command, family.request(command));
  for (const command of family.followUp?.(replies) ?? []) put(command, family.request(command));
  return readMiner(family, replies, { identity: null, thresholds: defaultHealthThresholds });
}
