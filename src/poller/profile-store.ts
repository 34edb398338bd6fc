import { mkdir, readFile, rename, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Logger } from '../telemetry/logger.js';

/** Where a shard's profiles are kept. */
export const profilesFile = (dir: string, shardId: string): string => join(dir, `${shardId}.json`);

/**
 * Keeps each shard's learned profiles on disk, one file per shard, without reading them. Losing one
 * costs a little re-learning, so nothing is synced and a failed write is only logged.
 */
export class ProfileStore {
  readonly #dir: string;
  readonly #saveEveryMs: number;
  readonly #log: Logger;
  readonly #saved = new Map<string, { at: number; text: string }>();

  constructor(options: { dir: string; saveEveryMs: number; log: Logger }) {
    this.#dir = options.dir;
    this.#saveEveryMs = options.saveEveryMs;
    this.#log = options.log;
  }

  /** The shard's blob, `''` when there is none. */
  async load(shardId: string): Promise<string> {
    try {
      return await readFile(this.#path(shardId), 'utf8');
    } catch {
      return '';
    }
  }

  /** Saves at most once per period and shard, and only what has changed. */
  async save(shardId: string, blob: string, now: number, isForced = false): Promise<void> {
    const last = this.#saved.get(shardId);
    if (last && (last.text === blob || (!isForced && now - last.at < this.#saveEveryMs))) return;
    this.#saved.set(shardId, { at: now, text: blob });
    try {
      await mkdir(this.#dir, { recursive: true });
      const temporary = `${this.#path(shardId)}.tmp`;
      await writeFile(temporary, blob);
      await rename(temporary, this.#path(shardId));
    } catch (err) {
      this.#log.warn({ err, shard: shardId }, 'profiles not saved');
    }
  }

  /** Forgets in memory what was saved of a shard; its file stays, for a range that comes back. */
  forget(shardId: string): void {
    this.#saved.delete(shardId);
  }

  #path(shardId: string): string {
    return profilesFile(this.#dir, shardId);
  }
}
