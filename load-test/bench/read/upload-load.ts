import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { gzipSync } from 'node:zlib';
import { UploadClient } from '../../../src/poller/upload-client.js';
import { Fleet } from './fleet.js';

// A process of its own: what it costs to make uploads must not hold up the process that takes the time of reads.
// Uploads samples of a fleet at an even rate until SIGTERM; prints `{"ready":true}` after the first.

const { values } = parseArgs({
  options: {
    url: { type: 'string', default: '' },
    key: { type: 'string', default: '' },
    site: { type: 'string', default: '1' },
    count: { type: 'string', default: '1' },
    'first-address': { type: 'string', default: '0' },
    'rows-per-second': { type: 'string', default: '500' },
  },
});
const fleet = new Fleet({
  siteId: Number(values.site),
  count: Number(values.count),
  firstAddress: Number(values['first-address']),
});
const rowsPerS = Number(values['rows-per-second']);
const slotMs = 60_000;
const client = new UploadClient({ url: values.url, connections: 1 });
const stopping = new AbortController();
process.once('SIGTERM', () => stopping.abort());

let from = 0;
let dueMs = performance.now();
let isReady = false;
while (!stopping.signal.aborted) {
  const to = Math.min(from + Math.min(rowsPerS, 1_000), fleet.count);
  const body = gzipSync(fleet.json(from, to, Math.floor(Date.now() / slotMs) * slotMs), { level: 3 });
  const outcome = await client.postBatch({
    key: values.key,
    batchId: randomUUID(),
    slotMs: Date.now(),
    body,
    signal: stopping.signal,
  });
  if (outcome.kind !== 'acked' && !stopping.signal.aborted)
    process.stderr.write(`upload: ${JSON.stringify(outcome)}\n`);
  if (!isReady) process.stdout.write('{"ready":true}\n');
  isReady = true;
  dueMs += (1_000 * (to - from)) / rowsPerS;
  from = to === fleet.count ? 0 : to;
  // What was late is not made up for.
  dueMs = Math.max(dueMs, performance.now());
  await sleep(dueMs - performance.now(), undefined, { signal: stopping.signal }).catch(() => undefined);
}
await client.close();
