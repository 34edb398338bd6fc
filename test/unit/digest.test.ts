import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { authorizationOf, pickChallenge, realmOf } from '../../src/miner/http/digest.js';

const any = ['digest', 'basic'] as const;
const credentials = { username: 'Mufasa', password: 'Circle of Life' };

describe('the answer to a challenge', () => {
  const rfc7616 =
    'realm="http-auth@example.org", qop="auth, auth-int", nonce="7ypf/xlj9XXwfDPEoM4URrv/xwf94BcCAzFZH4GiTo0v", opaque="FQhe/qaU925kfnzjCev0ciny7QMkPqMAFRtzCUYo5tdS"';
  const header = [`Digest ${rfc7616}, algorithm=SHA-256`, `Digest ${rfc7616}, algorithm=MD5`];
  const request = {
    method: 'GET',
    uri: '/dir/index.html',
    credentials,
    count: 1,
    clientNonce: 'f2/wE4q74E6zIJEtWaHKaf5wv/H5QzzpXusqGemxURZJ',
  };

  it.each([
    [
      'SHA-256, the stronger of two',
      header,
      '753927fa0e85d155564e2e272a28d1802ca10daf4496794697cf8db5856cb6c1',
    ],
    ['MD5', header[1], '8ca523f5e9506fed4657c9700eebdbec'],
    [
      'the stronger of two in one header',
      header.join(', '),
      '753927fa0e85d155564e2e272a28d1802ca10daf4496794697cf8db5856cb6c1',
    ],
  ])('is that of RFC 7616: %s', (_, offered, response) => {
    const challenge = pickChallenge(offered, any);
    expect(challenge).not.toBeNull();
    if (challenge === null) return;
    const answer = authorizationOf(challenge, request);
    expect(answer).toContain(`response="${response}"`);
    expect(answer).toContain('nc=00000001');
    expect(answer).toContain('opaque="FQhe/qaU925kfnzjCev0ciny7QMkPqMAFRtzCUYo5tdS"');
  });

  it('is that of RFC 2617, and of a server without qop that of RFC 2069', () => {
    const base = 'Digest realm="testrealm@host.com", nonce="dcd98b7102dd2f0e8b11d0f600bfb0c093"';
    const of = (text: string) => pickChallenge(text, any);
    const asked = {
      ...request,
      clientNonce: '0a4f113b',
      credentials: { username: 'Mufasa', password: 'Circle Of Life' },
    };
    const withQop = of(`${base}, qop="auth,auth-int"`);
    const without = of(base);
    if (withQop === null || without === null) throw new Error('not read');
    expect(authorizationOf(withQop, asked)).toContain('response="6629fae49393a05397450978507c4ef1"');
    expect(authorizationOf(without, asked)).toContain('response="670fd8c2df070c60b045671b8b24ff02"');
    expect(authorizationOf(without, asked)).not.toContain('cnonce');
  });

  it('is basic where the server asks for that, with UTF-8 in it', () => {
    const challenge = pickChallenge('Basic realm="miner"', any);
    if (challenge === null) throw new Error('not read');
    const answer = authorizationOf(challenge, {
      ...request,
      credentials: { username: 'ü', password: 'p:q' },
    });
    expect(answer).toBe(`Basic ${Buffer.from('ü:p:q').toString('base64')}`);
  });

  it('counts on with the same nonce', () => {
    const challenge = pickChallenge(header[1], any);
    if (challenge === null) throw new Error('not read');
    expect(authorizationOf(challenge, { ...request, count: 300 })).toContain('nc=0000012c');
  });
});

describe('a challenge', () => {
  it('is answered in no scheme that is not allowed', () => {
    expect(pickChallenge('Basic realm="antMiner Configuration"', ['digest'])).toBeNull();
    expect(pickChallenge(['Basic realm="x"', 'Digest realm="x", nonce="n"'], any)?.scheme).toBe('digest');
    expect(pickChallenge('Digest realm="x", nonce="n", algorithm=SHA-512', any)).toBeNull();
    expect(pickChallenge('Digest realm="x", nonce="n", qop="auth-int"', any)).toBeNull();
    expect(pickChallenge('Bearer realm="x"', any)).toBeNull();
    expect(pickChallenge(undefined, any)).toBeNull();
  });

  it('keeps quoted commas, quotes and scheme names in their place', () => {
    const challenge = pickChallenge('Digest realm="a, Basic \\"x\\"", nonce="n,1", stale=TRUE', any);
    expect(challenge).toMatchObject({ realm: 'a, Basic "x"', nonce: 'n,1', isStale: true, qop: null });
    expect(realmOf('Digest realm="antMiner Configuration", nonce="1"')).toBe('antMiner Configuration');
  });

  it('of any text is read and answered without an error', () => {
    fc.assert(
      fc.property(fc.string({ maxLength: 200 }), fc.string(), (text, name) => {
        const challenge = pickChallenge(`Digest realm="${text}", nonce="${name}"`, any);
        if (challenge === null) return;
        const answer = authorizationOf(challenge, {
          method: 'GET',
          uri: '/',
          credentials,
          count: 1,
          clientNonce: '00',
        });
        expect(answer).toMatch(/^(?:Digest|Basic) /);
      }),
      { numRuns: 200 },
    );
  });
});
