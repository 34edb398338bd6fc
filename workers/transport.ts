import type { Credentials } from '../src/domain/credentials.js';
import { decodeReply } from '../src/miner/decode-reply.js';
import type { Family } from '../src/miner/family.js';
import { fingerprintOf } from '../src/miner/fingerprint.js';
import type { Reply } from '../src/miner/reply.js';
import { framedExchange } from './framed-exchange.js';
import type { ExchangeOptions, ExchangeResult } from './tcp-exchange.js';
import { askWeb } from './web-client.js';
import { WebMemory } from './web-memory.js';

/** What a request over another transport than the CGMiner API takes besides. */
export interface TransportOptions extends ExchangeOptions {
  readonly request: string;
  readonly family: Family;
  readonly credentials: Credentials | null;
  /** A thread's own when absent. */
  readonly memory: WebMemory | undefined;
  readonly remainingMs: () => number;
  /** Called before every connection. */
  readonly onConnection: () => void;
}

const threadMemory = new WebMemory();

/** One request to a miner whose family does not speak the CGMiner API. Never rejects. */
export function exchangeOtherwise(options: TransportOptions): Promise<ExchangeResult> {
  if (options.family.transport === 'http')
    return askWeb({ ...options, memory: options.memory ?? threadMemory });
  options.onConnection();
  return framedExchange(options);
}

/** What a reply's bytes say; over HTTP an empty body is no refusal. */
export function decodeAnswer(command: string, bytes: Buffer, isWeb: boolean): Reply {
  if (!isWeb || bytes.length > 0) return decodeReply(command, bytes);
  const fingerprint = fingerprintOf('empty\n');
  return { kind: 'unreadable', command, errorClass: 'empty_reply', shape: 'empty', fingerprint, bytes: 0 };
}

/** The reply that a status other than 2xx amounts to. */
export function refusalReply(command: string, status: number, detail: string, isPassword: boolean): Reply {
  if (isPassword) return { kind: 'denied', command, message: detail, bytes: 0, isPassword };
  return { kind: 'device_error', command, code: status, message: detail, value: {}, repairs: [], bytes: 0 };
}

const secretMember =
  /("(?:[^"\\]{0,40}[_ -]|M)?(?:pass(?:word|wd)?|pwd|pw|token|jwt|secret|psk)\d?"\s*:\s*)"(?:[^"\\]|\\.)*"/gi;

/** A web reply without the passwords some firmware tells, fit to be kept. */
export function withoutPasswords(bytes: Buffer): Buffer {
  const text = bytes.toString('latin1');
  const clean = text.replace(secretMember, '$1"***"');
  return clean === text ? bytes : Buffer.from(clean, 'latin1');
}
