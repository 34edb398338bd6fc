import { createHash, randomBytes } from 'node:crypto';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { Counts } from './connection.js';
import type { SimulatedMiner } from './miner.js';
import { antminerPage, hasAntminerPages } from './web-antminer.js';

/** What web pages are logged into with. */
export interface WebLogin {
  readonly username: string;
  readonly password: string;
}

/** A request to a page, and what it answers; `closed` ends the connection without a word. */
export interface PageRequest {
  readonly method: string;
  readonly path: string;
  readonly body: string;
}
export type PageAnswer =
  | { readonly status: number; readonly body: string; readonly isWrite?: boolean }
  | { readonly status: 'closed'; readonly isWrite?: boolean };

/** Longest body read, bytes. */
const maxBodyBytes = 65_536;
/** Nonces good at once. */
const maxNonces = 10_000;
const realm = 'antMiner Configuration';
const md5 = (text: string): string => createHash('md5').update(text).digest('hex');

/** The server, and how it ends with all its connections. */
export interface WebServer {
  readonly server: Server;
  stop(): void;
}

/**
 * Web pages of all machines on one port: the local address of a connection says which is meant. Who has
 * none resets. Digest authentication as Bitmain's, each nonce good for the life of the server.
 */
export function createWebServer(
  find: (address: string) => SimulatedMiner | undefined,
  nowMs: () => number,
  login: WebLogin,
  counts: Pick<Counts, 'overlaps'>,
): WebServer {
  const nonces = new Set<string>();
  const server = createServer((request, response) => {
    const miner = find((request.socket.localAddress ?? '').replace(/^::ffff:/, ''));
    const fault = miner?.fault?.kind;
    const isAway =
      miner === undefined || !hasAntminerPages(miner) || fault === 'refused' || fault === 'silent';
    if (isAway || miner.isDown(nowMs())) {
      if (miner?.isDownSilent === true || fault === 'silent') return;
      request.socket.resetAndDestroy();
      return;
    }
    // Without an answer the client's end is all that ends it, and it may be back before that is seen here.
    let isOpen = fault !== 'write_lost' && fault !== 'write_closed';
    if (isOpen && miner.openConnections++ > 0) counts.overlaps++;
    const settle = (): void => {
      if (isOpen) miner.openConnections--;
      isOpen = false;
    };
    response.once('finish', settle).once('close', settle);
    void readBody(request).then((body) => serve(miner, request, response, body, { nowMs, login, nonces }));
  });
  server.on('clientError', (_, socket) => socket.destroy());
  return {
    server,
    stop: () => {
      server.close();
      server.closeAllConnections();
    },
  };
}

interface Context {
  readonly nowMs: () => number;
  readonly login: WebLogin;
  readonly nonces: Set<string>;
}

function serve(
  miner: SimulatedMiner,
  request: IncomingMessage,
  response: ServerResponse,
  body: string,
  context: Context,
): void {
  const { method = 'GET', url = '/' } = request;
  if (miner.fault?.kind === 'wrong_password' || !isAllowed(request, context)) {
    const nonce = randomBytes(12).toString('hex');
    if (context.nonces.size >= maxNonces) context.nonces.clear();
    context.nonces.add(nonce);
    response.writeHead(401, {
      'www-authenticate': `Digest realm="${realm}", nonce="${nonce}", qop="auth"`,
      connection: 'close',
    });
    response.end('<html><title>401 Unauthorized</title></html>');
    return;
  }
  const answer = antminerPage(miner, { method, path: url, body }, context.nowMs());
  const fault = answer.isWrite === true ? miner.fault : null;
  const send = (): void => {
    if (fault?.kind === 'write_lost') return;
    if (answer.status === 'closed' || fault?.kind === 'write_closed') return void request.socket.end();
    response.writeHead(answer.status, { 'content-type': 'text/plain', connection: 'close' });
    response.end(answer.body);
  };
  const delayMs =
    fault?.kind === 'write_slow' ? fault.delayMs : miner.fault?.kind === 'slow' ? miner.fault.delayMs : 0;
  if (delayMs === 0) return send();
  setTimeout(send, delayMs);
}

function isAllowed(request: IncomingMessage, { login, nonces }: Context): boolean {
  const header = request.headers.authorization ?? '';
  const told = (name: string): string => new RegExp(`\\b${name}="?([^",]+)`).exec(header)?.[1] ?? '';
  if (!nonces.has(told('nonce')) || told('uri') !== request.url) return false;
  const key = md5(`${login.username}:${realm}:${login.password}`);
  const middle = `${told('nonce')}:${told('nc')}:${told('cnonce')}:${told('qop')}`;
  return told('response') === md5(`${key}:${middle}:${md5(`${request.method}:${request.url}`)}`);
}

async function readBody(request: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  let length = 0;
  try {
    for await (const chunk of request) {
      const bytes = chunk as Buffer;
      length += bytes.length;
      if (length > maxBodyBytes) break;
      chunks.push(bytes);
    }
  } catch {
    return '';
  }
  return Buffer.concat(chunks).toString('utf8');
}
