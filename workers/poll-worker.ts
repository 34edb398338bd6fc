import { threadId, workerData, type MessagePort } from 'node:worker_threads';
import type { PollOutcome, PollTask, PollWorkerData } from '../src/domain/poll-task.js';
import { MinerGate } from '../src/domain/miner-gate.js';
import { Semaphore } from './semaphore.js';
import { pollShard } from './shard-poll.js';

// Replies of a few KiB share slabs: one of their own each is memory that the collector has to follow.
Buffer.poolSize = 262_144;

// Piscina hands workerData over as [its own, ours].
const data = (Array.isArray(workerData) ? workerData[1] : workerData) as PollWorkerData;
const sockets = new Semaphore(data.socketsPerThread);
const gate = data.gate && new MinerGate(data.gate);
const pulse = new Int32Array(data.pulse);

// The main thread ends a thread whose pulse stops: an endless loop must not hold it for ever.
setInterval(() => Atomics.add(pulse, threadId % pulse.length, 1), data.pulseMs).unref();

/** Piscina's entry: polls one shard; its batches go through `port`, which the main thread closes. */
export default async function poll({
  task,
  port,
}: {
  task: PollTask;
  port: MessagePort;
}): Promise<PollOutcome> {
  return pollShard(task, {
    sockets,
    now: Date.now,
    random: Math.random,
    ...(gate && { gate }),
    flush: (batch) => port.postMessage(batch, [batch.gz.buffer as ArrayBuffer]),
  });
}
