/**
 * A process to be killed: `delivery-process.ts DIR URL [POINT COUNT]`. Delivers batches from DIR to URL
 * without end, a new one every few ms, and writes `open` when the spool is open and then, line by line,
 * the rows that must survive: those of batches that are on disk or answered.
 *
 * With POINT (`before:rename`, `after:sync`, `during:writeFile`, …) it kills itself with SIGKILL at the
 * COUNTth such step of its file system calls.
 */
import { syncBuiltinESMExports } from 'node:module';
import { writeSync } from 'node:fs';
import promises, { open } from 'node:fs/promises';

const [dir = '', url = '', point, count = '1'] = process.argv.slice(2);

type Step = (this: unknown, ...args: unknown[]) => Promise<unknown>;

function killAt(owner: Record<string, Step>, name: string, when: string, nth: number): void {
  const step = owner[name];
  if (step === undefined) throw new Error(`no step ${name}`);
  let calls = 0;
  owner[name] = async function (...args) {
    const isIt = ++calls === nth;
    if (isIt && when === 'before') process.kill(process.pid, 'SIGKILL');
    if (isIt && when === 'during') args = [(args[0] as Uint8Array).subarray(0, 20)];
    const result = await step.apply(this, args);
    if (isIt) process.kill(process.pid, 'SIGKILL');
    return result;
  };
}

if (point !== undefined) {
  const [when = '', name = ''] = point.split(':');
  const handle = await open(process.execPath);
  const prototype = Object.getPrototypeOf(handle) as Record<string, Step>;
  await handle.close();
  const functions = promises as unknown as Record<string, Step>;
  killAt(
    Object.hasOwn(functions, name) && name !== 'writeFile' ? functions : prototype,
    name,
    when,
    Number(count),
  );
  syncBuiltinESMExports();
}

const { makeBatch, startDelivery } = await import('./delivery.js');
const delivery = await startDelivery({ dir, url });
writeSync(1, 'open\n');
for (let slotMs = Date.now(); ; slotMs++) {
  const batch = makeBatch({ rows: 1 + (slotMs % 5), slotMs, padding: slotMs % 3_000 });
  delivery.offer(batch);
  while (delivery.ledger.snapshot().inFlight > 0) await new Promise((resolve) => setImmediate(resolve));
  writeSync(1, `${batch.keys.join('|')}\n`);
  await new Promise((resolve) => setTimeout(resolve, slotMs % 4));
}
