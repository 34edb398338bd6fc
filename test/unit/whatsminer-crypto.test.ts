import { createHash } from 'node:crypto';
import { existsSync, readFileSync } from 'node:fs';
import path from 'node:path';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  decryptAnswer,
  decryptZeroPadded,
  encryptCommand,
  encryptZeroPadded,
  makeToken,
  v3Decrypted,
  v3Encrypted,
  v3Token,
} from '../../src/miner/writers/whatsminer-crypto.js';

interface Vector {
  readonly test: string;
  readonly password: string;
  readonly get_token: { readonly time: string; readonly salt: string; readonly newsalt: string };
  readonly key_md5crypt_field4: string;
  readonly sign: string;
  readonly aes_key_sha256_hex: string;
  readonly plaintext_command: string;
  readonly request: string;
  readonly response: string;
  readonly response_plaintext: string;
}

const corpus = process.env['HEADFRAME_CORPUS'] ?? path.resolve('..', 'shared', 'corpus');
const file = path.join(corpus, '_control', 'whatsminer-aes-vectors.json');
const vectors = existsSync(file)
  ? (JSON.parse(readFileSync(file, 'utf8')) as { vectors: Vector[] }).vectors
  : [];

describe('the write API of Whatsminers', () => {
  it.runIf(vectors.length > 0)('gives the known answers of the vectors beside the project', () => {
    for (const vector of vectors) {
      const token = makeToken(vector.password, vector.get_token);
      expect(token).toEqual({ key: vector.key_md5crypt_field4, sign: vector.sign });
      expect(createHash('sha256').update(token.key).digest('hex')).toBe(vector.aes_key_sha256_hex);
      const { token: _, ...command } = JSON.parse(vector.plaintext_command) as Record<string, unknown>;
      expect(encryptCommand(command, token)).toBe(vector.request);
      const { enc } = JSON.parse(vector.response) as { enc: string };
      expect(decryptAnswer(enc, token)).toBe(vector.response_plaintext);
    }
  });

  it('makes keys of md5crypt, as crypt(3) knows it', () => {
    // `openssl passwd -1 -salt BQ5hoXV9 admin`.
    expect(makeToken('admin', { time: '1', salt: 'BQ5hoXV9', newsalt: 'abcdefgh' }).key).toBe(
      'RxmaDUO33TS7O26yeMHZ81',
    );
  });

  it('pads with zeros, and reads back whatever was written', () => {
    const key = createHash('sha256').update('key').digest();
    fc.assert(
      fc.property(fc.string({ unit: 'grapheme', maxLength: 200 }), (text) => {
        fc.pre(!text.includes('\0'));
        expect(decryptZeroPadded(encryptZeroPadded(`${text}.`, key), key)).toBe(`${text}.`);
      }),
    );
    expect(decryptZeroPadded('AAAA', key)).toBeNull();
    expect(decryptZeroPadded('', key)).toBeNull();
  });

  it('signs version 3 by command, password, salt and time', () => {
    const expected = createHash('sha256').update('set.miner.servicepwsalt1700000000').digest('base64');
    expect(v3Token('set.miner.service', 'pw', 'salt', 1_700_000_000)).toBe(expected.slice(0, 8));
    const pools = [{ pool: 'stratum+tcp://a.example:1', worker: 'w', passwd: 'p' }];
    const sent = v3Encrypted(pools, 'set.miner.pools', 'pw', 'salt', 5);
    expect(JSON.parse(v3Decrypted(sent, 'set.miner.pools', 'pw', 'salt', 5) ?? '')).toEqual(pools);
  });
});
