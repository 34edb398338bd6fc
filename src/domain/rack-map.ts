import { parseCsv, type CsvRow } from './csv.js';

/** Where one miner stands. */
export interface RackPlace {
  /** Name, address or MAC of the miner, in small letters. */
  readonly miner: string;
  readonly rack: string;
  readonly row: number;
  readonly column: number;
}

const heads = ['miner', 'rack', 'row', 'column'] as const;
const maxPlaces = 200_000;
const maxFaults = 20;

/**
 * Reads a rack map: CSV with the columns miner (name, address or MAC), rack, row, column in any order.
 * Answers the places, or what is wrong with which line, at most 20 of them.
 */
export function readRackMap(text: string): { places: RackPlace[]; faults: string[] } {
  const [head, ...rows] = parseCsv(text);
  const names = head?.cells.map((cell) => cell.toLowerCase()) ?? [];
  const missing = heads.filter((name) => !names.includes(name));
  if (missing.length > 0) return { places: [], faults: [`line 1: no column ${missing.join(', ')}`] };
  if (rows.length > maxPlaces) return { places: [], faults: [`more than ${maxPlaces} miners`] };
  const places: RackPlace[] = [];
  const faults: string[] = [];
  const lineOf = new Map<string, number>();
  for (const row of rows) {
    const place = readPlace(row, names);
    if (typeof place === 'string') faults.push(`line ${row.line}: ${place}`);
    else {
      for (const key of [`miner ${place.miner}`, `place ${place.rack}/${place.row}/${place.column}`]) {
        const before = lineOf.get(key);
        if (before !== undefined) faults.push(`line ${row.line}: ${key} is on line ${before} too`);
        else lineOf.set(key, row.line);
      }
      places.push(place);
    }
    if (faults.length >= maxFaults) break;
  }
  return faults.length > 0 ? { places: [], faults: faults.slice(0, maxFaults) } : { places, faults };
}

function readPlace(row: CsvRow, names: readonly string[]): RackPlace | string {
  const cell = (name: (typeof heads)[number]): string => row.cells[names.indexOf(name)] ?? '';
  const miner = cell('miner').toLowerCase();
  const rack = cell('rack');
  if (miner === '' || miner.length > 128 || /\p{Cc}/u.test(miner))
    return 'miner is not a name, address or MAC';
  if (rack === '' || rack.length > 64 || /\p{Cc}/u.test(rack))
    return 'rack is not a name of 1 to 64 characters';
  const numbers = (['row', 'column'] as const).map((name) => ({ name, text: cell(name) }));
  const wrong = numbers.find(({ text }) => !/^\d{1,4}$/.test(text));
  if (wrong !== undefined) return `${wrong.name} is "${wrong.text}", not a whole number from 0 to 9999`;
  return { miner, rack, row: Number(cell('row')), column: Number(cell('column')) };
}
