import { AppError } from '../domain/errors.js';

/** A discovery document or a set of keys has a few KiB. */
const maxAnswerBytes = 1024 ** 2;

/**
 * `fetch` with bounds on time and size. Throws `PROVIDER_UNAVAILABLE` where there is no answer, too long a one,
 * or a fault of the server.
 */
export function createBoundedFetch(deadlineMs: number) {
  return async function boundedFetch(url: string, init: RequestInit): Promise<Response> {
    try {
      const answer = await fetch(url, { ...init, signal: AbortSignal.timeout(deadlineMs) });
      const body = await readBounded(answer);
      if (answer.status >= 500) throw new Error(`HTTP ${answer.status}`);
      const { status, statusText, headers } = answer;
      return new Response(body.length === 0 ? null : body, { status, statusText, headers });
    } catch (cause) {
      throw providerAway(cause);
    }
  };
}

export function providerAway(cause: unknown): AppError {
  return new AppError('PROVIDER_UNAVAILABLE', 'The OpenID Connect provider does not answer as it should', {
    cause,
  });
}

async function readBounded(answer: Response): Promise<Uint8Array<ArrayBuffer>> {
  const parts: Uint8Array[] = [];
  let length = 0;
  // Leaving the loop early cancels the rest.
  for await (const part of (answer.body ?? []) as AsyncIterable<Uint8Array>) {
    length += part.length;
    if (length > maxAnswerBytes) throw new Error(`an answer of more than ${maxAnswerBytes} bytes`);
    parts.push(part);
  }
  return new Uint8Array(Buffer.concat(parts));
}
