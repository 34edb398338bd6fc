import { once } from 'node:events';
import { createServer, type IncomingMessage } from 'node:http';
import { connect, type AddressInfo } from 'node:net';
import { expect, it } from 'vitest';
import { readBody } from '../../src/api/body.js';
import { ByteBudget } from '../../src/api/byte-budget.js';

it('a body whose sender has gone before it is read is refused at once', async () => {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const client = connect((server.address() as AddressInfo).port, '127.0.0.1');
  client.write('POST / HTTP/1.1\r\nHost: here\r\nContent-Length: 1000\r\n\r\nabc');
  const [request] = (await once(server, 'request')) as [IncomingMessage];
  request.on('error', () => undefined);
  client.destroy();
  await new Promise((resolve) => request.once('close', resolve));
  const lease = new ByteBudget(10_000).lease(1_000);
  if (lease === null) throw new Error('no room');
  await expect(readBody(request, lease, { maxBytes: 10_000, timeoutMs: 60_000 })).rejects.toMatchObject({
    code: 'REQUEST_INVALID',
  });
  server.close();
}, 10_000);
