import { decodeReply } from '../decode-reply.js';
import { toText } from '../numbers.js';
import type { JsonObject } from '../reply.js';
import type { CommandKind } from '../../domain/commands.js';
import { endsConnections, failed, passwordRefused, uncertain, withoutAnswer } from './outcome.js';
import type { MinerAnswer, WriteContext, WriteOutcome, WriteRequest } from './writer.js';

/** A web interface's answer with a status of success, or how the command ends. */
export type WebAck =
  | { readonly kind: 'ok'; readonly text: string; readonly value: JsonObject }
  | { readonly kind: 'ended'; readonly outcome: WriteOutcome; readonly status: number | null };

/** Sorts an answer by its status; 401 and 403 are refused passwords. */
export function readWeb(kind: CommandKind, answer: MinerAnswer, context: WriteContext): WebAck {
  if (answer.kind === 'none') return { kind: 'ended', outcome: withoutAnswer(kind, answer), status: null };
  const { status, text } = answer;
  if (status >= 200 && status <= 299) return { kind: 'ok', text, value: objectOf(text) };
  if (status === 401 || status === 403)
    return { kind: 'ended', outcome: passwordRefused(context.credentials !== null), status };
  const told = wordsOf(text);
  const message = `HTTP ${status}${told === '' ? '' : `: ${told}`}`;
  const outcome = mayBeDone(kind, status, text)
    ? uncertain(`${message}; it may have been done`, 'http_error')
    : failed(status, message, 'http_error');
  return { kind: 'ended', outcome, status };
}

/**
 * True where an error of the server leaves open what became of a change: always of a restart or a reboot, in the
 * middle of which servers break; of the rest unless the device says in its own words that it refuses. A server that
 * knows no such request (501) did nothing.
 */
function mayBeDone(kind: CommandKind, status: number, text: string): boolean {
  if (status < 500 || status === 501) return false;
  return endsConnections(kind) || !saysWhy(objectOf(text));
}

const saysWhy = (value: JsonObject): boolean => errorNames.some((name) => typeof value[name] === 'string');

/** The same for a request that only reads: nothing has been changed when its end is not known. */
export function readOnly(ack: WebAck): WebAck {
  if (ack.kind === 'ok' || ack.outcome.status === 'failed') return ack;
  const { errorClass = 'internal' } = ack.outcome;
  const what = ack.status === null ? `did not answer (${errorClass})` : `HTTP ${ack.status}`;
  return {
    kind: 'ended',
    outcome: failed(ack.status ?? 1, `${what}; nothing was changed`, errorClass),
    status: ack.status,
  };
}

/** The same where the answer is to be written back: one that is not whole would lose the rest. */
export function readWhole(given: WebAck): WebAck {
  const ack = readOnly(given);
  if (ack.kind !== 'ok' || isWhole(ack.text)) return ack;
  const outcome = failed(1, 'its settings could not be read whole; nothing was changed', 'not_json');
  return { kind: 'ended', outcome, status: null };
}

function isWhole(text: string): boolean {
  try {
    JSON.parse(text);
    return true;
  } catch {
    const reply = decodeReply('web', Buffer.from(text, 'utf8'));
    return reply.kind === 'ok' && !reply.isTruncated;
  }
}

/** The object of a body; empty without one. */
export function objectOf(text: string): JsonObject {
  const reply = decodeReply('web', Buffer.from(text, 'utf8'));
  return reply.kind === 'ok' || reply.kind === 'device_error' ? reply.value : {};
}

/** Members in which devices say what is wrong. */
const errorNames = ['err', 'error', 'message', 'msg', 'Msg', 'desc'];

/** What an error page says, when it is short text or has a member that says it. */
function wordsOf(text: string): string {
  const value = objectOf(text);
  for (const name of errorNames) if (typeof value[name] === 'string') return toText(value[name]) ?? '';
  return /^[^<{]{1,120}$/.test(text.trim()) ? text.trim() : '';
}

/** A request with a JSON body. */
export const jsonRequest = (
  method: WriteRequest['method'],
  path: string,
  body: unknown,
  headers: Readonly<Record<string, string>> = {},
): WriteRequest => ({
  method,
  path,
  headers: { 'content-type': 'application/json', ...headers },
  body: JSON.stringify(body),
});

/** A request with a form: every value encoded, so that none ends its field. */
export const formRequest = (
  path: string,
  fields: readonly (readonly [name: string, value: string])[],
): WriteRequest => ({
  method: 'POST',
  path,
  headers: { 'content-type': 'application/x-www-form-urlencoded' },
  body: fields.map(([name, value]) => `${name}=${encodeField(value)}`).join('&'),
});

/** As `encodeURIComponent`, with lone surrogates replaced and the marks that shells read encoded too. */
const encodeField = (value: string): string =>
  encodeURIComponent(Buffer.from(value, 'utf8').toString('utf8')).replace(
    /[!'()*~]/g,
    (mark) => `%${mark.charCodeAt(0).toString(16).toUpperCase()}`,
  );
