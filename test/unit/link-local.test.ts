import type { LookupFunction } from 'node:net';
import { describe, expect, it } from 'vitest';
import { postJson } from '../../src/alerts/send/http.js';
import { isLinkLocal, withoutLinkLocal } from '../../src/alerts/send/link-local.js';

const limits = { timeoutMs: 2_000, maxAnswerBytes: 1_000 };
const never = new AbortController().signal;

describe('a link-local address', () => {
  it.each([
    'http://169.254.169.254/latest',
    'http://0xa9fea9fe/',
    'http://2852039166/',
    'http://[::ffff:169.254.169.254]/',
    'http://[fe80::1]/',
  ])('%s is told nothing', async (url) => {
    expect(await postJson(url, '{}', {}, limits, never)).toMatchObject({ kind: 'refused' });
  });

  it.each(['10.0.0.1', '127.0.0.1', '192.168.1.1', '[::1]', '[fd00::1]', 'hooks.example'])(
    '%s is none',
    (host) => {
      expect(isLinkLocal(host)).toBe(false);
    },
  );

  it('is none the better for a name', async () => {
    const answering = (...addresses: string[]): LookupFunction =>
      withoutLinkLocal((_name, options, done) => {
        const found = addresses.map((address) => ({ address, family: 4 }));
        if (options.all === true) done(null, found);
        else done(null, found[0]?.address ?? '', 4);
      });
    const ask = (lookup: LookupFunction, all: boolean) =>
      new Promise((resolve) => lookup('name.example', { all }, (error) => resolve(error?.code ?? null)));
    expect(await ask(answering('169.254.169.254'), false)).toBe('ADDRESS_REFUSED');
    expect(await ask(answering('10.0.0.1', '169.254.169.254'), true)).toBe('ADDRESS_REFUSED');
    expect(await ask(answering('10.0.0.1'), true)).toBeNull();
  });
});
