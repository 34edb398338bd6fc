import { readFile } from 'node:fs/promises';
import type { Config } from '../config/schema.js';
import { readRackMap } from '../domain/rack-map.js';
import { auditCommand } from './audit.js';
import { refuseMissing, withStore } from './data.js';

/** `headframe racks`: exit code 1, and nothing changed, when the file or the site is at fault. */
export async function readRacks(
  config: Config,
  options: { readonly site: string; readonly file: string },
  print: (line: string) => void,
): Promise<number> {
  refuseMissing(config);
  const { site, file } = options;
  const text = await readFile(file, 'utf8').catch((error: unknown) => error as Error);
  if (text instanceof Error) return fail(`${file}: ${text.message}`);
  const { places, faults } = readRackMap(text);
  if (faults.length > 0) return fail(...faults.map((fault) => `${file}: ${fault}`));
  return withStore(config, async (store) => {
    const found = (await store.sites.sites()).find(({ site_name }) => site_name === site);
    if (found === undefined) return fail(`no site is named "${site}"`);
    const known = await store.heatmap.replaceRacks(found.site_id, places);
    await auditCommand(store, {
      action: 'rack_map.replace',
      target: `site ${found.site_id}`,
      siteId: found.site_id,
      after: { places: places.length },
    });
    print(`${places.length} places of site "${site}"; ${known} are of miners it has now`);
    return 0;
  });
}

function fail(...lines: string[]): number {
  for (const line of lines) process.stderr.write(`${line}\n`);
  return 1;
}
