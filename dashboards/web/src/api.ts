import { useEffect, useRef, useState } from 'preact/hooks';
import type { LiveMiner } from '../../../src/domain/ingest.js';
import { noteSignedOut } from './session.js';

/** One site of the list. */
export interface Site {
  readonly site_id: number;
  readonly site_name: string;
}

/** The miners that need a look first. */
export interface TopMiners {
  readonly hottest: readonly LiveMiner[];
  readonly worst: readonly LiveMiner[];
}

const DEADLINE_MS = 10_000;

let skewMs = 0;

/** The server's clock, by the `Date` of its last answer; ages are counted on it, ms since the epoch. */
export const serverNow = (): number => Date.now() + skewMs;

/** What the api wants of a request beside its path. */
interface AskOptions {
  readonly signal?: AbortSignal;
  /** Sent as JSON. */
  readonly body?: object;
}

/** Asks the api for an answer that is no error. Throws with a sentence that can be shown. */
export async function ask<T>(
  method: 'GET' | 'POST' | 'DELETE',
  path: string,
  { signal, body }: AskOptions = {},
): Promise<T> {
  const deadline = AbortSignal.timeout(DEADLINE_MS);
  let response: Response;
  try {
    response = await fetch(`/api/collector${path}`, {
      method,
      headers: {
        accept: 'application/json',
        ...(method !== 'GET' && { 'content-type': 'application/json' }),
      },
      signal: signal === undefined ? deadline : AbortSignal.any([signal, deadline]),
      ...(body && { body: JSON.stringify(body) }),
    });
  } catch (cause) {
    if (signal?.aborted === true) throw cause;
    const isLate = cause instanceof DOMException && cause.name === 'TimeoutError';
    const message = isLate
      ? `The api did not answer within ${DEADLINE_MS / 1000} s.`
      : 'The api cannot be reached.';
    throw new Error(message, { cause });
  }
  if (response.status === 401) noteSignedOut();
  const date = Date.parse(response.headers.get('date') ?? '');
  // The header has whole seconds; less than two of difference is no skew.
  if (!Number.isNaN(date)) skewMs = Math.abs(date - Date.now()) < 2000 ? 0 : date - Date.now();
  const answer = (await response.json().catch(() => null)) as {
    success?: boolean;
    error?: string;
    code?: string;
  } | null;
  if (response.ok && answer?.success === true) return answer as T;
  const code = answer?.code ?? `HTTP ${response.status}`;
  throw new Error(`${answer?.error ?? 'The api answered with an error.'} (${code})`);
}

/** Gets the `data` of an answer, or all of one that has none. Throws with a sentence that can be shown. */
export async function get<T>(path: string, signal: AbortSignal): Promise<T> {
  const answer = await ask<T & { readonly data?: T }>('GET', path, { signal });
  return answer.data ?? answer;
}

/** What is known of a resource: the last good answer stays while newer ones fail. */
export interface Resource<T> {
  readonly data: T | null;
  readonly error: string | null;
  /** True while the answer to a changed address is under way. */
  readonly isLoading: boolean;
}

/**
 * Gets `path` when it changes (giving up the request before it) and again on every `tick` that
 * comes more than `everyMs` after the last request, while none is under way and the page is seen.
 */
export function useResource<T>(path: string | null, tick: number, everyMs = 1900): Resource<T> {
  const [state, setState] = useState<Resource<T> & { path: string | null }>({
    data: null,
    error: null,
    isLoading: true,
    path: null,
  });
  const running = useRef<{ path: string; startedAt: number; abort: AbortController | null } | null>(null);

  useEffect(() => {
    if (path === null) return;
    const last = running.current;
    if (last?.path === path) {
      if (last.abort !== null || document.hidden || performance.now() - last.startedAt < everyMs) return;
    } else last?.abort?.abort();
    const abort = new AbortController();
    const own = { path, startedAt: performance.now(), abort: abort as AbortController | null };
    running.current = own;
    get<T>(path, abort.signal)
      .then((data) => {
        if (!abort.signal.aborted) setState({ data, error: null, isLoading: false, path });
      })
      .catch((error: Error) => {
        if (abort.signal.aborted) return;
        setState((old) => ({ data: old.data, error: error.message, isLoading: false, path }));
      })
      .finally(() => {
        own.abort = null;
      });
  }, [path, tick, everyMs]);

  useEffect(() => () => running.current?.abort?.abort(), []);
  const isLoading = state.path !== path;
  return { data: state.data, error: isLoading ? null : state.error, isLoading };
}
