/** A 32-bit hash of a seed and a text, well mixed: the root of everything a miner is. */
export function hashText(seed: number, text: string): number {
  let hash = (0x811c9dc5 ^ seed) >>> 0;
  for (let i = 0; i < text.length; i++) hash = Math.imul(hash ^ text.charCodeAt(i), 0x01000193);
  return mix(hash, 0);
}

/** A 32-bit hash of two 32-bit numbers. */
export function mix(a: number, b: number): number {
  let hash = Math.imul(a ^ Math.imul(b + 0x9e3779b9, 0x85ebca6b), 0xcc9e2d51);
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b);
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35);
  return (hash ^ (hash >>> 16)) >>> 0;
}

/** Draw number `index` of a key, in [0, 1). */
export function unit(key: number, index: number): number {
  return mix(key, index) / 0x1_0000_0000;
}

/** Smooth noise in [-1, 1] that wanders over `periodS` seconds; a pure function of its arguments. */
export function noise(key: number, timeS: number, periodS: number): number {
  const position = timeS / periodS;
  const step = Math.floor(position);
  const fraction = position - step;
  const from = unit(key, step | 0);
  const to = unit(key, (step + 1) | 0);
  const eased = fraction * fraction * (3 - 2 * fraction);
  return (from + (to - from) * eased) * 2 - 1;
}
