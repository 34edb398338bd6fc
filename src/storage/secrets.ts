import { createHash, randomBytes, scrypt, timingSafeEqual, type ScryptOptions } from 'node:crypto';
import { promisify } from 'node:util';
import { AppError } from '../domain/errors.js';

const derive = promisify(
  scrypt as (
    password: string,
    salt: Buffer,
    length: number,
    options: ScryptOptions,
    done: (error: Error | null, key: Buffer) => void,
  ) => void,
);

/** 32 MiB and about 0.2 s: OWASP's cheat sheet of password storage, 2025, counts it equal to N = 2^17, p = 1. */
const present = { logN: 15, r: 8, p: 3 } as const;
const keyBytes = 32;

/** The SHA-256 of a secret of 32 random bytes, all that is kept of it. */
export const hashSecret = (secret: string): Buffer => createHash('sha256').update(secret).digest();

/** 32 random bytes as 43 base64url characters. */
export const randomSecret = (): string => randomBytes(32).toString('base64url');

/** A password that is easy to type once: 100 bits. */
export function randomPassword(): string {
  // Without what looks alike; 32 letters are 5 bits each.
  const letters = 'abcdefghijkmnpqrstuvwxyz23456789';
  const text = [...randomBytes(20)].map((byte) => letters[byte & 31]).join('');
  return text.replace(/(.{5})(?=.)/g, '$1-');
}

/**
 * Hashes and checks passwords with scrypt on threads of libuv, `concurrency` at once. One over
 * `maxWaiting` is refused with `OVERLOADED`: each takes 32 MiB.
 */
export class PasswordHasher {
  readonly #concurrency: number;
  readonly #maxWaiting: number;
  readonly #waiting: (() => void)[] = [];
  #running = 0;

  constructor(options: { readonly concurrency?: number; readonly maxWaiting?: number } = {}) {
    this.#concurrency = options.concurrency ?? 2;
    this.#maxWaiting = options.maxWaiting ?? 16;
  }

  /** `scrypt$15$8$3$salt$key`, the last two base64url. */
  async hash(password: string): Promise<string> {
    const salt = randomBytes(16);
    const key = await this.#derive(password, salt, present);
    const { logN, r, p } = present;
    return ['scrypt', logN, r, p, salt.toString('base64url'), key.toString('base64url')].join('$');
  }

  /** False when they do not match, or there is no hash, after the same work. */
  async verify(password: string, hash: string | null): Promise<boolean> {
    const kept = hash === null ? null : readHash(hash);
    const key = await this.#derive(password, kept?.salt ?? Buffer.alloc(16), kept ?? present);
    return timingSafeEqual(key, kept?.key ?? Buffer.alloc(keyBytes)) && kept !== null;
  }

  async #derive(password: string, salt: Buffer, { logN, r, p }: Parameters): Promise<Buffer> {
    await this.#enter();
    try {
      const options = { N: 2 ** logN, r, p, maxmem: 256 * 2 ** logN * r };
      return await derive(password.normalize('NFKC'), salt, keyBytes, options);
    } finally {
      const next = this.#waiting.shift();
      if (next === undefined) this.#running--;
      else next();
    }
  }

  async #enter(): Promise<void> {
    if (this.#running < this.#concurrency) {
      this.#running++;
      return;
    }
    if (this.#waiting.length >= this.#maxWaiting)
      throw new AppError('OVERLOADED', 'Too many passwords are being checked', { retryAfterS: 5 });
    await new Promise<void>((resolve) => this.#waiting.push(resolve));
  }
}

interface Parameters {
  readonly logN: number;
  readonly r: number;
  readonly p: number;
}

function readHash(text: string): Parameters & { readonly salt: Buffer; readonly key: Buffer } {
  const [name, logN, r, p, salt = '', key = ''] = text.split('$');
  const kept = {
    logN: Number(logN),
    r: Number(r),
    p: Number(p),
    salt: Buffer.from(salt, 'base64url'),
    key: Buffer.from(key, 'base64url'),
  };
  if (name !== 'scrypt' || kept.key.length !== keyBytes) throw new Error('a password hash cannot be read');
  return kept;
}
