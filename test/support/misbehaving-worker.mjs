// A poll thread that does what the shard's id says.
import { threadId, workerData } from 'node:worker_threads';

const data = Array.isArray(workerData) ? workerData[1] : workerData;
const pulse = new Int32Array(data.pulse);
setInterval(() => Atomics.add(pulse, threadId % pulse.length, 1), data.pulseMs).unref();

export default async function poll({ task, port }) {
  if (task.shardId === 'exit') process.exit(3);
  if (task.shardId === 'loop') for (;;);
  if (task.shardId === 'memory') {
    const hoard = [];
    for (;;) hoard.push(new Array(100_000).fill(Math.random()));
  }
  if (task.shardId === 'throw') throw new Error('thrown');
  port.postMessage({ rows: 1, gz: new Uint8Array([1]) });
  return { batches: 1, counters: {}, profiles: '', knownMiners: 1 };
}
