import {
  decryptZeroPadded,
  encryptZeroPadded,
  makeToken,
} from '../../src/miner/writers/whatsminer-crypto.js';
import { createHash } from 'node:crypto';
import { toJson, type Answer } from './answer.js';
import { controlWhatsminer } from './control-whatsminer.js';
import { unit } from './random.js';
import { btminerAnswer } from './replies/whatsminer.js';
import type { Scene } from './replies/common.js';
import { parseRequest, type Request } from './request.js';

/** A token is good for so long, ms, and so many at once. */
const tokenMs = 30 * 60_000;
const maxTokens = 32;
const letters = './0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz';

/** Eight letters that follow from a number. */
const saltOf = (key: number, at: number): string =>
  Array.from({ length: 8 }, (_, index) => letters[Math.floor(unit(key, at * 8 + index) * 64)] ?? '.').join(
    '',
  );

/**
 * The write API of versions 1 and 2 as it is on the wire: `get_token`, and commands signed and encrypted.
 * Refusals of the token are in the clear, those of the command encrypted. Null when it is neither.
 */
export function controlEncrypted(scene: Scene, request: Request, password: string): Answer | null {
  const { data, enc } = request.fields;
  if (request.members[0] === 'get_token') return giveToken(scene, password);
  if (enc !== 1 || typeof data !== 'string') return null;
  const { miner, nowMs } = scene;
  const key = miner.handedOut.get('key');
  const aesKey = key === undefined ? null : createHash('sha256').update(key).digest();
  const text = aesKey === null ? null : decryptZeroPadded(data, aesKey);
  const fields = text === null ? null : objectOf(text);
  if (aesKey === null || fields === null || miner.fault?.kind === 'wrong_password')
    return btminerAnswer(scene, 'E', 23, '"enc json load err"');
  const { token, ...command } = fields;
  const untilMs = Number(miner.handedOut.get(`sign ${String(token)}`) ?? 0);
  if (untilMs <= nowMs) return btminerAnswer(scene, 'E', 135, '"check token err"');
  const answer =
    controlWhatsminer(scene, parseRequest(JSON.stringify(command)), true) ??
    btminerAnswer(scene, 'E', 14, '"invalid cmd"');
  if (answer.kind === 'nothing') return answer;
  const json = JSON.stringify({
    enc: encryptZeroPadded(toJson(answer, scene.whenS, miner.model.description), aesKey),
  });
  return { kind: 'raw', json, text: json };
}

function giveToken(scene: Scene, password: string): Answer {
  const { miner, nowMs } = scene;
  for (const [name, untilMs] of miner.handedOut)
    if (name.startsWith('sign ') && Number(untilMs) <= nowMs) miner.handedOut.delete(name);
  if (miner.handedOut.size > maxTokens) return btminerAnswer(scene, 'E', 136, '"over max connect"');
  const seed = {
    time: String(scene.whenS % 10_000),
    salt: saltOf(miner.key, 0),
    newsalt: saltOf(miner.key, 1 + Math.floor(miner.nextDraw() * 1e6)),
  };
  const { key, sign } = makeToken(password, seed);
  miner.handedOut.set('key', key);
  miner.handedOut.set(`sign ${sign}`, String(nowMs + tokenMs));
  return btminerAnswer(scene, 'S', 134, JSON.stringify(seed));
}

function objectOf(text: string): Record<string, unknown> | null {
  try {
    const value = JSON.parse(text) as unknown;
    return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : null;
  } catch {
    return null;
  }
}
