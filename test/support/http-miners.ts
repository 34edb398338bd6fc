import { createHash, randomBytes } from 'node:crypto';
import { createServer, type IncomingMessage, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';

/** What a device answers to one request. */
export interface WebAnswer {
  readonly status?: number;
  readonly headers?: Readonly<Record<string, string>>;
  /** Text as it is, or anything as JSON. */
  readonly body?: unknown;
  /** Sends one byte of the body so often, ms, instead of all at once. */
  readonly dripMs?: number;
}

/** A request as a device saw it. */
export interface SeenRequest {
  readonly method: string;
  readonly path: string;
  readonly headers: IncomingMessage['headers'];
  readonly body: string;
}

export type Device = (request: SeenRequest) => WebAnswer;

/** A device's web interface on a real socket. */
export interface HttpMiner {
  readonly port: number;
  readonly seen: readonly SeenRequest[];
  /** Most connections that were open at once. */
  readonly peak: () => number;
  device: Device;
  stop(): Promise<void>;
}

/** @param port Any free one when absent. */
export async function startHttpMiner(host: string, device: Device, port = 0): Promise<HttpMiner> {
  const seen: SeenRequest[] = [];
  let open = 0;
  let peak = 0;
  const miner = { device };
  const server: Server = createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', () => {
      const { method = '', url = '', headers } = request;
      const one = { method, path: url, headers, body: Buffer.concat(chunks).toString() };
      seen.push(one);
      const answer = miner.device(one);
      const text = typeof answer.body === 'string' ? answer.body : JSON.stringify(answer.body ?? '');
      response.writeHead(answer.status ?? 200, { 'content-type': 'text/plain', ...answer.headers });
      if (answer.dripMs === undefined) return void response.end(text);
      let at = 0;
      const timer = setInterval(() => response.write(text[at++ % text.length]), answer.dripMs);
      response.on('close', () => clearInterval(timer));
    });
  });
  server.on('connection', (socket) => {
    peak = Math.max(peak, ++open);
    socket.on('close', () => open--);
  });
  await new Promise<void>((resolve) => server.listen(port, host, resolve));
  return {
    port: (server.address() as AddressInfo).port,
    seen,
    peak: () => peak,
    get device() {
      return miner.device;
    },
    set device(next) {
      miner.device = next;
    },
    async stop() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

/** Answers by path, and 404 for any other. */
export function pages(byPath: Readonly<Record<string, unknown>>): Device {
  return ({ path }) => (path in byPath ? { body: byPath[path] } : { status: 404, body: 'Not Found' });
}

const md5 = (text: string): string => createHash('md5').update(text).digest('hex');

/** Puts a device behind digest authentication (RFC 7616, MD5), each nonce good for `uses` requests. */
export function behindDigest(
  device: Device,
  options: { realm: string; username: string; password: string; uses?: number },
): Device {
  const { realm, username, password, uses = 1000 } = options;
  const counts = new Map<string, number>();
  const challenge = (isStale: boolean): WebAnswer => {
    const nonce = randomBytes(8).toString('hex');
    counts.set(nonce, 0);
    const stale = isStale ? ', stale=true' : '';
    return {
      status: 401,
      headers: { 'www-authenticate': `Digest realm="${realm}", nonce="${nonce}", qop="auth"${stale}` },
      body: '<html><title>401 Unauthorized</title></html>',
    };
  };
  return (request) => {
    const header = request.headers.authorization ?? '';
    const told = (name: string): string => new RegExp(`\\b${name}="?([^",]+)`).exec(header)?.[1] ?? '';
    const count = counts.get(told('nonce'));
    if (count === undefined) return challenge(false);
    const key = md5(`${username}:${realm}:${password}`);
    const middle = `${told('nonce')}:${told('nc')}:${told('cnonce')}:auth`;
    const expected = md5(`${key}:${middle}:${md5(`${request.method}:${request.path}`)}`);
    if (told('response') !== expected || told('uri') !== request.path) return challenge(false);
    if (count >= uses) return challenge(true);
    if (parseInt(told('nc'), 16) <= count) return { status: 400, body: 'replayed' };
    counts.set(told('nonce'), parseInt(told('nc'), 16));
    return device(request);
  };
}
