import type { Redis } from 'ioredis';
import { promisify } from 'node:util';
import { constants, gunzip, gzip } from 'node:zlib';
import { profilesKeyOf } from './keys.js';

export interface SharedProfilesOptions {
  /** Written at most so often per shard, and looked for as often, ms. */
  readonly everyMs: number;
  /** A shard that nobody polls is forgotten after this time, ms. */
  readonly ttlMs: number;
  /** Largest text kept of one shard, bytes compressed. */
  readonly maxBytes: number;
  /** Nothing is written while Redis uses more than this share of its `maxmemory`. */
  readonly memoryRatio: number;
  /** Told of every exchange. */
  readonly onExchange: (outcome: ProfileExchange, error?: unknown) => void;
}

/** Bounded: it is a metric label. `no_room`: left out, so that jobs find memory. */
export type ProfileExchange = 'read' | 'written' | 'older' | 'too_large' | 'no_room' | 'failed';

/** A shard's profiles as one text, and the slot they were learned in. */
export interface ProfilesAt {
  readonly slot: number;
  readonly text: string;
}

/** What pollers tell each other of a shard's miners. Neither call ever throws: learning anew is the way out. */
export interface SharedProfiles {
  readonly everyMs: number;
  /** What another poller wrote, when it is of a later slot than `afterSlot`. */
  read(shardId: string, afterSlot: number): Promise<ProfilesAt | null>;
  /** Keeps it unless there is something newer. */
  write(shardId: string, profiles: ProfilesAt): Promise<void>;
}

const maxTextBytes = 64 * 1024 * 1024;
/** Redis is asked how full it is at most so often, ms. */
const memoryAgeMs = 10_000;
const deflate = promisify(gzip);
const inflate = promisify(gunzip);

const writeScript = `
local slot = redis.call('hget', KEYS[1], 'slot')
if slot and tonumber(slot) >= tonumber(ARGV[1]) then return 0 end
redis.call('hset', KEYS[1], 'slot', ARGV[1], 'gz', ARGV[2])
redis.call('pexpire', KEYS[1], ARGV[3])
return 1`;

/** Profiles in Redis: one hash per shard, compressed. */
export class RedisProfiles implements SharedProfiles {
  readonly #redis: Redis;
  readonly #options: SharedProfilesOptions;
  #hasRoom = true;
  #lookedAt = -Infinity;

  constructor(redis: Redis, options: SharedProfilesOptions) {
    this.#redis = redis;
    this.#options = options;
  }

  get everyMs(): number {
    return this.#options.everyMs;
  }

  async read(shardId: string, afterSlot: number): Promise<ProfilesAt | null> {
    const { onExchange } = this.#options;
    try {
      const [slot, gz] = await this.#redis.hmgetBuffer(profilesKeyOf(shardId), 'slot', 'gz');
      if (!slot || !gz || Number(slot) <= afterSlot) return null;
      const text = (await inflate(gz, { maxOutputLength: maxTextBytes })).toString('utf8');
      onExchange('read');
      return { slot: Number(slot), text };
    } catch (error) {
      onExchange('failed', error);
      return null;
    }
  }

  async write(shardId: string, { slot, text }: ProfilesAt): Promise<void> {
    const { maxBytes, ttlMs, onExchange } = this.#options;
    try {
      const gz = await deflate(text, { level: constants.Z_BEST_SPEED });
      if (gz.length > maxBytes) return onExchange('too_large');
      if (!(await this.#isRoomy())) return onExchange('no_room');
      const key = profilesKeyOf(shardId);
      const isWritten = await this.#redis.eval(writeScript, 1, key, slot, gz, ttlMs);
      onExchange(isWritten === 1 ? 'written' : 'older');
    } catch (error) {
      onExchange('failed', error);
    }
  }

  /** Jobs come first: what Redis has left is theirs. */
  async #isRoomy(): Promise<boolean> {
    if (performance.now() - this.#lookedAt < memoryAgeMs) return this.#hasRoom;
    this.#lookedAt = performance.now();
    const memory = await this.#redis.info('memory');
    const read = (field: string): number =>
      Number(new RegExp(`^${field}:(\\d+)`, 'm').exec(memory)?.[1] ?? 0);
    const limit = read('maxmemory');
    this.#hasRoom = limit === 0 || read('used_memory') <= limit * this.#options.memoryRatio;
    return this.#hasRoom;
  }
}
