import { once } from 'node:events';
import { createServer, type IncomingHttpHeaders, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { SMTPServer } from 'smtp-server';

export interface ReceivedPost {
  readonly path: string;
  readonly headers: IncomingHttpHeaders;
  readonly body: string;
}

export interface HttpReceiver {
  readonly url: string;
  readonly posts: ReceivedPost[];
  /** What it answers; 200 until told otherwise. */
  answer: (response: ServerResponse, post: ReceivedPost) => void;
  stop(): Promise<void>;
}

/** An HTTP server that keeps what it is sent. */
export async function startHttpReceiver(): Promise<HttpReceiver> {
  const server = createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', () => {
      const { url = '', headers } = request;
      const post = { path: url, headers, body: Buffer.concat(chunks).toString() };
      receiver.posts.push(post);
      receiver.answer(response, post);
    });
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const receiver: HttpReceiver = {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    posts: [],
    answer: (response) => response.writeHead(200).end('ok'),
    stop: async () => {
      server.closeAllConnections();
      server.close();
      await once(server, 'close');
    },
  };
  return receiver;
}

export interface MailReceiver {
  readonly port: number;
  /** Whole messages, and who logged in. */
  readonly mails: { readonly text: string; readonly user: string | null; readonly to: string[] }[];
  /** Who tried to log in, rightly or not. */
  logins: number;
  /** The next mails are refused with this code. */
  refuseWith: number | null;
  stop(): Promise<void>;
}

/** How a mail server does TLS, and with what. */
export interface MailTls {
  readonly mode: 'tls' | 'starttls';
  readonly key: string;
  readonly cert: string;
}

/** An SMTP server that keeps what it is sent; it asks for `headframe` and `mail-password`. In clear without `tls`. */
export async function startMailReceiver(tls?: MailTls): Promise<MailReceiver> {
  const receiver: MailReceiver = {
    port: 0,
    mails: [],
    logins: 0,
    refuseWith: null,
    stop: () => new Promise((resolve) => server.close(() => resolve())),
  };
  const server = new SMTPServer({
    ...(tls === undefined
      ? { hideSTARTTLS: true, allowInsecureAuth: true }
      : { secure: tls.mode === 'tls', key: tls.key, cert: tls.cert }),
    onAuth: (auth, _session, callback) => {
      receiver.logins += 1;
      const isRight = auth.username === 'headframe' && auth.password === 'mail-password';
      callback(isRight ? null : new Error('no'), isRight ? { user: auth.username } : undefined);
    },
    onData: (stream, session, callback) => {
      const chunks: Buffer[] = [];
      stream.on('data', (chunk: Buffer) => chunks.push(chunk));
      stream.on('end', () => {
        if (receiver.refuseWith !== null) {
          callback(Object.assign(new Error('refused'), { responseCode: receiver.refuseWith }));
          return;
        }
        receiver.mails.push({
          text: Buffer.concat(chunks).toString(),
          user: typeof session.user === 'string' ? session.user : null,
          to: session.envelope.rcptTo.map(({ address }) => address),
        });
        callback();
      });
    },
  });
  server.on('error', () => undefined);
  server.listen(0, '127.0.0.1');
  await once(server.server, 'listening');
  return Object.assign(receiver, { port: (server.server.address() as AddressInfo).port });
}
