import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import { configSchema } from '../../src/config/schema.js';
import { listenOptionsOf } from '../../src/roles/listen.js';
import { makeCertificate } from '../support/certificate.js';

const folder = mkdtempSync(join(tmpdir(), 'headframe-listen-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));
const listen = (api: object, tls: object = {}) => listenOptionsOf(configSchema.parse({ api, tls }));

describe('the api listens', () => {
  test('on this machine without TLS, under each of its names', () => {
    for (const host of ['127.0.0.1', '127.4.5.6', '::1', 'localhost'])
      expect(listen({ host })).toEqual({ host, port: 8420 });
  });

  test('beyond it with TLS, or where clear text is meant; else it says what to set', () => {
    for (const host of ['0.0.0.0', '::', '10.1.2.3', 'farm.example', '127.example.com']) {
      expect(() => listen({ host }), host).toThrow(/^api\.host: .*tls\.cert.*api\.insecure_http: true/);
      expect(listen({ host, insecure_http: true })).toEqual({ host, port: 8420 });
    }
    const { certFile, keyFile, cert } = makeCertificate(folder);
    expect(listen({ host: '0.0.0.0' }, { cert: certFile, key: keyFile }).tls).toMatchObject({ cert });
    expect(() => listen({}, { cert: certFile })).toThrow(/^tls\.cert, tls\.key: set both/);
    expect(() => listen({}, { cert: certFile, key: join(folder, 'none') })).toThrow(/^tls\.key: cannot read/);
  });
});
