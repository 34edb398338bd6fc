import { connect, type Socket } from 'node:net';
import type { PollErrorClass } from '../src/domain/telemetry.js';
import { ReplyFramer, type FrameState } from '../src/miner/framing.js';

export interface ExchangeOptions {
  readonly host: string;
  readonly port: number;
  readonly request: string | Buffer;
  readonly connectTimeoutMs: number;
  /** Milliseconds left for the whole exchange. */
  readonly deadlineMs: number;
  readonly maxReplyBytes: number;
  /** Silence after a complete JSON reply that ends it, when the device keeps the socket open, ms. */
  readonly quietMs: number;
  /** Decides where the reply ends; absent: as the CGMiner API ends it. */
  readonly framer?: Framer;
}

/** Puts a reply together: {@link ReplyFramer}, or one for another protocol. */
export interface Framer {
  push(chunk: Buffer): FrameState;
  end(): unknown;
  bytes(): Buffer;
}

/**
 * What one connection gave. `failed` with `hasConnected` false cost at most the connect timeout;
 * `partial` holds what had arrived before a deadline or a reset. Over HTTP a refusal has its `status`, and
 * `detail` in words.
 */
export type ExchangeResult =
  | { readonly kind: 'reply'; readonly bytes: Buffer }
  | { readonly kind: 'partial'; readonly bytes: Buffer; readonly errorClass: PollErrorClass }
  | {
      readonly kind: 'failed';
      readonly errorClass: PollErrorClass;
      readonly hasConnected: boolean;
      readonly status?: number;
      readonly detail?: string;
    };

/**
 * Every socket of a thread reads into this one: the bytes are copied out before the next read. Without
 * it each read allocates 64 KiB, which costs more than the rest of reading a reply.
 */
const readBuffer = Buffer.allocUnsafeSlow(65_536);

function copyRead(bytes: number): Buffer {
  const copy = Buffer.allocUnsafe(bytes);
  readBuffer.copy(copy, 0, 0, bytes);
  return copy;
}

/**
 * One request, one reply, one connection. The request goes out in a single write, for firmware does a
 * single recv; the reply ends at NUL, at end of stream, or at complete JSON followed by quiet. Never rejects.
 */
export function exchange(options: ExchangeOptions): Promise<ExchangeResult> {
  return new Promise((resolve) => {
    const framer = options.framer ?? new ReplyFramer({ maxBytes: options.maxReplyBytes });
    let hasConnected = false;
    let isSettled = false;
    let quiet: NodeJS.Timeout | undefined;
    const socket: Socket = connect({
      host: options.host,
      port: options.port,
      onread: {
        buffer: readBuffer,
        callback: (bytes) => {
          take(copyRead(bytes));
          return true;
        },
      },
    });
    const connecting = setTimeout(
      () => fail('connect_timeout'),
      Math.min(options.connectTimeoutMs, options.deadlineMs),
    );
    const total = setTimeout(() => fail(hasConnected ? 'deadline' : 'connect_timeout'), options.deadlineMs);

    const settle = (result: ExchangeResult): void => {
      if (isSettled) return;
      isSettled = true;
      clearTimeout(connecting);
      clearTimeout(total);
      clearTimeout(quiet);
      socket.destroy();
      resolve(result);
    };
    const succeed = (): void => settle({ kind: 'reply', bytes: framer.bytes() });
    const fail = (errorClass: PollErrorClass): void => {
      const bytes = framer.bytes();
      if (bytes.length > 0) settle({ kind: 'partial', bytes, errorClass });
      else settle({ kind: 'failed', errorClass, hasConnected });
    };

    socket.on('connect', () => {
      hasConnected = true;
      clearTimeout(connecting);
      socket.write(options.request, 'latin1');
    });
    const take = (chunk: Buffer): void => {
      if (isSettled) return;
      clearTimeout(quiet);
      switch (framer.push(chunk)) {
        case 'complete':
          return succeed();
        case 'too_large':
          return fail('too_large');
        case 'quiet-candidate':
          quiet = setTimeout(succeed, options.quietMs);
          return;
        case 'incomplete':
          return;
      }
    };
    socket.on('end', () => {
      framer.end();
      succeed();
    });
    socket.on('error', (error: NodeJS.ErrnoException) => fail(classify(error)));
    socket.on('close', () => fail('reset'));
  });
}

/** The class of a socket's error. */
export function classify(error: NodeJS.ErrnoException): PollErrorClass {
  switch (error.code) {
    case 'ECONNREFUSED':
      return 'connect_refused';
    case 'ETIMEDOUT':
      return 'connect_timeout';
    case 'ENETUNREACH':
    case 'EHOSTUNREACH':
    case 'EADDRNOTAVAIL':
    case 'EHOSTDOWN':
      return 'network_unreachable';
    case 'ECONNRESET':
    case 'EPIPE':
      return 'reset';
    default:
      return 'internal';
  }
}
