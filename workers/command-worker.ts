import { readFile, stat } from 'node:fs/promises';
import { keepNewest } from '../src/domain/keep-newest.js';
import type { CommandTask } from '../src/domain/command-task.js';
import { unpackProfiles, type Profile } from '../src/miner/profile.js';
import { executeOrder, type OrderResult } from './execute-order.js';

interface Read {
  readonly changedMs: number;
  readonly profiles: ReadonlyMap<string, Profile>;
}

/** Shards whose profiles are kept between commands. */
const maxShards = 64;
const shards = new Map<string, Read>();

/** What polling has learned of a miner; nothing when it has not, or the file cannot be read. */
async function profileOf(file: string, host: string): Promise<Profile> {
  try {
    const { mtimeMs } = await stat(file);
    let read = shards.get(file);
    if (read?.changedMs !== mtimeMs) {
      read = { changedMs: mtimeMs, profiles: unpackProfiles(await readFile(file, 'utf8')) };
      shards.delete(file);
      shards.set(file, read);
      keepNewest(shards, maxShards);
    }
    return read.profiles.get(host) ?? {};
  } catch {
    return {};
  }
}

/** Piscina's entry: does one order. A miner that has not answered lately is asked again what it is. */
export default async function run(task: CommandTask): Promise<OrderResult> {
  const profile = await profileOf(task.profilesFile, task.host);
  const isSure = profile.identifiedAt !== undefined && (profile.failures ?? 0) === 0;
  return executeOrder(
    task.order,
    {
      host: task.host,
      port: task.port,
      httpPort: task.httpPort,
      family: isSure ? (profile.family ?? null) : null,
      model: isSure ? (profile.identity?.model ?? null) : null,
      credentials: task.credentials,
    },
    { limits: task.limits, now: () => performance.now(), wallNow: Date.now },
  );
}
