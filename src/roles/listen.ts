import { readFileSync } from 'node:fs';
import type { ServerOptions } from '../api/server.js';
import type { Config } from '../config/schema.js';
import { AppError } from '../domain/errors.js';

/**
 * How the api listens. Throws `CONFIG_INVALID` beyond this machine without TLS, unless `api.insecure_http` says that
 * this is meant, and for files that cannot be read.
 */
export function listenOptionsOf({ api, tls }: Config): Pick<ServerOptions, 'host' | 'port' | 'tls'> {
  const { host, port } = api;
  if ((tls.cert === undefined) !== (tls.key === undefined))
    throw new AppError('CONFIG_INVALID', 'tls.cert, tls.key: set both or neither');
  if (tls.cert !== undefined && tls.key !== undefined)
    return { host, port, tls: { cert: read('tls.cert', tls.cert), key: read('tls.key', tls.key) } };
  if (!isLoopback(host) && !api.insecure_http)
    throw new AppError(
      'CONFIG_INVALID',
      `api.host: ${host} is beyond this machine, and passwords and keys would travel in clear: set tls.cert and tls.key; or api.insecure_http: true where a proxy in front ends TLS`,
    );
  return { host, port };
}

/** The loopback networks, by address or name. */
export const isLoopback = (host: string): boolean => /^(localhost|127(\.\d{1,3}){3}|::1)$/i.test(host);

function read(name: string, file: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch (error) {
    throw new AppError('CONFIG_INVALID', `${name}: cannot read ${file}: ${(error as Error).message}`, {
      cause: error,
    });
  }
}
