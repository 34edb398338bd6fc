import { randomBytes } from 'node:crypto';
import type { Credentials } from '../src/domain/credentials.js';
import { authorizationOf, pickChallenge, type Challenge } from '../src/miner/http/digest.js';
import type { MinerAnswer, WriteRequest } from '../src/miner/writers/writer.js';
import { httpExchange, type HttpResult } from './http-exchange.js';
import { ownRedirect } from './web-client.js';

export interface WebWriteOptions {
  readonly host: string;
  readonly port: number;
  readonly credentials: Credentials | null;
  readonly connectTimeoutMs: number;
  /** Milliseconds left now. */
  readonly remainingMs: () => number;
  readonly maxReplyBytes: number;
  /** Called before every connection. */
  readonly onConnection: () => void;
}

/** Times a request is sent: as it is, with an answer to the challenge, and with one to a challenge renewed. */
const maxSends = 3;

/**
 * The web interface of one miner while one command lasts. A request that is refused with a digest challenge
 * was not carried out and is sent again with the answer; nothing else is sent twice. Credentials go to the
 * miner's own address alone, and only as a digest. Of redirects one is followed, for reading, to the miner.
 */
export class WebWrites {
  readonly #options: WebWriteOptions;
  readonly #challenges = new Map<number, { readonly challenge: Challenge; uses: number }>();

  constructor(options: WebWriteOptions) {
    this.#options = options;
  }

  /** Never rejects. */
  async send(request: WriteRequest): Promise<MinerAnswer> {
    const { host, credentials } = this.#options;
    let target = { port: request.port ?? this.#options.port, path: request.path };
    let hasMoved = false;
    for (let sends = 1; ; sends++) {
      const answer = await this.#once(request, target);
      if (answer.kind === 'failed') return noAnswer(answer);
      const onward = request.method === 'GET' && !hasMoved ? ownRedirect(answer, host, target) : null;
      if (onward !== null) {
        target = onward;
        hasMoved = true;
        continue;
      }
      const isAsked = answer.status === 401 && credentials !== null && sends < maxSends;
      const challenge = isAsked ? pickChallenge(answer.headers['www-authenticate'], ['digest']) : null;
      const wasAnswered = this.#challenges.has(target.port);
      if (challenge === null || (wasAnswered && !challenge.isStale)) {
        this.#challenges.delete(target.port);
        return toAnswer(answer);
      }
      this.#challenges.set(target.port, { challenge, uses: 0 });
    }
  }

  async #once(
    request: WriteRequest,
    target: { readonly port: number; readonly path: string },
  ): Promise<HttpResult> {
    const { host, credentials, connectTimeoutMs, maxReplyBytes } = this.#options;
    const known = this.#challenges.get(target.port);
    const headers: Record<string, string> = { accept: 'application/json, */*;q=0.5', ...request.headers };
    if (known !== undefined && credentials !== null) {
      known.uses += 1;
      headers['authorization'] = authorizationOf(known.challenge, {
        method: request.method,
        uri: target.path,
        credentials,
        count: known.uses,
        clientNonce: randomBytes(8).toString('hex'),
      });
    }
    this.#options.onConnection();
    return httpExchange({
      host,
      ...target,
      method: request.method,
      headers,
      body: request.body ?? null,
      connectTimeoutMs,
      deadlineMs: Math.max(1, this.#options.remainingMs()),
      maxReplyBytes,
    });
  }
}

const noAnswer = (result: Extract<HttpResult, { kind: 'failed' }>): MinerAnswer => ({
  kind: 'none',
  errorClass: result.isClosed === true ? 'empty_reply' : result.errorClass,
  hasConnected: result.hasConnected,
});

/** A status says that the request was taken, whatever became of the body. */
const toAnswer = (result: Extract<HttpResult, { kind: 'answer' }>): MinerAnswer => ({
  kind: 'answer',
  status: result.status,
  text: result.bytes.toString('utf8'),
});
