import { createServer } from 'node:net';
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { expect, test } from 'vitest';
import { faultText } from '../../src/alerts/send/fault.js';
import { postJson } from '../../src/alerts/send/http.js';

const coded = (code: string): Error => Object.assign(new Error('to https://hook.example/secret'), { code });

test('a receiver that does not answer is told of in one text, whichever part waited', () => {
  const late = [
    new DOMException('late', 'TimeoutError'),
    new DOMException('late', 'AbortError'),
    ...['ETIMEDOUT', 'UND_ERR_CONNECT_TIMEOUT', 'UND_ERR_HEADERS_TIMEOUT', 'UND_ERR_BODY_TIMEOUT'].map(coded),
  ];
  expect(new Set(late.map(faultText))).toEqual(new Set(['no answer in time']));
});

test('no code of a library and no text of an error is told', () => {
  for (const code of ['UND_ERR_RESPONSE_STATUS_CODE', 'ESOCKET', 'E_NEW'])
    expect(faultText(coded(code))).toBe('connection failed');
  expect(faultText(Object.assign(coded('ESOCKET'), { errno: -111 }))).toBe('connection refused');
});

test('a silent receiver costs its time and says so, many at once', async () => {
  const server = createServer(() => undefined).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/`;
  const limits = { timeoutMs: 100, maxAnswerBytes: 1_000 };
  const { signal } = new AbortController();
  const outcomes = await Promise.all(
    Array.from({ length: 50 }, () => postJson(url, '{}', {}, limits, signal)),
  );
  expect(new Set(outcomes.map((outcome) => JSON.stringify(outcome)))).toEqual(
    new Set([JSON.stringify({ kind: 'retry', detail: 'no answer in time', afterMs: null })]),
  );
  server.close();
});
