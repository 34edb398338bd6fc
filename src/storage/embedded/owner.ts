import { readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { processToken } from './processes.js';

/** Records this process as the owner of the server in `dataDir`. */
export async function claim(dataDir: string): Promise<void> {
  const owner: Owner = { pid: process.pid, token: await processToken(process.pid) };
  await writeFile(ownerFile(dataDir), JSON.stringify(owner));
}

interface Owner {
  readonly pid: number;
  /** Of `processToken`: an id used again is another process. */
  readonly token: string | null;
}

const ownerFile = (dataDir: string): string => path.join(dataDir, 'owner.json');

/** Whether the process that started the server in `dataDir` still runs; an unreadable record says no. */
export async function hasLiveOwner(dataDir: string): Promise<boolean> {
  const text = await readFile(ownerFile(dataDir), 'utf8').catch(() => '');
  try {
    const owner = JSON.parse(text) as Owner;
    return owner.token !== null && (await processToken(owner.pid)) === owner.token;
  } catch {
    return false;
  }
}
