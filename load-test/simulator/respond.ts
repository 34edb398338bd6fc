import { invalidCommand, nothing, statusOnly, toJson, toText, type Answer } from './answer.js';
import { controlWhatsminer } from './control-whatsminer.js';
import { controlEncrypted } from './control-whatsminer-token.js';
import { controlCgminer } from './control.js';
import { dialects } from './dialects.js';
import type { SimulatedMiner } from './miner.js';
import type { Request } from './request.js';
import type { Scene } from './replies/common.js';
import { btminerAnswer } from './replies/whatsminer.js';

/** Which control commands are obeyed; the others are refused with code 45. */
export interface Writes {
  /** Machines with a cgminer API. */
  readonly cgminer: boolean;
  /** Whatsminer commands in the clear, which real ones never take. */
  readonly whatsminer: boolean;
  /** Of the encrypted write API of Whatsminers; absent: they have none. */
  readonly password?: string;
}

/** Machines whose errors are btminer's, with a letter as STATUS. */
const isBtminer = (miner: SimulatedMiner): boolean => miner.model.dialect.startsWith('whatsminer');

/** One command's share of a reply. */
interface Part {
  readonly command: string;
  /** It prints the machine's counters and rates, rather than an error or an acknowledgement. */
  readonly isReading: boolean;
}

/** One reply as it goes to the socket, without its ending; `text` null closes without a byte. */
export interface Response {
  readonly text: string | null;
  /** What was answered: one command, or each of a joined request. */
  readonly parts: readonly Part[];
  readonly scene: Scene;
  /** It carried out a write. */
  readonly isWrite: boolean;
}

/** Everything a reply is made from, at one moment. */
export function sceneOf(miner: SimulatedMiner, nowMs: number): Scene {
  const accepted = miner.accepted(nowMs);
  return {
    miner,
    reading: miner.reading(nowMs),
    nowMs,
    whenS: Math.floor(nowMs / 1000),
    accepted,
    rejected: miner.rejected(accepted),
  };
}

/** What a healthy machine answers. Counts summaries and runs control commands: call once per request. */
export function respond(miner: SimulatedMiner, request: Request, nowMs: number, writes: Writes): Response {
  if (request.members.includes('summary')) miner.countSummary(nowMs);
  const scene = sceneOf(miner, nowMs);
  const before = miner.writesDone;
  const text = write(scene, request, writes);
  return { text, parts: partsOf(scene, request), scene, isWrite: miner.writesDone !== before };
}

const readings = new Set(['summary', 'stats', 'estats', 'pools', 'devs', 'edevs']);

function partsOf(scene: Scene, request: Request): readonly Part[] {
  const { fault, model } = scene.miner;
  const { replies, isJoining } = dialects[model.dialect];
  const isMute = fault?.kind === 'denied' || (isBtminer(scene.miner) && scene.reading.state === 'sleeping');
  const isReading = (command: string): boolean =>
    !isMute && readings.has(command) && Object.hasOwn(replies, command);
  if (!request.isJoined || isJoining) {
    return request.members.map((command) => ({ command, isReading: isReading(command) }));
  }
  return [{ command: request.members.join('+'), isReading: false }];
}

function write(scene: Scene, request: Request, writes: Writes): string | null {
  const print = (answer: Answer): string | null => {
    if (answer.kind === 'nothing') return null;
    const form = request.isJson ? toJson : toText;
    const { model } = scene.miner;
    return form(answer, scene.whenS, model.description);
  };
  if (scene.miner.fault?.kind === 'denied') return print(denied(scene, request));
  const { replies, isJoining } = dialects[scene.miner.model.dialect];
  if (!request.isJoined || !isJoining) return print(single(scene, request, writes));
  const members = request.members.map((member) => ({
    member,
    // A joined request carries no parameters and changes nothing.
    text: print(
      Object.hasOwn(replies, member) && isJoinable(member)
        ? (replies[member]?.(scene) ?? nothing)
        : unknown(scene),
    ),
  }));
  if (request.isJson)
    return `{${members.map(({ member, text }) => `"${member}":[${text}]`).join(',')},"id":1}`;
  return members.map(({ member, text }) => `CMD=${member}|${text}`).join('');
}

/** Whatsminer joins the classic commands, not those of its own. */
const isJoinable = (member: string): boolean => !member.startsWith('get_') && member !== 'status';

function single(scene: Scene, request: Request, writes: Writes): Answer {
  const { miner, nowMs } = scene;
  const isWhatsminer = isBtminer(miner);
  if (request.problem === 'invalid_json') return fail(scene, 23, 'Invalid JSON');
  const isEncrypted = isWhatsminer && request.fields['enc'] !== undefined;
  if ((request.problem === 'no_command' && !isEncrypted) || (request.isCmd && !isWhatsminer))
    return fail(scene, 24, "Missing JSON 'command'");
  if (request.isJoined) return invalidCommand;
  const control = isWhatsminer
    ? (encrypted(scene, request, writes) ?? controlWhatsminer(scene, request, writes.whatsminer))
    : controlCgminer(miner, request, nowMs, writes.cgminer);
  if (control !== null) return control;
  const { replies } = dialects[miner.model.dialect];
  const [name = ''] = request.members;
  const flagged = `${name} new_api`;
  const command = request.fields['new_api'] === true && Object.hasOwn(replies, flagged) ? flagged : name;
  return Object.hasOwn(replies, command) ? (replies[command]?.(scene) ?? nothing) : unknown(scene);
}

const encrypted = (scene: Scene, request: Request, { password }: Writes): Answer | null =>
  password === undefined ? null : controlEncrypted(scene, request, password);

const unknown = (scene: Scene): Answer =>
  isBtminer(scene.miner) ? fail(scene, 14, 'invalid cmd') : invalidCommand;

function fail(scene: Scene, code: number, message: string): Answer {
  return isBtminer(scene.miner)
    ? btminerAnswer(scene, 'E', code, `"${message}"`)
    : statusOnly('E', code, message);
}

const denied = (scene: Scene, request: Request): Answer =>
  fail(scene, 45, `Access denied to '${request.members.join('+')}' command`);
