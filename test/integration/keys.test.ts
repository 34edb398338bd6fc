import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { hashKey } from '../../src/storage/keys.repo.js';
import { testEditions } from '../support/database.js';
import { createTestStorage, type TestStorage } from '../support/storage.js';

describe.each(testEditions())('collector keys on %s', (edition) => {
  let storage: TestStorage;
  let site = 0;
  const newSite = (): Promise<number> => storage.sites.ensureSite(`site ${++site}`);

  beforeAll(async () => {
    storage = await createTestStorage(edition);
  });
  afterAll(() => storage.close());

  test('a key is found by its hash and kept nowhere else', async () => {
    const siteId = await newSite();
    const created = await storage.keys.create(siteId, 'shed 4');
    expect(created.key).toMatch(/^hsc_[A-Za-z0-9_-]{43}$/);
    expect(await storage.keys.find(hashKey(created.key))).toEqual({
      keyId: created.keyId,
      siteId,
      prefix: created.prefix,
    });
    expect(await storage.keys.find(hashKey('hsc_other'))).toBeNull();
    expect(JSON.stringify(await storage.query('select * from collector_keys'))).not.toContain(created.key);
    expect(await storage.keys.list([siteId])).toMatchObject([
      { prefix: created.key.slice(0, 8), label: 'shed 4', lastUsedAt: null, revokedAt: null },
    ]);
  });

  test('a site has two active keys at most, also when five are asked for at once', async () => {
    const siteId = await newSite();
    const results = await Promise.allSettled([1, 2, 3, 4, 5].map(() => storage.keys.create(siteId)));
    const made = results.filter((result) => result.status === 'fulfilled');
    expect(made).toHaveLength(2);
    for (const result of results) {
      if (result.status === 'rejected') expect(result.reason).toMatchObject({ code: 'REQUEST_INVALID' });
    }
  });

  test('a revoked key is not found, and makes room for the next', async () => {
    const siteId = await newSite();
    const [first] = [await storage.keys.create(siteId), await storage.keys.create(siteId)];
    expect(await storage.keys.revoke(first.keyId)).toBe(true);
    expect(await storage.keys.revoke(first.keyId)).toBe(false);
    expect(await storage.keys.find(hashKey(first.key))).toBeNull();
    await storage.keys.create(siteId);
    expect(await storage.keys.list([siteId])).toHaveLength(3);
  });

  test('a chosen key can be put in again and again, for its own site alone', async () => {
    const siteId = await newSite();
    const key = `hsc_${String(siteId).padStart(43, 'x')}`;
    const first = await storage.keys.import(siteId, key);
    expect(await storage.keys.import(siteId, key)).toEqual(first);
    await expect(storage.keys.import(await newSite(), key)).rejects.toMatchObject({
      code: 'REQUEST_INVALID',
    });
  });

  test('no key is made for a site that is not there', async () => {
    await expect(storage.keys.create(999_999)).rejects.toMatchObject({ code: 'NOT_FOUND' });
  });

  test('the last use is written at most once a minute', async () => {
    const { keyId } = await storage.keys.create(await newSite());
    const lastUse = async () => (await storage.keys.list()).find((key) => key.keyId === keyId)?.lastUsedAt;
    const at = (second: number): Date => new Date(Date.UTC(2026, 0, 1, 0, 0, second));
    await storage.keys.touchLastUsed(keyId, at(0));
    await storage.keys.touchLastUsed(keyId, at(30));
    expect(await lastUse()).toEqual(at(0));
    await storage.keys.touchLastUsed(keyId, at(61));
    expect(await lastUse()).toEqual(at(61));
  });

  test('a site is made once by its name', async () => {
    const ids = await Promise.all([1, 2, 3].map(() => storage.sites.ensureSite('same')));
    expect(new Set(ids).size).toBe(1);
    expect((await storage.sites.sites()).filter((s) => s.site_name === 'same')).toHaveLength(1);
  });
});
