import { decodeReply } from '../decode-reply.js';
import { own } from '../families/records.js';
import { toNumber, toText } from '../numbers.js';
import { isObject } from '../reply-status.js';
import type { JsonObject } from '../reply.js';
import { accessDenied, endsConnections, failed, uncertain, withoutAnswer } from './outcome.js';
import type { CommandKind } from '../../domain/commands.js';
import type { MinerAnswer, MinerIo, WriteOutcome } from './writer.js';

/** What the device said: its object and words when it agreed, else how the command ends. */
export type Ack =
  | { readonly kind: 'ok'; readonly value: JsonObject; readonly message: string }
  | { readonly kind: 'ended'; readonly outcome: WriteOutcome; readonly code: number | null };

/** A request of the CGMiner API as JSON: no parameter can end it or become another. */
export function cgminerRequest(command: string, parameter?: string): string {
  return JSON.stringify(parameter === undefined ? { command } : { command, parameter });
}

/** Asks the CGMiner API for a change. */
export async function callCgminer(
  io: MinerIo,
  kind: CommandKind,
  command: string,
  parameter?: string,
): Promise<Ack> {
  return readAck(kind, command, await io.cgminer(cgminerRequest(command, parameter)));
}

/** Asks the CGMiner API for what it knows: without an answer nothing has been changed. */
export async function readCgminer(io: MinerIo, command: string): Promise<Ack> {
  const answer = await io.cgminer(cgminerRequest(command));
  return nothingChanged(readAck('set_fan', command, answer));
}

/** The same end for a request that only read: what is not known of it changed nothing. */
export function nothingChanged(ack: Ack): Ack {
  if (ack.kind === 'ok' || ack.outcome.status !== 'unknown') return ack;
  const { errorClass = 'internal' } = ack.outcome;
  return refused(failed(1, `did not answer (${errorClass}); nothing was changed`, errorClass), null);
}

/** Reads an acknowledgement of the CGMiner API, as JSON or text. `RESTART` and `BYE` are words of success. */
export function readAck(kind: CommandKind, command: string, answer: MinerAnswer): Ack {
  if (answer.kind === 'none') return { kind: 'ended', outcome: withoutAnswer(kind, answer), code: null };
  if (endsConnections(kind) && /^\W*(?:RESTART|BYE)\b/.test(answer.text))
    return { kind: 'ok', value: {}, message: 'restarting' };
  const reply = decodeReply(command, Buffer.from(answer.text, 'utf8'));
  switch (reply.kind) {
    case 'ok':
      return { kind: 'ok', value: reply.value, message: messageOf(reply.value) };
    case 'denied':
      return refused(failed(accessDenied, reply.message, 'access_denied'), accessDenied);
    case 'device_error':
      return refused(failed(reply.code, reply.message, 'device_error'), reply.code);
    case 'unreadable':
      return refused(
        uncertain('its answer could not be read; it may have been done', reply.errorClass),
        null,
      );
  }
}

const refused = (outcome: WriteOutcome, code: number | null): Ack => ({ kind: 'ended', outcome, code });

/** The words of a STATUS. */
export function messageOf(value: JsonObject): string {
  const status = own(value, 'STATUS', 'status');
  const first = Array.isArray(status) ? status[0] : status;
  const record = isObject(first) ? first : value;
  if (typeof first === 'string' && first.length > 1) return first;
  return toText(record['Msg'] ?? record['msg'] ?? null) ?? '';
}

/** The code of a STATUS; `null` without one. */
export function codeOf(value: JsonObject): number | null {
  const status = own(value, 'STATUS', 'status');
  const first = Array.isArray(status) ? status[0] : status;
  const record = isObject(first) ? first : value;
  return toNumber(record['Code'] ?? record['code'] ?? null);
}

/** Commands without effect that were refused, so that another way may be tried. */
export const isRefusal = (ack: Ack): boolean =>
  ack.kind === 'ended' && ack.outcome.status === 'failed' && ack.code !== null;
