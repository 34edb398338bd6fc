import type { Config } from '../config/schema.js';
import { describeQuirk, type QuirkReport } from '../domain/quirks.js';
import { refuseMissing, siteIdsOf, withStore } from './data.js';

/** `headframe quirks`: damage that replies show, one sentence each, or as one JSON list. */
export async function listQuirks(
  config: Config,
  options: { readonly site: string | null; readonly isJson: boolean },
  print: (line: string) => void,
): Promise<number> {
  refuseMissing(config);
  return withStore(config, async ({ sites, quirks }) => {
    const now = new Date();
    const all = await sites.sites();
    const list = await quirks.list(siteIdsOf(all, options.site), now);
    if (options.isJson) print(JSON.stringify(list));
    else if (list.length === 0) print('no damaged replies');
    else for (const quirk of list) print(line(quirk, now, options.site === null && all.length > 1));
    return 0;
  });
}

function line(quirk: QuirkReport, now: Date, namesSite: boolean): string {
  return `${quirk.fingerprint}  ${namesSite ? `${quirk.site}: ` : ''}${describeQuirk(quirk, now)}`;
}
