import { createCipheriv, createDecipheriv, createHash } from 'node:crypto';
import apacheMd5 from 'apache-md5';

/** What `get_token` answers: all that a key and a signature are made of beside the password. */
export interface TokenSeed {
  readonly time: string;
  readonly salt: string;
  readonly newsalt: string;
}

/** What one token lets be said. Secret. */
export interface WhatsminerToken {
  /** Hash part of the password's md5crypt. */
  readonly key: string;
  /** What signs a command. */
  readonly sign: string;
}

/** The package exports a function where its types promise a module. */
const md5crypt = apacheMd5 as unknown as (password: string, salt: string) => string;

/** The hash part of an md5crypt (`$1$`): the field behind the salt. */
const hashPart = (text: string, salt: string): string => md5crypt(text, `$1$${salt}`).split('$')[3] ?? '';

/** Key and signature of API v1 and v2, from the password and what `get_token` gave. */
export function makeToken(password: string, { time, salt, newsalt }: TokenSeed): WhatsminerToken {
  const key = hashPart(password, salt);
  return { key, sign: hashPart(`${key}${time}`, newsalt) };
}

const blockBytes = 16;
/** AES-256-ECB without padding of its own: zeros fill the last block. */
const algorithm = 'aes-256-ecb';
const sha256 = (text: string): Buffer => createHash('sha256').update(text, 'utf8').digest();

/** Base64 of a text under an AES key of 32 bytes. */
export function encryptZeroPadded(text: string, aesKey: Buffer): string {
  const plain = Buffer.from(text, 'utf8');
  const padded = Buffer.alloc(Math.ceil(plain.length / blockBytes) * blockBytes);
  plain.copy(padded);
  const cipher = createCipheriv(algorithm, aesKey, null).setAutoPadding(false);
  return Buffer.concat([cipher.update(padded), cipher.final()]).toString('base64');
}

/** The text under it, without the zeros behind; `null` when it is no whole number of blocks. */
export function decryptZeroPadded(base64: string, aesKey: Buffer): string | null {
  const bytes = Buffer.from(base64, 'base64');
  if (bytes.length === 0 || bytes.length % blockBytes !== 0) return null;
  const decipher = createDecipheriv(algorithm, aesKey, null).setAutoPadding(false);
  const plain = Buffer.concat([decipher.update(bytes), decipher.final()]);
  const end = plain.indexOf(0);
  return plain.toString('utf8', 0, end < 0 ? plain.length : end);
}

/** A command of API v1 and v2 as it goes out: signed, encrypted, in base64. */
export function encryptCommand(
  command: Readonly<Record<string, unknown>>,
  { key, sign }: WhatsminerToken,
): string {
  const data = encryptZeroPadded(JSON.stringify({ ...command, token: sign }), sha256(key));
  return JSON.stringify({ enc: 1, data });
}

/** The text in `{"enc": …}`; `null` when it is not under this key. */
export const decryptAnswer = (enc: string, { key }: WhatsminerToken): string | null =>
  decryptZeroPadded(enc, sha256(key));

/** What a command of API v3 is signed by: command, password, salt and seconds, hashed. */
const v3Hash = (command: string, password: string, salt: string, timeS: number): Buffer =>
  sha256(`${command}${password}${salt}${timeS}`);

/** The first eight letters of the base64 of that hash. */
export const v3Token = (command: string, password: string, salt: string, timeS: number): string =>
  v3Hash(command, password, salt, timeS).toString('base64').slice(0, 8);

/** A parameter that API v3 wants encrypted: pools and passwords. */
export const v3Encrypted = (
  param: unknown,
  command: string,
  password: string,
  salt: string,
  timeS: number,
): string => encryptZeroPadded(JSON.stringify(param), v3Hash(command, password, salt, timeS));

/** The reverse, for who plays a miner; `null` when it is not under this key. */
export const v3Decrypted = (
  param: string,
  command: string,
  password: string,
  salt: string,
  timeS: number,
): string | null => decryptZeroPadded(param, v3Hash(command, password, salt, timeS));
