import { readFileSync } from 'node:fs';
import type { Config } from '../config/schema.js';
import { AppError } from '../domain/errors.js';
import type { RedisTarget } from '../domain/redis-target.js';

/** The certificates in a file, PEM; null without one. @throws AppError CONFIG_INVALID naming the setting. */
export function readCertificates(setting: string, file: string | undefined): string | null {
  if (file === undefined) return null;
  try {
    return readFileSync(file, 'utf8');
  } catch (cause) {
    throw new AppError('CONFIG_INVALID', `${setting}: cannot read ${file}`, { cause });
  }
}

/** The configured Redis; null when there is none. @throws AppError CONFIG_INVALID for a certificate that cannot be read. */
export function redisTargetOf({ redis }: Config): RedisTarget | null {
  if (redis.url === undefined) return null;
  return { url: redis.url, ca: readCertificates('redis.ca_file', redis.ca_file) };
}
