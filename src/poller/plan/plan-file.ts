import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import type { VersionedPlan } from '../../domain/site-plan.js';
import { parseJson } from '../api-answer.js';
import { errnoOf, writeDurably } from '../spool-file.js';
import { planSchema } from './plan-text.js';

const fileSchema = z.object({ site: z.string(), sha256: z.string(), plan: planSchema });

/** What the disk holds of a plan. */
export type KeptPlan =
  | { readonly kind: 'plan'; readonly plan: VersionedPlan }
  | { readonly kind: 'none' }
  | { readonly kind: 'damaged'; readonly detail: string };

/** The last plan of a site, `data_dir/plan/<site>.json`: what is polled when a start finds no api. */
export class PlanFile {
  readonly path: string;
  readonly #site: string;

  constructor(dataDir: string, site: string) {
    this.path = join(dataDir, 'plan', `${site}.json`);
    this.#site = site;
  }

  /** Never throws. */
  async read(): Promise<KeptPlan> {
    let text: string;
    try {
      text = await readFile(this.path, 'utf8');
    } catch (error) {
      const errno = errnoOf(error);
      return errno === 'ENOENT' ? { kind: 'none' } : { kind: 'damaged', detail: errno };
    }
    const read = fileSchema.safeParse(parseJson(text));
    if (!read.success) return { kind: 'damaged', detail: 'no plan can be read from it' };
    const { site, sha256, plan } = read.data;
    if (site !== this.#site) return { kind: 'damaged', detail: `it is of site "${site}"` };
    if (sha256 !== hashOf(plan)) return { kind: 'damaged', detail: 'its checksum is wrong' };
    return { kind: 'plan', plan };
  }

  /** The whole file or the one before, whatever dies meanwhile. Rejects with the system's error. */
  async write(plan: VersionedPlan): Promise<void> {
    const content = { site: this.#site, sha256: hashOf(plan), plan };
    await writeDurably(this.path, Buffer.from(`${JSON.stringify(content, null, 2)}\n`));
  }
}

function hashOf({ version, ranges, zone, interval_s, port, http_port }: VersionedPlan): string {
  const content = JSON.stringify([version, ranges, zone, interval_s, port, http_port]);
  return createHash('sha256').update(content).digest('hex');
}
