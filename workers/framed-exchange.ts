import { FrameAssembler, encodeFrame } from '../src/miner/whatsminer-frame.js';
import { exchange, type ExchangeOptions, type ExchangeResult } from './tcp-exchange.js';

/** One request and one reply in Whatsminer's API v3: either with its length in front. Never rejects. */
export function framedExchange(options: ExchangeOptions): Promise<ExchangeResult> {
  const frame = new FrameAssembler({ maxBytes: options.maxReplyBytes });
  return exchange({
    ...options,
    request: encodeFrame(options.request.toString()),
    framer: { push: (chunk) => frame.push(chunk), end: () => frame.end(), bytes: () => frame.body() },
  });
}
