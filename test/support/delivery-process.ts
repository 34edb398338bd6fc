/**
 * A process to be killed: `delivery-process.ts DIR URL`. Delivers batches from DIR to URL without end,
 * a new one every few ms, and writes `open` when the spool is open and, line by line, the rows that must
 * survive from then on: those of batches that are on disk or answered.
 */
import { writeSync } from 'node:fs';
import { makeBatch, startDelivery } from './delivery.js';

const [dir = '', url = ''] = process.argv.slice(2);
const delivery = await startDelivery({ dir, url });
writeSync(1, 'open\n');
for (let slotMs = Date.now(); ; slotMs++) {
  const batch = makeBatch({ rows: 1 + (slotMs % 5), slotMs, padding: slotMs % 3_000 });
  delivery.offer(batch);
  while (delivery.ledger.snapshot().inFlight > 0) await new Promise((resolve) => setImmediate(resolve));
  writeSync(1, `${batch.keys.join('|')}\n`);
  await new Promise((resolve) => setTimeout(resolve, slotMs % 4));
}
