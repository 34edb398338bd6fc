import type { PollErrorClass, Repair } from '../domain/telemetry.js';

export type JsonValue = string | number | boolean | null | JsonValue[] | JsonObject;
export interface JsonObject {
  [key: string]: JsonValue;
}

/**
 * One command's reply, read. Nothing here throws: what could not be read is a kind.
 *
 * - `ok`: `value` is the reply's object (joined replies are split before they come here).
 *   `isTruncated` when the end was missing: what was cut is absent from `value`.
 * - `device_error`: the device answered with status E or F (`code` e.g. 14 invalid command).
 * - `denied`: code 45, or a connection closed without a byte.
 * - `unreadable`: an answer that is no reply (HTML, binary, text); `fingerprint` is its shape.
 */
export type Reply =
  | {
      readonly kind: 'ok';
      readonly command: string;
      readonly value: JsonObject;
      readonly repairs: readonly Repair[];
      readonly isTruncated: boolean;
      readonly bytes: number;
    }
  | {
      readonly kind: 'device_error';
      readonly command: string;
      readonly code: number | null;
      readonly message: string;
      readonly value: JsonObject;
      readonly repairs: readonly Repair[];
      readonly bytes: number;
    }
  | {
      readonly kind: 'denied';
      readonly command: string;
      readonly message: string;
      readonly bytes: number;
      /** It asks for a password, and the one it was given, if any, is not it. */
      readonly isPassword?: true;
    }
  | {
      readonly kind: 'unreadable';
      readonly command: string;
      readonly errorClass: PollErrorClass;
      readonly shape: 'empty' | 'nul' | 'html' | 'text' | 'binary' | 'json_scalar';
      readonly fingerprint: string;
      readonly bytes: number;
    };

/** Replies of one miner in one poll, by command. */
export type Replies = ReadonlyMap<string, Reply>;
