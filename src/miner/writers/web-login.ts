import type { CommandOrder } from '../../domain/commands.js';
import type { Family } from '../family.js';
import type { WebToken } from '../http/web-access.js';
import { rejected, passwordRefused } from './outcome.js';
import { jsonRequest, readOnly, readWeb, readWhole, type WebAck } from './web-answers.js';
import type { MinerIo, WriteContext, WriteOutcome, WriteRequest } from './writer.js';

/** A web interface one has logged into for the length of a command. */
export interface WebSession {
  /** Asks it for a change. */
  call(
    kind: CommandOrder['kind'],
    method: WriteRequest['method'],
    path: string,
    body?: unknown,
  ): Promise<WebAck>;
  /** Asks it for what it knows, whole: without an answer nothing has been changed. */
  read(path: string): Promise<WebAck>;
}

/** Why a family whose web interface wants a login cannot be written to without one. */
export const loginReason = 'needs the login of the miner’s web interface; none is configured';

/**
 * Logs into a family's web interface as polling does. `missing` when it has none of that kind, so that an
 * older way may be tried: nothing has been sent but the login.
 */
export async function logIn(
  family: Family,
  io: MinerIo,
  context: WriteContext,
): Promise<
  WebSession | { readonly kind: 'ended'; readonly outcome: WriteOutcome; readonly isMissing: boolean }
> {
  const login = family.web?.login;
  const { credentials } = context;
  if (login === undefined || credentials === null)
    return { kind: 'ended', outcome: rejected(loginReason), isMissing: true };
  const port = family.port === null || family.port === 80 ? {} : { port: family.port };
  const ack = readOnly(
    readWeb('set_fan', await io.http({ ...toRequest(login.request(credentials)), ...port }), context),
  );
  if (ack.kind !== 'ok') {
    const isMissing =
      ack.status === 404 || (ack.status === null && ack.outcome.errorClass === 'connect_refused');
    return { kind: 'ended', outcome: ack.outcome, isMissing };
  }
  const token = login.token(ack.value, []);
  if (token === null) return { kind: 'ended', outcome: passwordRefused(true), isMissing: false };
  return sessionOf(token, port, io, context);
}

/** `POST /path` and, below it, a body of JSON, as families write requests. */
function toRequest(text: string): WriteRequest {
  const at = text.indexOf('\n');
  const [method = 'GET', path = '/'] = (at < 0 ? text : text.slice(0, at)).split(' ');
  const body = at < 0 ? {} : { body: text.slice(at + 1), headers: { 'content-type': 'application/json' } };
  return { method: method === 'POST' ? 'POST' : 'GET', path, ...body };
}

function sessionOf(
  [name, value]: WebToken,
  port: { readonly port?: number },
  io: MinerIo,
  context: WriteContext,
): WebSession {
  const headers = { [name]: value };
  return {
    async call(kind, method, path, body) {
      const request =
        body === undefined ? { method, path, headers } : jsonRequest(method, path, body, headers);
      return readWeb(kind, await io.http({ ...request, ...port }), context);
    },
    async read(path) {
      return readWhole(readWeb('set_fan', await io.http({ method: 'GET', path, headers, ...port }), context));
    },
  };
}
