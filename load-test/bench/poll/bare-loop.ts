import { once } from 'node:events';
import { Worker } from 'node:worker_threads';
import type { BareMessage, BareMiner, BarePass } from '../bare-poll-worker.js';

const workerUrl = new URL('../bare-poll-worker.js', import.meta.url);

/** The yardstick: as many threads, sockets and requests as a poll, without reading what comes back. */
export class BareLoop {
  readonly #workers: readonly Worker[];

  constructor(threads: number, miners: readonly BareMiner[]) {
    this.#workers = Array.from({ length: threads }, (_, thread) => {
      const worker = new Worker(workerUrl);
      this.#tell(worker, {
        kind: 'miners',
        miners: miners.filter((_miner, index) => index % threads === thread),
      });
      return worker;
    });
  }

  /** Asks every miner once. Throws when one did not answer: the yardstick would be wrong. */
  async run(port: number, sockets: number): Promise<BarePass> {
    const passes = await Promise.all(
      this.#workers.map(async (worker) => {
        this.#tell(worker, { kind: 'run', port, sockets });
        const [pass] = (await once(worker, 'message')) as [BarePass];
        return pass;
      }),
    );
    const sum = (pick: (pass: BarePass) => number): number => passes.reduce((a, pass) => a + pick(pass), 0);
    const total = {
      replies: sum((pass) => pass.replies),
      bytes: sum((pass) => pass.bytes),
      failures: sum((pass) => pass.failures),
    };
    if (total.failures > 0) throw new Error(`${total.failures} requests of the bare loop failed`);
    return total;
  }

  async close(): Promise<void> {
    await Promise.all(this.#workers.map((worker) => worker.terminate()));
  }

  #tell(worker: Worker, message: BareMessage): void {
    worker.postMessage(message);
  }
}
