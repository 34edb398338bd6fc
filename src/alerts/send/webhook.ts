import { createHmac } from 'node:crypto';

/**
 * Headers of a signed webhook: `X-Headframe-Signature: v1=<hex>` is HMAC-SHA256 over
 * `<X-Headframe-Timestamp>.<body>` with the shared secret; the timestamp is in seconds. A receiver checks
 * both and refuses old timestamps.
 */
export function signatureHeaders(body: string, secret: string, nowMs: number): Record<string, string> {
  const timestamp = String(Math.floor(nowMs / 1_000));
  const digest = createHmac('sha256', secret).update(`${timestamp}.${body}`).digest('hex');
  return { 'x-headframe-timestamp': timestamp, 'x-headframe-signature': `v1=${digest}` };
}
