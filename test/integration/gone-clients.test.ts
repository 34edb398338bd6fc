import { once } from 'node:events';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { connect, type AddressInfo } from 'node:net';
import type { Response } from 'express';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { readBody } from '../../src/api/body.js';
import { ByteBudget } from '../../src/api/byte-budget.js';
import { watchClient } from '../../src/api/long-poll.js';

let server: Server;
beforeEach(async () => {
  server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
});
afterEach(() => server.close());

/** A request whose sender is there, and what ends that; it has sent a part of its body. */
async function asked(): Promise<{ request: IncomingMessage; response: ServerResponse; go(): Promise<void> }> {
  const client = connect((server.address() as AddressInfo).port, '127.0.0.1');
  client.write('POST / HTTP/1.1\r\nHost: here\r\nContent-Length: 1000\r\n\r\nabc');
  const [request, response] = (await once(server, 'request')) as [IncomingMessage, ServerResponse];
  request.on('error', () => undefined);
  return {
    request,
    response,
    async go() {
      const gone = new Promise((resolve) => response.once('close', resolve));
      client.destroy();
      await gone;
    },
  };
}

describe('a sender that has gone', () => {
  it('before its body is read has it refused at once', async () => {
    const { request, go } = await asked();
    await go();
    const lease = new ByteBudget(10_000).lease(1_000);
    if (lease === null) throw new Error('no room');
    const cut = readBody(request, lease, { maxBytes: 10_000, timeoutMs: 60_000 });
    await expect(cut).rejects.toMatchObject({ code: 'REQUEST_INVALID' });
  }, 10_000);

  it('before or while it waits for an answer is waited with no more', async () => {
    const draining = new AbortController();
    const first = await asked();
    await first.go();
    const late = watchClient(first.response as Response, draining.signal);
    expect([late.gone.aborted, late.over.aborted]).toEqual([true, true]);
    const second = await asked();
    const watched = watchClient(second.response as Response, draining.signal);
    expect([watched.gone.aborted, watched.over.aborted]).toEqual([false, false]);
    await second.go();
    expect([watched.gone.aborted, watched.over.aborted]).toEqual([true, true]);
    const third = await asked();
    const drained = watchClient(third.response as Response, draining.signal);
    draining.abort();
    expect([drained.gone.aborted, drained.over.aborted]).toEqual([false, true]);
    await third.go();
  }, 10_000);
});
