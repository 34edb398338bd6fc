import type { Family } from '../../src/miner/family.js';
import { decodeReply } from '../../src/miner/decode-reply.js';
import { detectionCommands, identifyFamily } from '../../src/miner/registry.js';
import type { Reply } from '../../src/miner/reply.js';
import { malform } from '../simulator/damage.js';
import { defaultTiming, SimulatedMiner } from '../simulator/miner.js';
import type { ModelName } from '../simulator/models.js';
import { parseRequest } from '../simulator/request.js';
import { respond } from '../simulator/respond.js';

/** One command's reply as bytes, with what ends it. */
export interface AskedReply {
  readonly command: string;
  readonly bytes: Buffer;
}

/** What a simulated machine answers to one poll of its family's commands. */
export interface ParsePoll {
  readonly family: string;
  readonly model: ModelName;
  /** Strict JSON, each reply with one NUL behind it. */
  readonly clean: readonly AskedReply[];
  /** The same replies, each damaged in the same way. */
  readonly damaged: readonly { readonly how: string; readonly replies: readonly AskedReply[] }[];
}

/** Damage that takes more than the strict parser. */
const damages = [
  'missing_comma',
  'trailing_comma',
  'leading_comma',
  'nan',
  'control_char',
  'invalid_escape',
  'trailing_text',
  'leading_text',
  'invalid_utf8',
] as const;
const cutShares = [0.1, 0.5, 0.9];

const bootMs = Date.UTC(2026, 0, 1);
const uptimeMs = 5_000_000;

/**
 * Asks a machine what its family asks every slot. Firmware that never sends strict JSON counts as clean with what
 * its replies say, written as JSON, and what it sends as damage `as sent`.
 */
export function parsePoll(model: ModelName): ParsePoll {
  const miner = new SimulatedMiner(7, '127.20.1.7', model, null, bootMs, defaultTiming);
  const family = identify(miner);
  const sent = family.commands.flatMap((command) => {
    const text = ask(miner, family.request(command));
    return text === null ? [] : [{ command, text }];
  });
  const clean = sent.map(({ command, text }) => ({ command, text: asJson(command, text) }));
  const damaged = damages.map((how) => ({
    how: how.replaceAll('_', ' '),
    replies: clean.map(({ command, text }) => toBytes(command, malform(text, how))),
  }));
  const cuts = cutShares.map((share) => ({
    how: `cut at ${share * 100} %`,
    replies: clean.map(({ command, text }) =>
      toBytes(command, text.slice(0, Math.ceil(text.length * share))),
    ),
  }));
  const asSent = sent.some(({ text }, i) => text !== clean[i]?.text)
    ? [{ how: 'as sent', replies: sent.map(({ command, text }) => toBytes(command, `${text}\0`)) }]
    : [];
  return {
    family: family.name,
    model,
    clean: clean.map(({ command, text }) => toBytes(command, `${text}\0`)),
    damaged: [...asSent, ...damaged, ...cuts],
  };
}

function identify(miner: SimulatedMiner): Family {
  const replies = new Map<string, Reply>();
  let family = identifyFamily(replies, 'cgminer');
  for (const command of detectionCommands) {
    const text = ask(miner, JSON.stringify({ command }));
    replies.set(command, decodeReply(command, toBytes(command, text === null ? '' : `${text}\0`).bytes));
    family = identifyFamily(replies, 'cgminer');
    if (family.name !== 'generic') break;
  }
  return family;
}

const ask = (miner: SimulatedMiner, request: string): string | null =>
  respond(miner, parseRequest(request), bootMs + uptimeMs, { cgminer: true, whatsminer: true }).text;

/** The simulator's text is latin1: one character is one byte. */
const toBytes = (command: string, text: string): AskedReply => ({
  command,
  bytes: Buffer.from(text, 'latin1'),
});

function asJson(command: string, text: string): string {
  try {
    JSON.parse(text);
    return text;
  } catch {
    const reply = decodeReply(command, toBytes(command, `${text}\0`).bytes);
    if (!('value' in reply)) throw new Error(`${command} cannot be read: ${text.slice(0, 200)}`);
    return JSON.stringify(reply.value);
  }
}
