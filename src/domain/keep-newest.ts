/** Lets go of what was put in first until at most `most` are left. `Map` and `Set` keep that order. */
export function keepNewest<K>(
  held: { readonly size: number; keys(): Iterable<K>; delete(key: K): boolean },
  most: number,
): void {
  for (const oldest of held.keys()) {
    if (held.size <= most) return;
    held.delete(oldest);
  }
}
