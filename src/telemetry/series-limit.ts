import { maxSites, type MetricSpec } from './metric-table.js';

export type Labels = Readonly<Record<string, string>>;

/** Stands for the values of a label that have no room of their own. */
export const otherValue = 'other';

/**
 * Keeps one metric's series within its bound, whatever values its labels get: sites past the first `maxSites` are
 * told apart no more, and past `maxSeries` sets of labels every further set is one.
 */
export class SeriesLimit {
  readonly #labels: readonly string[];
  readonly #maxSeries: number;
  readonly #sites = new Set<string>();
  readonly #sets = new Set<string>();

  constructor({ labels, maxSeries }: Pick<MetricSpec, 'labels' | 'maxSeries'>) {
    this.#labels = labels;
    this.#maxSeries = maxSeries;
  }

  /** The labels to count under. */
  fit(wanted: Labels): Labels {
    if (this.#labels.length === 0) return wanted;
    const labels = this.#fitSite(wanted);
    const set = this.#labels.map((label) => labels[label] ?? '').join('\n');
    if (this.#sets.has(set)) return labels;
    if (this.#sets.size >= this.#maxSeries)
      return Object.fromEntries(this.#labels.map((label) => [label, otherValue]));
    this.#sets.add(set);
    return labels;
  }

  /** All series are gone. */
  clear(): void {
    this.#sites.clear();
    this.#sets.clear();
  }

  #fitSite(labels: Labels): Labels {
    const { site } = labels;
    if (site === undefined || this.#sites.has(site)) return labels;
    if (this.#sites.size >= maxSites) return { ...labels, site: otherValue };
    this.#sites.add(site);
    return labels;
  }
}
