import { mkdir, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { randomUUID } from 'node:crypto';
import { gunzipSync, gzipSync } from 'node:zlib';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { derivedBatchId, formatBatchName } from '../../src/poller/spool-name.js';
import type { Spool } from '../../src/poller/spool.js';
import { fillFolder, makeBatch, makeFolder, openSpool } from '../support/delivery.js';

let folder: Awaited<ReturnType<typeof makeFolder>>;
beforeEach(async () => {
  folder = await makeFolder();
});
afterEach(() => folder.remove());

const batchFiles = async (): Promise<string[]> =>
  (await readdir(folder.path)).filter((name) => name !== 'quarantine').sort();
const inQuarantine = async (): Promise<string[]> => (await readdir(join(folder.path, 'quarantine'))).sort();

async function putAll(spool: Spool, slots: readonly number[], rows = 2): Promise<string[]> {
  const names: string[] = [];
  for (const slotMs of slots) {
    const result = await spool.put(makeBatch({ rows, slotMs }), { mayEvict: true });
    if (result.kind !== 'spooled') throw new Error(result.kind);
    names.push(result.name);
  }
  return names;
}

describe('the spool', () => {
  it('holds a batch as one file from put to remove, and says so in its stats', async () => {
    const { spool, ledger } = await openSpool(folder.path);
    const batch = makeBatch({ rows: 3, slotMs: 1_700_000_000_000 });
    ledger.schedule(3);
    const result = await spool.put(batch, { mayEvict: false });
    const name = `1700000000000-r3-b${batch.gz.byteLength}-${batch.batchId}.json.gz`;
    expect(result).toEqual({ kind: 'spooled', name });
    expect(await batchFiles()).toEqual([name]);
    expect(spool.stats()).toEqual({
      files: 1,
      bytes: batch.gz.byteLength,
      rows: 3,
      oldestMs: 1_700_000_000_000,
    });
    expect(spool.claimOldest()).toBe(name);
    expect(spool.claimOldest()).toBeNull();
    expect(await spool.read(name)).toEqual({ kind: 'ok', gz: Buffer.from(batch.gz) });
    ledger.answer({ stored: 3, duplicate: 0, rejected: 0 });
    await spool.remove(name);
    expect(await batchFiles()).toEqual([]);
    expect(spool.stats()).toEqual({ files: 0, bytes: 0, rows: 0, oldestMs: null });
    expect(ledger.conservationError()).toBe(0);
  });

  it('gives the batches of an earlier run, oldest first, and clears what is half-written', async () => {
    const { spool: first } = await openSpool(folder.path);
    const names = await putAll(first, [3000, 1000, 2000]);
    await writeFile(join(folder.path, '.tmp-77-0'), 'half');
    await writeFile(join(folder.path, 'mystery.json.gz'), 'whose?');
    await writeFile(join(folder.path, 'notes.txt'), 'not ours');

    const { spool, ledger, metricsText } = await openSpool(folder.path);
    expect(spool.stats()).toMatchObject({ files: 3, rows: 6, oldestMs: 1000 });
    expect(ledger.snapshot().spooledAtStart).toBe(6);
    expect([spool.claimOldest(), spool.claimOldest(), spool.claimOldest()]).toEqual([
      names[1],
      names[2],
      names[0],
    ]);
    expect(await batchFiles()).toEqual([...names, 'notes.txt'].sort());
    expect(await inQuarantine()).toEqual(['mystery.json.gz']);
    expect(await metricsText()).toContain('headframe_spool_quarantined_total{reason="bad_name"} 1');
    expect(ledger.conservationError()).toBe(0);
  });

  it('drops the oldest over its bytes and counts them, but none that is being uploaded', async () => {
    const sizes = makeBatch({ rows: 2, slotMs: 1 }).gz.byteLength;
    const { spool, ledger } = await openSpool(folder.path, { maxBytes: sizes * 3 + 60 });
    ledger.schedule(10);
    const names = await putAll(spool, [1000, 2000, 3000]);
    expect(spool.claim(names[0] ?? '')).toBe(true);
    const late = await putAll(spool, [4000, 5000]);
    expect(await batchFiles()).toEqual([names[0], ...late]);
    expect(ledger.snapshot().dropped).toEqual({ max_bytes: 4 });
    expect(spool.claim(names[1] ?? '')).toBe(false);
    expect(ledger.conservationError()).toBe(0);
  });

  it('answers full instead of dropping when it may not evict', async () => {
    const { spool, ledger } = await openSpool(folder.path, { maxFiles: 1 });
    await putAll(spool, [1000]);
    const batch = makeBatch({ rows: 2, slotMs: 2000 });
    expect(await spool.put(batch, { mayEvict: false })).toEqual({ kind: 'full', reason: 'max_bytes' });
    expect(ledger.snapshot().dropped).toEqual({});
    expect(await spool.put(batch, { mayEvict: true })).toMatchObject({ kind: 'spooled' });
    expect(ledger.snapshot().dropped).toEqual({ max_bytes: 2 });
  });

  it('drops what is past its age when tended, and nothing younger', async () => {
    const { spool, ledger } = await openSpool(folder.path, { maxAgeMs: 1000 });
    const names = await putAll(spool, [1000, 2000, 3000]);
    await spool.tend(3500);
    expect(await batchFiles()).toEqual([names[2]]);
    expect(ledger.snapshot().dropped).toEqual({ max_age: 4 });
  });

  it('applies bounds that were lowered between two runs', async () => {
    const { spool: first } = await openSpool(folder.path);
    await putAll(first, [1000, 2000, 3000]);
    const { spool, ledger } = await openSpool(folder.path, { maxFiles: 1 });
    await spool.tend(3500);
    expect(spool.stats()).toMatchObject({ files: 1, oldestMs: 3000 });
    expect(ledger.conservationError()).toBe(0);
  });

  it('takes a batch that is there already as a duplicate', async () => {
    const { spool, ledger } = await openSpool(folder.path);
    const batch = makeBatch({ rows: 5, slotMs: 1000 });
    ledger.schedule(10);
    await spool.put(batch, { mayEvict: true });
    expect(await spool.put(batch, { mayEvict: true })).toMatchObject({ kind: 'known' });
    expect(ledger.snapshot()).toMatchObject({ duplicate: 5, inSpool: 5 });
    expect(ledger.conservationError()).toBe(0);
  });

  it('makes its folder again when someone removed it', async () => {
    const { spool } = await openSpool(folder.path);
    await rm(folder.path, { recursive: true });
    await putAll(spool, [1000]);
    expect(await batchFiles()).toHaveLength(1);
  });

  it('holds few names in memory and still gives every batch once, oldest first', async () => {
    const names = await fillFolder(folder.path, 300);
    const { spool } = await openSpool(folder.path, { windowFiles: 64 });
    const late = formatBatchName({ timeMs: 1, rows: 1, bytes: 1, batchId: randomUUID() });
    expect(spool.claim(late)).toBe(false);
    const given: string[] = [];
    while (spool.stats().files > 0) {
      const name = spool.claimOldest();
      if (name === null) {
        expect(spool.needsRefill).toBe(true);
        await spool.refill();
        continue;
      }
      given.push(name);
      await spool.remove(name);
    }
    expect(given).toEqual(names);
    expect(await batchFiles()).toEqual([]);
  });

  it('takes in what is put and removed while it lists its folder', async () => {
    const { spool } = await openSpool(folder.path, { windowFiles: 64 });
    const names = (
      await putAll(
        spool,
        Array.from({ length: 200 }, (_, index) => 1000 + index),
        1,
      )
    ).sort();
    const listing = spool.refill();
    const taken = spool.claimOldest();
    const [late] = await Promise.all([putAll(spool, [5000, 1], 1), spool.remove(taken ?? ''), listing]);
    const given: string[] = [];
    for (let name = spool.claimOldest(); spool.stats().files > 0; name = spool.claimOldest()) {
      if (name === null) await spool.refill();
      else {
        given.push(name);
        await spool.remove(name);
      }
    }
    expect(given).toEqual([...names, ...late].filter((name) => name !== taken).sort());
    expect(spool.stats()).toMatchObject({ files: 0, rows: 0, bytes: 0 });
  });

  it('bounds the quarantine in files and bytes, keeping the newest', async () => {
    const { spool, ledger } = await openSpool(folder.path, { quarantineMaxFiles: 2 });
    const names = await putAll(spool, [1000, 2000, 3000]);
    for (const name of names) {
      expect(spool.claim(name)).toBe(true);
      await spool.quarantine(name, 'http_400');
    }
    expect((await inQuarantine()).map((name) => name.slice(0, 13))).toEqual([
      '0000000002000',
      '0000000003000',
    ]);
    expect(ledger.snapshot()).toMatchObject({ quarantined: 6, inSpool: 0 });
  });
});

describe('replacing a batch by its parts', () => {
  const parent = makeBatch({ rows: 4, slotMs: 1000 });
  const parts = [0, 1].map((part) => ({
    batchId: derivedBatchId(parent.batchId, part),
    rows: 2,
    slotMs: 1000,
    gz: gzipSync(JSON.stringify([part, part])),
  }));

  it('leaves the parts alone in the spool', async () => {
    const { spool, ledger } = await openSpool(folder.path);
    ledger.schedule(4);
    await spool.put(parent, { mayEvict: false });
    const name = spool.claimOldest() ?? '';
    expect(await spool.replace(name, parts)).toBe(true);
    expect(spool.stats()).toMatchObject({ files: 2, rows: 4 });
    expect(ledger.conservationError()).toBe(0);
    const [first = ''] = await batchFiles();
    expect(JSON.parse(gunzipSync(await readFile(join(folder.path, first))).toString())).toHaveLength(2);
  });

  it('counts each row once when a crash left the batch and its parts', async () => {
    const { spool: before } = await openSpool(folder.path);
    for (const batch of [parent, ...parts]) await before.put(batch, { mayEvict: false });
    const { spool, ledger } = await openSpool(folder.path);
    expect(ledger.snapshot().spooledAtStart).toBe(8);
    const name = formatBatchName({ ...parent, timeMs: 1000, bytes: parent.gz.byteLength });
    expect(spool.claim(name)).toBe(true);
    expect(await spool.replace(name, parts)).toBe(true);
    expect(spool.stats()).toMatchObject({ files: 2, rows: 4 });
    expect(ledger.snapshot().duplicate).toBe(4);
    expect(ledger.conservationError()).toBe(0);
  });

  it('keeps the batch when there is no room for the parts', async () => {
    const { spool, ledger } = await openSpool(folder.path, { maxFiles: 2 });
    ledger.schedule(4);
    await spool.put(parent, { mayEvict: false });
    const name = spool.claimOldest() ?? '';
    expect(await spool.replace(name, parts)).toBe(false);
    expect(await batchFiles()).toEqual([name]);
    expect(spool.stats()).toMatchObject({ files: 1, rows: 4 });
    expect(ledger.conservationError()).toBe(0);
  });
});

describe('reading a batch', () => {
  const cases: readonly [string, (path: string, gz: Uint8Array) => Promise<void>, object][] = [
    ['whole', (path, gz) => writeFile(path, gz), { kind: 'ok' }],
    ['empty', (path) => writeFile(path, ''), { kind: 'bad', reason: 'truncated' }],
    ['cut', (path, gz) => writeFile(path, gz.subarray(0, 40)), { kind: 'bad', reason: 'truncated' }],
    ['too long', (path, gz) => writeFile(path, [gz, Buffer.from('x')]), { kind: 'bad', reason: 'corrupt' }],
    [
      'noise',
      (path, gz) => writeFile(path, Buffer.alloc(gz.byteLength, 7)),
      { kind: 'bad', reason: 'corrupt' },
    ],
    ['a folder', (path) => mkdir(path).then(() => undefined), { kind: 'bad', reason: 'unreadable' }],
    ['not there', async () => undefined, { kind: 'gone' }],
  ];
  it.each(cases)('finds out when the file is %s', async (_what, make, expected) => {
    const batch = makeBatch({ rows: 2, slotMs: 1000 });
    const name = formatBatchName({ ...batch, timeMs: 1000, bytes: batch.gz.byteLength });
    await make(join(folder.path, name), batch.gz);
    const { spool } = await openSpool(folder.path);
    expect(await spool.read(name)).toMatchObject(expected);
  });

  it('does not inflate more than its bound', async () => {
    const { spool } = await openSpool(folder.path, { maxInflatedBytes: 1024 * 1024 });
    const gz = gzipSync(Buffer.alloc(32 * 1024 * 1024));
    await spool.put({ batchId: randomUUID(), rows: 1, slotMs: 1, gz }, { mayEvict: false });
    expect(await spool.read(spool.claimOldest() ?? '')).toEqual({ kind: 'bad', reason: 'oversized' });
  });
});
