import { existsSync, readFileSync, readdirSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { modelNames } from '../../load-test/simulator/models.js';
import { readCapturedReplies } from '../../src/cli/decode-replies.js';
import { decodeReply } from '../../src/miner/decode-reply.js';
import { identifyFamily } from '../../src/miner/registry.js';
import type { Reply } from '../../src/miner/reply.js';
import { reportMiner } from '../../src/miner/report.js';
import * as web from '../fixtures/web-replies.js';
import { differences } from '../support/cut-claims.js';
import { randomOf } from '../support/mutate.js';
import { ask, build } from '../support/simulated-miner.js';

/** Replies of one machine by command, as they came. */
type Texts = ReadonlyMap<string, Buffer>;

const corpus = process.env['HEADFRAME_CORPUS'] ?? path.resolve('..', 'shared', 'corpus');
/** Places at which a reply is cut, a seeded choice; `HEADFRAME_EVERY_CUT=1` cuts at each byte, for an hour or so. */
const cutsPerReply = 12;
const hasEveryCut = process.env['HEADFRAME_EVERY_CUT'] === '1';
const timeoutMs = hasEveryCut ? 3_600_000 : 60_000;

function placesOf(bytes: Buffer, random: () => number): readonly number[] {
  const inside = bytes.length - 1;
  return hasEveryCut
    ? Array.from({ length: inside }, (_, index) => index + 1)
    : Array.from({ length: cutsPerReply }, () => 1 + Math.floor(random() * inside));
}

function simulated(): Map<string, Texts> {
  return new Map(
    modelNames.map((model) => {
      const miner = build(model);
      const answers = (commands: readonly string[]) =>
        new Map(commands.map((command) => [command, Buffer.from(ask(miner, { command }) ?? '')]));
      const family = identifyFamily(decoded(answers(['version', 'summary', 'stats'])));
      const texts = answers([...new Set([...family.commands, ...family.identityCommands, 'version'])]);
      for (const [command, text] of texts) if (text.length === 0) texts.delete(command);
      return [model, texts];
    }),
  );
}

const pages: Readonly<Record<string, Readonly<Record<string, unknown>>>> = {
  'antminer-web': web.antminerPages,
  'an old antminer-web': { '/cgi-bin/get_miner_status.cgi': web.oldAntminerStatus },
  'vnish-web': web.vnishPages,
  'braiins-rest': web.braiinsRestPages,
  'braiins-graphql': {
    gql_system: web.braiinsGraphqlAnswers.uptime,
    gql_boards: web.braiinsGraphqlAnswers.childSolvers,
    gql_pools: web.braiinsGraphqlAnswers.poolGroups,
    gql_model: web.braiinsGraphqlAnswers.modelName,
  },
  epic: web.epicPages,
  bitaxe: { '/api/system/info': web.bitaxeInfo },
  goldshell: web.goldshellPages,
  'auradine-web': web.auradinePages,
};

function fromPages(): Map<string, Texts> {
  return new Map(
    Object.entries(pages).map(([name, replies]) => [
      name,
      new Map(
        Object.entries(replies).map(([command, value]) => [
          command,
          Buffer.from(typeof value === 'string' ? value : JSON.stringify(value)),
        ]),
      ),
    ]),
  );
}

async function captured(): Promise<Map<string, Texts>> {
  const machines = new Map<string, Texts>();
  for (const name of existsSync(corpus) ? readdirSync(corpus) : []) {
    const folder = path.join(corpus, name);
    if (!existsSync(path.join(folder, 'meta.json'))) continue;
    const texts = new Map<string, Buffer>();
    for (const file of readdirSync(folder).sort()) {
      if (/^(?:meta|index)\.json$|\.html$/i.test(file)) continue;
      const { replies } = await readCapturedReplies([path.join(folder, file)]);
      const [command] = replies.keys();
      // A file of several replies, or of a module's text alone, is no reply that can be cut here.
      if (command === undefined || replies.size !== 1 || texts.has(command)) continue;
      const bytes = readFileSync(path.join(folder, file));
      if (bytes.length > 2) texts.set(command, bytes);
    }
    machines.set(name, texts);
  }
  return machines;
}

const decoded = (texts: Texts): Map<string, Reply> =>
  new Map([...texts].map(([command, bytes]) => [command, decodeReply(command, bytes)]));

const isWhole = (reply: Reply): boolean =>
  (reply.kind === 'ok' && !reply.isTruncated) || (reply.kind === 'unreadable' && reply.shape !== 'empty');

/** What readings of cut replies claim that the whole ones do not, a line each. */
function falseClaims(texts: Texts, random: () => number): string[] {
  const whole = decoded(texts);
  const all = reportMiner(whole);
  const found: string[] = [];
  for (const [command, bytes] of texts) {
    const alone = new Map([...whole].filter(([name]) => name === command));
    for (const at of placesOf(bytes, random)) {
      const reply = decodeReply(command, bytes.subarray(0, at));
      if (isWhole(reply)) continue;
      const claims = [
        ...differences(reportMiner(new Map(whole).set(command, reply)), all),
        ...differences(reportMiner(new Map([[command, reply]])), reportMiner(alone)),
      ];
      for (const { field, text } of claims) found.push(`${command} cut at ${at}: ${field} ${text}`);
    }
  }
  return found;
}

const machines = [...simulated(), ...fromPages(), ...(await captured())];

describe('replies cut anywhere', () => {
  it.each(machines)(
    'of %s say nothing that the whole ones do not',
    (_name, texts) => {
      expect(falseClaims(texts, randomOf(20_261)).slice(0, 10)).toEqual([]);
    },
    timeoutMs,
  );

  it.each(machines.filter(([, texts]) => [...texts.values()].every((it) => it.length > 2)))(
    'to one blank of %s are never healthy',
    (_name, texts) => {
      const replies = decoded(texts);
      for (const command of replies.keys()) {
        const cut = new Map(replies).set(command, decodeReply(command, Buffer.from(' ')));
        expect([command, reportMiner(cut).sample.overall_health]).not.toEqual([command, 'healthy']);
      }
    },
    60_000,
  );
});
