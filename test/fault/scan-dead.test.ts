import { execFile } from 'node:child_process';
import { readdirSync } from 'node:fs';
import { promisify } from 'node:util';
import { afterEach, describe, expect, it } from 'vitest';
import { parseIp } from '../../src/domain/ip-ranges.js';
import { sweep, type SweepOptions, type SweepSummary } from '../../workers/scan-sweep.js';
import { dropPackets, startFullListener, whyNoPacketFilter, type Undo } from '../support/dropped-packets.js';

const undo: Undo[] = [];
afterEach(async () => {
  while (undo.length > 0) await undo.pop()?.();
});

const descriptors = (): number => readdirSync('/proc/self/fd').length;

interface Seen {
  readonly summary: SweepSummary;
  readonly opened: readonly string[];
  /** Descriptors open at once beyond those there were. */
  readonly mostDescriptors: number;
  readonly done: number;
}

async function watchSweep(
  first: string,
  count: number,
  options: Pick<SweepOptions, 'ports' | 'concurrency' | 'connectTimeoutMs'>,
): Promise<Seen> {
  const base = parseIp(first) ?? 0;
  const before = descriptors();
  const opened: string[] = [];
  let mostDescriptors = 0;
  let done = 0;
  const look = setInterval(() => (mostDescriptors = Math.max(mostDescriptors, descriptors() - before)), 100);
  try {
    const summary = await sweep({
      ...options,
      addresses: Array.from({ length: count }, (_, i) => base + i),
      onOpen: (host) => opened.push(host),
      onProgress: (now) => (done = now),
    });
    return { summary, opened, mostDescriptors, done };
  } finally {
    clearInterval(look);
  }
}

/** Where packets cannot be dropped: a listener whose queue is full does not answer either. */
async function sweepFullListener(): Promise<void> {
  const listener = await startFullListener();
  undo.push(listener.close);
  const seen = await watchSweep('127.92.0.0', 512, {
    ports: [listener.port],
    concurrency: 128,
    connectTimeoutMs: 200,
  });
  expect(seen).toMatchObject({ summary: { silent: 512, open: 0, failed: 0 }, done: 512, opened: [] });
  expect(seen.summary.peakSockets).toBeLessThanOrEqual(128);
}

describe('scanning where nobody answers', () => {
  it('gives every address its connect timeout and no more', async () => {
    const began = performance.now();
    await sweepFullListener();
    // Four rounds of 200 ms, and the start of the listener.
    expect(performance.now() - began).toBeLessThan(5_000);
  });

  it('halves and goes on when the system has no more descriptors', async () => {
    const listener = await startFullListener();
    undo.push(listener.close);
    const script = `import { sweep } from './workers/scan-sweep.ts';
      const addresses = Array.from({ length: 300 }, (_, i) => 0x7f5c0000 + i);
      const none = () => undefined;
      const options = { addresses, ports: [${listener.port}], connectTimeoutMs: 200, concurrency: 1000 };
      console.log(JSON.stringify(await sweep({ ...options, onOpen: none, onProgress: none })));`;
    const shell = `ulimit -n 100 && exec "$0" --import tsx --input-type=module -e "$1"`;
    const { stdout } = await promisify(execFile)('sh', ['-c', shell, process.execPath, script]);
    const summary = JSON.parse(stdout) as SweepSummary;
    expect(summary).toMatchObject({ silent: 300, failed: 0, open: 0 });
    expect(summary.shortages).toBeGreaterThan(0);
  });

  it('gets through 65,536 addresses that drop packets within its bound of descriptors', async () => {
    const why = await whyNoPacketFilter();
    if (why !== null) {
      if (process.env.HEADFRAME_TEST_REQUIRE_SERVICES === '1') throw new Error(why);
      await sweepFullListener();
      return;
    }
    undo.push(await dropPackets('127.91.0.0/16', 4028));
    const concurrency = 10_000;
    const seen = await watchSweep('127.91.0.0', 65_536, {
      ports: [4028],
      concurrency,
      connectTimeoutMs: 1_000,
    });
    expect(seen).toMatchObject({
      summary: { silent: 65_536, open: 0, refused: 0, unreachable: 0, failed: 0 },
      done: 65_536,
    });
    expect(seen.summary.peakSockets).toBeLessThanOrEqual(concurrency);
    expect(seen.mostDescriptors).toBeLessThanOrEqual(concurrency + 16);
    expect(descriptors()).toBeLessThan(200);
  }, 120_000);
});
