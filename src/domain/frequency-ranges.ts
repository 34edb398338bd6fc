/** MHz that models can be set to, wide enough for what firmwares allow; the first that matches. */
const ranges: readonly { readonly model: RegExp; readonly least: number; readonly most: number }[] = [
  { model: /\bS9\b|\bS9[a-z]+\b|\bT9/i, least: 100, most: 1_000 },
  { model: /\bL3|\bD3\b|\bA3\b/i, least: 100, most: 800 },
  { model: /\b[ST]1[57]/i, least: 100, most: 1_000 },
  { model: /\b[ST]19|\b[ST]21/i, least: 50, most: 1_000 },
  { model: /whatsminer|\bM[2-7]\d/i, least: 200, most: 1_200 },
  { model: /avalon/i, least: 25, most: 1_000 },
  { model: /bitaxe|\bBM13\d\d/i, least: 50, most: 1_300 },
];

/** Why a model cannot be set to a frequency, in words; null when it can, or is not known. */
export function refuseFrequency(model: string | null, frequencyMhz: number): string | null {
  const range = model === null ? undefined : ranges.find((candidate) => candidate.model.test(model));
  if (range === undefined || (frequencyMhz >= range.least && frequencyMhz <= range.most)) return null;
  return `${frequencyMhz} MHz is not within the ${range.least} to ${range.most} MHz of ${model ?? ''}`;
}
