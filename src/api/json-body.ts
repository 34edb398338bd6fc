import type { Request } from 'express';
import type { z } from 'zod';
import { AppError } from '../domain/errors.js';
import { parseUploadJson } from '../domain/upload-json.js';
import type { Lease } from './byte-budget.js';
import { readBody } from './body.js';

/** Largest body of a request that changes settings, bytes. */
const maxBytes = 64 * 1024;
const timeoutMs = 10_000;

/** A small body is no matter for the budget of uploads. */
const ownLease: Lease = {
  bytes: maxBytes,
  tryResize: () => true,
  settle: () => undefined,
  release: () => undefined,
};

/** Bodies that were read: the guard of sites looks before the handler does. */
const bodies = new WeakMap<Request, Promise<unknown>>();

/** The JSON body of a request, as it came. Throws `BODY_TOO_LARGE`, `BODY_TIMEOUT` or `JSON_INVALID`. */
export function readRawJson(request: Request, most = maxBytes): Promise<unknown> {
  const known = bodies.get(request);
  if (known !== undefined) return known;
  const body = readBody(request, ownLease, { maxBytes: most, timeoutMs }).then(parse);
  bodies.set(request, body);
  return body;
}

/**
 * The JSON body of a request, checked. Throws `BODY_TOO_LARGE`, `BODY_TIMEOUT`, `JSON_INVALID` or
 * `REQUEST_INVALID` naming the first field that is wrong.
 */
export async function readJsonBody<T>(request: Request, schema: z.ZodType<T>, most = maxBytes): Promise<T> {
  const result = schema.safeParse(await readRawJson(request, most));
  if (result.success) return result.data;
  const issue = result.error.issues[0];
  throw new AppError(
    'REQUEST_INVALID',
    `Invalid ${issue?.path.join('.') || 'body'}: ${issue?.message ?? 'unreadable'}`,
  );
}

/** An empty body is an empty object. */
function parse(body: Uint8Array): unknown {
  const text = new TextDecoder().decode(body).trim();
  if (text === '') return {};
  // What collectors report of commands may hold bare NaN, as their uploads do.
  const read = parseUploadJson(text);
  if (read.kind === 'invalid') throw new AppError('JSON_INVALID', 'Invalid JSON');
  return read.value;
}
