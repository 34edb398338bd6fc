import { statfs } from 'node:fs/promises';
import postgres from 'postgres';
import { progress } from '../report.js';
import type { Size } from './sizes.js';

/** Bytes on disk of a sample and of an hour of a miner, keys and overhead included: somewhat more than measured. */
const sampleBytes = 320;
const hourBytes = 200;
/** Log of writes, what is written twice, and room for others. */
const spare = 1.3;

/** What a database of a size takes, bytes. */
export function neededBytes({ miners, hours, intervalS, rollupDays }: Size): number {
  const samples = miners * Math.floor((hours * 3_600) / intervalS);
  return Math.round(spare * (samples * sampleBytes + miners * rollupDays * 24 * hourBytes));
}

/** Throws when the server's disk has no room for a size. A server of elsewhere shows no disk: then it is only told. */
export async function expectRoom(url: string, size: Size): Promise<void> {
  const needed = neededBytes(size);
  const sql = postgres(url, { max: 1, onnotice: () => undefined });
  try {
    const [row] = await sql<{ dir: string }[]>`select current_setting('data_directory') as dir`;
    const { bavail, bsize } = await statfs(row?.dir ?? '');
    if (bavail * bsize >= needed) return;
    throw new NoRoom(`needs ${gb(needed)} at ${row?.dir}, where ${gb(bavail * bsize)} are free`);
  } catch (error) {
    if (error instanceof NoRoom) throw error;
    progress(`needs ${gb(needed)}; how much room the server has cannot be seen from here`);
  } finally {
    await sql.end({ timeout: 5 });
  }
}

class NoRoom extends Error {}

const gb = (bytes: number): string => `${(bytes / 1e9).toFixed(1)} GB`;
