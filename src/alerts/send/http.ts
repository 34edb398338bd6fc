import { lookup } from 'node:dns';
import { Agent, request } from 'undici';
import { joinSignals } from '../../actor/join-signals.js';
import { parseRetryAfterMs } from '../../domain/retry-after.js';
import { faultText } from './fault.js';
import { isLinkLocal, refusedAddressCode, withoutLinkLocal } from './link-local.js';
import { refused, retryLater, type SendOutcome } from './outcome.js';

export interface HttpLimits {
  /** From the first byte sent to the last byte of the answer, ms. */
  readonly timeoutMs: number;
  /** Answer read at most, bytes; nothing of it is used. */
  readonly maxAnswerBytes: number;
}

/** An answer that asks to try again, beside the server's own faults. */
const retryStatuses: ReadonlySet<number> = new Set([408, 409, 425, 429]);

const addressRefused = refused('a link-local address is not told anything');

/** Posts JSON once, on a connection of its own, following no redirect, to no link-local address. Never throws. */
export async function postJson(
  url: string,
  body: string,
  headers: Readonly<Record<string, string>>,
  limits: HttpLimits,
  signal: AbortSignal,
): Promise<SendOutcome> {
  if (isLinkLocal(new URL(url).hostname)) return addressRefused;
  const agent = new Agent({
    // The signal below is the one deadline: two of one length race, and each says it in other words. A
    // connection that is still being made outlives its request, so it has an end of its own.
    connect: { timeout: 2 * limits.timeoutMs, lookup: withoutLinkLocal(lookup) },
    headersTimeout: 0,
    bodyTimeout: 0,
    maxResponseSize: limits.maxAnswerBytes,
  });
  const deadline = joinSignals([signal], limits.timeoutMs);
  try {
    const answer = await request(url, {
      method: 'POST',
      body,
      headers: { 'content-type': 'application/json', 'user-agent': 'headframe', ...headers },
      dispatcher: agent,
      signal: deadline.signal,
    });
    // The status decides; the rest is read so far as it is short, and its faults change nothing.
    await answer.body.dump({ limit: limits.maxAnswerBytes }).catch(() => undefined);
    const retryAfter = answer.headers['retry-after'];
    return judge(answer.statusCode, Array.isArray(retryAfter) ? retryAfter[0] : retryAfter);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === refusedAddressCode) return addressRefused;
    return retryLater(faultText(error));
  } finally {
    deadline.end();
    void agent.destroy().catch(() => undefined);
  }
}

function judge(status: number, retryAfter: string | undefined): SendOutcome {
  if (status >= 200 && status < 300) return { kind: 'sent' };
  const detail = `answered ${status}`;
  if (status >= 500 || retryStatuses.has(status))
    return retryLater(detail, parseRetryAfterMs(retryAfter ?? null, Date.now()));
  return refused(status >= 300 && status < 400 ? `${detail}: redirects are not followed` : detail);
}
