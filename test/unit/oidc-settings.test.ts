import { mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { masked } from '../../src/cli/mask.js';
import { loadConfig } from '../../src/config/load.js';
import { rightsOfClaims, subjectOfClaims, type ClaimRules } from '../../src/domain/claims.js';
import { oidcOf } from '../../src/roles/oidc.js';

const whole = {
  'oidc.issuer': 'https://login.example.com',
  'oidc.client_id': 'headframe',
  'oidc.client_secret': 'not to be shown',
  'oidc.redirect_url': 'https://headframe.example.com/api/auth/oidc/callback',
};
const load = (flags: Record<string, unknown>) => loadConfig({ file: null, env: {}, flags });

describe('settings of a provider', () => {
  it('are none unless there is an issuer', () => {
    expect(oidcOf(load({}))).toBeNull();
    expect(oidcOf(load({ ...whole, 'oidc.issuer': undefined }))).toBeNull();
    expect(oidcOf(load(whole))?.rules).toMatchObject({ defaultRole: null, roles: [] });
  });

  it('take the secret from a file, and show it never', () => {
    const file = join(mkdtempSync(join(tmpdir(), 'headframe-oidc-')), 'secret');
    writeFileSync(file, 'from the file\n');
    const config = load({ ...whole, 'oidc.client_secret': undefined, 'oidc.client_secret_file': file });
    expect(oidcOf(config)?.cookieSecret).toBe('from the file');
    expect(JSON.stringify(masked(config))).not.toContain('from the file');
  });

  it('of a public client have no secret, and sign cookies with one of their own', () => {
    const open = { ...whole, 'oidc.client_secret': undefined, 'oidc.client_auth': 'none' };
    const [one, two] = [oidcOf(load(open)), oidcOf(load(open))];
    expect(one?.cookieSecret).toMatch(/^[A-Za-z0-9_-]{43}$/);
    expect(one?.cookieSecret).not.toBe(two?.cookieSecret);
    expect(oidcOf(load({ ...open, 'oidc.cookie_secret': 'of all instances' }))?.cookieSecret).toBe(
      'of all instances',
    );
    expect(() => load({ ...whole, 'oidc.client_auth': 'none' })).toThrow('a public client');
  });

  it.each([
    ['oidc.client_id', undefined, 'oidc.client_id: needed'],
    ['oidc.client_secret', undefined, 'oidc.client_secret: needed'],
    ['oidc.redirect_url', undefined, 'oidc.redirect_url: needed'],
    ['oidc.redirect_url', 'https://headframe.example.com/', 'oidc.redirect_url: not a URL'],
    ['oidc.issuer', 'http://login.example.com', 'oidc.issuer: not a URL'],
    ['oidc.scopes', 'profile email', 'oidc.scopes: openid is missing'],
    ['oidc.roles', [{ value: 'a', role: 'owner' }], 'oidc.roles'],
  ])('are refused with %s %j', (name, value, message) => {
    expect(() => load({ ...whole, [name]: value })).toThrow(message);
  });
});

describe('claims', () => {
  const rules: ClaimRules = {
    nameClaim: 'preferred_username',
    roleClaim: 'realm.roles',
    roles: [
      { value: 'b', role: 'viewer', siteNames: null },
      { value: 'a', role: 'admin', siteNames: ['north'] },
    ],
    defaultRole: null,
  };

  it('give the role of the first entry that matches, from a text or a list, however deep', () => {
    const viewer = { role: 'viewer', siteNames: null };
    const admin = { role: 'admin', siteNames: ['north'] };
    expect(rightsOfClaims({ realm: { roles: ['a', 'b'] } }, rules)).toEqual(viewer);
    expect(rightsOfClaims({ realm: { roles: 'a' } }, rules)).toEqual(admin);
    expect(rightsOfClaims({ 'realm.roles': ['a'], realm: { roles: 'b' } }, rules)).toEqual(admin);
    for (const claims of [
      {},
      { realm: 'a' },
      { realm: { roles: { a: true } } },
      { realm: { roles: [1, null] } },
    ])
      expect(rightsOfClaims(claims, rules)).toBeNull();
    const toAll: ClaimRules = { ...rules, roleClaim: 'constructor.name', defaultRole: 'operator' };
    expect(rightsOfClaims({}, toAll)).toEqual({ role: 'operator', siteNames: null });
  });

  it('name a person in a way that can be kept and shown, or nobody', () => {
    const of = (claims: object) => subjectOfClaims({ iss: 'https://x', sub: 's', ...claims }, rules);
    expect(of({ preferred_username: ' ana\n\u0000b ' })).toEqual({ subject: 'https://x s', name: 'anab' });
    expect(of({ preferred_username: ' \t' })?.name).toBe('s');
    expect(of({ preferred_username: '😀'.repeat(100) })?.name).toBe('😀'.repeat(64));
    expect(of({ preferred_username: `a\ud800` })?.name).toBe('a');
    for (const wrong of [
      { sub: '' },
      { sub: 7 },
      { iss: null },
      { sub: 'x'.repeat(256) },
      { sub: 'a\u0000' },
    ])
      expect(of(wrong)).toBeNull();
  });
});
