import { mkdir, readdir, rename, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import type { Logger } from '../telemetry/logger.js';
import { writeDurably } from './spool-file.js';

export interface QuarantineOptions {
  readonly dir: string;
  readonly maxFiles: number;
  readonly maxBytes: number;
  readonly log: Logger;
}

/** Where files end that can never be delivered, for a human to look at. The oldest make way. */
export class Quarantine {
  readonly #options: QuarantineOptions;
  #pruning: Promise<void> = Promise.resolve();

  constructor(options: QuarantineOptions) {
    this.#options = options;
  }

  /** Moves a file (or whatever has its name) here; false when it cannot be moved now. */
  async take(path: string, name: string): Promise<boolean> {
    try {
      await mkdir(this.#options.dir, { recursive: true });
      await rename(path, join(this.#options.dir, name));
    } catch (err) {
      this.#options.log.warn({ err, name }, 'cannot move into quarantine');
      return false;
    }
    await this.#prune();
    return true;
  }

  /** Writes a file here; on a full disk it is lost, which is logged. */
  async write(name: string, bytes: Uint8Array): Promise<void> {
    try {
      await writeDurably(join(this.#options.dir, name), bytes);
    } catch (err) {
      this.#options.log.warn({ err, name }, 'cannot write into quarantine');
    }
    await this.#prune();
  }

  /** One at a time; names begin with the time, so the first are the oldest. */
  #prune(): Promise<void> {
    this.#pruning = this.#pruning
      .then(() => this.#removeOldest())
      .catch((err: unknown) => this.#options.log.warn({ err }, 'cannot prune quarantine'));
    return this.#pruning;
  }

  async #removeOldest(): Promise<void> {
    const { dir, maxFiles, maxBytes } = this.#options;
    const names = (await readdir(dir)).sort().reverse();
    let files = 0;
    let bytes = 0;
    for (const name of names) {
      const path = join(dir, name);
      files++;
      bytes += await stat(path).then(
        ({ size }) => size,
        () => 0,
      );
      if (files > maxFiles || bytes > maxBytes) await rm(path, { recursive: true, force: true });
    }
  }
}
