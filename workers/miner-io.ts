import type { Credentials } from '../src/domain/credentials.js';
import type { MinerAnswer, MinerIo, WriteRequest } from '../src/miner/writers/writer.js';
import { framedExchange } from './framed-exchange.js';
import { exchange, type ExchangeOptions, type ExchangeResult } from './tcp-exchange.js';
import { WebWrites } from './web-writes.js';

/** Bounds of what one command may cost. */
export interface WriteLimits {
  readonly connectTimeoutMs: number;
  /** For the whole command, all its connections included, ms. */
  readonly deadlineMs: number;
  readonly maxReplyBytes: number;
  /** Silence that ends a complete reply on a socket kept open, ms. */
  readonly quietMs: number;
}

export interface MinerIoOptions {
  readonly host: string;
  /** Of the CGMiner API. */
  readonly port: number;
  /** Of the family's web interface. */
  readonly httpPort: number;
  /** Of Whatsminer's API v3. */
  readonly framedPort: number;
  readonly credentials: Credentials | null;
  readonly limits: WriteLimits;
  /** Monotonic, ms. */
  readonly now: () => number;
  /** Called before every connection. */
  readonly onConnection?: () => void;
}

/**
 * The connections of one command: real sockets to one miner, one at a time whatever the writer does, all
 * under one deadline that begins here. Nothing that was sent is sent again.
 */
export function createMinerIo(options: MinerIoOptions): MinerIo {
  const { host, limits, now, onConnection = () => undefined } = options;
  const endMs = now() + limits.deadlineMs;
  const remainingMs = () => endMs - now();
  const web = new WebWrites({
    host,
    port: options.httpPort,
    credentials: options.credentials,
    connectTimeoutMs: limits.connectTimeoutMs,
    maxReplyBytes: limits.maxReplyBytes,
    remainingMs,
    onConnection,
  });
  let last: Promise<unknown> = Promise.resolve();
  /** Waits for the connection before, and opens none once time is over. */
  const oneAtATime = (open: () => Promise<MinerAnswer>): Promise<MinerAnswer> => {
    const next = last.then(() => (remainingMs() > 0 ? open() : late));
    last = next;
    return next;
  };
  const raw = (
    port: number,
    request: string,
    via: (options: ExchangeOptions) => Promise<ExchangeResult>,
  ): Promise<MinerAnswer> =>
    oneAtATime(async () => {
      onConnection();
      return toAnswer(
        await via({
          host,
          port,
          // The exchanges write latin1; what firmware reads is UTF-8.
          request: Buffer.from(request, 'utf8'),
          connectTimeoutMs: limits.connectTimeoutMs,
          deadlineMs: Math.max(1, remainingMs()),
          maxReplyBytes: limits.maxReplyBytes,
          quietMs: limits.quietMs,
        }),
      );
    });
  return {
    cgminer: (request) => raw(options.port, request, exchange),
    framed: (request) => raw(options.framedPort, request, framedExchange),
    http: (request: WriteRequest) => oneAtATime(() => web.send(request)),
    pause: (ms) => new Promise((resolve) => setTimeout(resolve, Math.max(0, Math.min(ms, remainingMs())))),
  };
}

const late: MinerAnswer = { kind: 'none', errorClass: 'deadline', hasConnected: false };

/** What had come before a deadline or a reset is an answer only where it is whole; the writer reads it. */
function toAnswer(result: ExchangeResult): MinerAnswer {
  if (result.kind === 'failed')
    return { kind: 'none', errorClass: result.errorClass, hasConnected: result.hasConnected };
  if (result.bytes.length === 0) return { kind: 'none', errorClass: 'empty_reply', hasConnected: true };
  return { kind: 'answer', status: 200, text: result.bytes.toString('utf8') };
}
