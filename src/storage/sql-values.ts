/** A statement with values of our own making (numbers, times, names) in the place of `$1`, `$2`, … */
export function withValues(text: string, values: readonly (string | number)[]): string {
  return text.replace(/\$(\d+)/g, (_all, place: string) => {
    const value = values[Number(place) - 1];
    if (value === undefined) throw new Error(`no value for $${place}`);
    return typeof value === 'number' ? String(value) : `'${value.replaceAll("'", "''")}'`;
  });
}
