import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { HeatmapRepo } from '../../src/storage/heatmap.repo.js';
import { headframe, makeOpenFolder } from '../support/cli.js';
import { ingestBatch, ingestRow } from '../support/ingest-rows.js';
import { createTestStorage, type TestStorage } from '../support/storage.js';

let storage: TestStorage;
let folder: Awaited<ReturnType<typeof makeOpenFolder>>;
beforeAll(async () => {
  storage = await createTestStorage('plain');
  folder = await makeOpenFolder();
  const row = ingestRow('10.1.0.1', new Date().toISOString(), { ip: '10.1.0.1' });
  await storage.store.writeBatch(ingestBatch([row], storage.key));
});
afterAll(async () => {
  await folder.remove();
  await storage.close();
});

const racks = async (site: string, text: string) => {
  const file = join(folder.path, 'racks.csv');
  await writeFile(file, text);
  const env = { DATABASE_URL: storage.url };
  return headframe(['racks', site, 'racks.csv'], { cwd: folder.path, env });
};
const names = async (): Promise<string[]> =>
  (await new HeatmapRepo(storage.db).groups(storage.key.siteId, 'rack')).map(({ name }) => name);

it('takes a rack map whole, and changes nothing for one with faults', async () => {
  const taken = await racks('north', 'miner,rack,row,column\n10.1.0.1,A1,1,1\n10.1.0.2,A1,1,2\n');
  expect(taken).toMatchObject({
    code: 0,
    stdout: '2 places of site "north"; 1 are of miners it has now\n',
  });
  expect(await names()).toEqual(['A1']);
  const wrong = await racks('north', 'miner,rack,row,column\n10.1.0.1,B1,1,x\n');
  expect(wrong).toMatchObject({ code: 1, stdout: '' });
  expect(wrong.stderr).toContain('racks.csv: line 2: column is "x", not a whole number from 0 to 9999');
  const elsewhere = await racks('south', 'miner,rack,row,column\n10.1.0.1,B1,1,1\n');
  expect(elsewhere).toMatchObject({ code: 1, stderr: 'no site is named "south"\n' });
  expect(await names()).toEqual(['A1']);
});
