import { spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { connect, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { createInterface } from 'node:readline';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { oversizedBytes } from '../../load-test/simulator/damage.js';
import { parseFault } from '../../load-test/simulator/faults.js';
import type { Truth } from '../../load-test/simulator/ground-truth.js';
import { mixes } from '../../load-test/simulator/mix.js';
import {
  startSimulator,
  type Simulator,
  type SimulatorOptions,
} from '../../load-test/simulator/simulator.js';
import { waitFor } from '../support/wait.js';

let folder = '';
let simulator: Simulator | null = null;
let nowMs = Date.UTC(2026, 0, 1);

beforeEach(() => {
  folder = mkdtempSync(path.join(tmpdir(), 'headframe-simulator-'));
  nowMs = Date.UTC(2026, 0, 1);
});
afterEach(async () => {
  await simulator?.stop();
  simulator = null;
  rmSync(folder, { recursive: true, force: true });
});

/** Addresses 127.20.3.1 and up, one clean S19 each unless told otherwise; the clock stands still. */
async function start(options: Partial<SimulatorOptions> = {}): Promise<Simulator> {
  simulator = await startSimulator({
    miners: { base: '127.20.3.1', count: 4 },
    mix: { models: { 'antminer-s19': 1 }, faults: [] },
    groundTruthPath: path.join(folder, 'truth.ndjson'),
    clock: () => nowMs,
    ...options,
  });
  return simulator;
}

function truths(): Truth[] {
  const text = readFileSync(path.join(folder, 'truth.ndjson'), 'utf8');
  return text
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line) as Truth);
}

interface Exchange {
  readonly bytes: Buffer;
  /** The other side ended or reset the connection, rather than leaving it open for `quietMs`. */
  readonly ended: 'fin' | 'reset' | 'open';
  readonly chunks: number;
}

/** Sends a request and reads until the end, or until nothing has come for `quietMs`. */
function exchange(address: string, request: string | readonly string[], quietMs = 3_000): Promise<Exchange> {
  return new Promise((resolve) => {
    const parts: Buffer[] = [];
    const socket: Socket = connect({ host: address, port: simulator?.port ?? 0 });
    const finish = (ended: Exchange['ended']): void => {
      socket.destroy();
      resolve({ bytes: Buffer.concat(parts), ended, chunks: parts.length });
    };
    socket.setNoDelay(true).setTimeout(quietMs, () => finish('open'));
    socket.on('data', (chunk) => parts.push(chunk));
    socket.on('end', () => finish('fin'));
    socket.on('error', () => finish('reset'));
    const [first = '', second] = typeof request === 'string' ? [request] : request;
    socket.write(first, () => {
      if (second !== undefined) setTimeout(() => socket.write(second), 30);
    });
  });
}

const summary = '{"command":"summary"}';
const at = (last: number): string => `127.20.3.${last}`;

async function faulty(fault: string, request = summary, quietMs?: number): Promise<Exchange> {
  const farm = await start({ faults: { [at(1)]: parseFault(fault) } });
  const result = await exchange(at(1), request, quietMs);
  await waitFor('the connection to be gone', () => farm.stats().open === 0);
  return result;
}

describe('the simulator', () => {
  it('answers for every address behind one port, with one NUL and an end', async () => {
    const farm = await start({ mix: mixes.clean, miners: { base: '127.20.3.1', count: 40 } });
    const replies = await Promise.all(farm.addresses.map((address) => exchange(address, summary)));
    for (const { bytes, ended } of replies) {
      expect(ended).toBe('fin');
      expect(bytes.indexOf(0)).toBe(bytes.length - 1);
      expect(bytes.toString()).toContain('"SUMMARY":[{');
    }
    expect(new Set(replies.map(({ bytes }) => bytes.toString())).size).toBe(40);
    expect(farm.stats()).toMatchObject({ miners: 40, connections: 40, replies: 40, refused: 0, overlaps: 0 });
  });

  it('resets connections to addresses where no miner is', async () => {
    const farm = await start();
    expect(await exchange('127.20.9.9', summary)).toMatchObject({ ended: 'reset' });
    expect(farm.stats().refused).toBe(1);
  });

  it('writes a line of ground truth for every reply, equal to what was served', async () => {
    const farm = await start({ mix: { models: { cgminer: 1 }, faults: [] } });
    const served: { ip: string; accepted: number; elapsed: number; mhs: number }[] = [];
    for (let round = 0; round < 5; round++) {
      for (const ip of farm.addresses) {
        const { bytes } = await exchange(ip, summary);
        const reply = JSON.parse(bytes.toString().slice(0, -1)) as { SUMMARY: Record<string, number>[] };
        const row = reply.SUMMARY[0] ?? {};
        served.push({
          ip,
          accepted: row['Accepted'] ?? -1,
          elapsed: row['Elapsed'] ?? -1,
          mhs: row['MHS av'] ?? -1,
        });
      }
      nowMs += 10_000;
    }
    await farm.stop();
    const told = truths().map((truth) => ({
      ip: truth.ip,
      accepted: truth.accepted,
      elapsed: truth.elapsed,
      mhs: (truth.hashrate_ghs ?? 0) * 1000,
    }));
    expect(told).toEqual(served);
    expect(new Set(served.map((row) => `${row.ip} ${row.accepted}`)).size).toBe(served.length);
    expect(
      truths().every((truth) => truth.complete && truth.command === 'summary' && truth.fault === null),
    ).toBe(true);
  });

  it('writes a line for each member of a joined request', async () => {
    const farm = await start({ mix: { models: { 'antminer-s9': 1 }, faults: [] } });
    const { bytes } = await exchange(at(1), '{"command":"summary+stats+pools"}');
    await farm.stop();
    expect(truths().map((truth) => [truth.command, truth.bytes])).toEqual([
      ['summary', bytes.length],
      ['stats', bytes.length],
      ['pools', bytes.length],
    ]);
  });

  it('repeats a run for the same seed, clock and requests, and not for another seed', async () => {
    const run = async (seed: number): Promise<string[]> => {
      nowMs = Date.UTC(2026, 0, 1);
      const farm = await start({ mix: mixes.clean, miners: { base: '127.20.3.1', count: 20 }, seed });
      const texts: string[] = [];
      for (const address of farm.addresses) texts.push((await exchange(address, summary)).bytes.toString());
      await farm.stop();
      return texts;
    };
    const first = await run(1);
    expect(await run(1)).toEqual(first);
    expect(await run(2)).not.toEqual(first);
  });

  it('reads a request once: a second segment comes too late', async () => {
    await start();
    const { bytes } = await exchange(at(1), [summary.slice(0, 9), summary.slice(9)]);
    expect(bytes.toString()).toContain('"Code":23,"Msg":"Invalid JSON"');
  });

  it('runs faster when told to', async () => {
    const farm = await start({ timeScale: 60 });
    const before = farm.miner(at(1)).elapsedS;
    nowMs += 10_000;
    expect(farm.miner(at(1)).elapsedS - before).toBe(600);
  });

  it('is down after a restart, resets connections meanwhile, and begins at 0', async () => {
    const farm = await start();
    expect((await exchange(at(1), '{"command":"restart"}')).bytes.toString()).toBe(
      '{"STATUS":"RESTART","id":1}\0',
    );
    expect(await exchange(at(1), summary)).toMatchObject({ ended: 'reset' });
    nowMs += 5_000;
    expect((await exchange(at(1), summary)).bytes.toString()).toContain('"Elapsed":0,');
    expect(farm.miner(at(1))).toMatchObject({ state: 'starting', accepted: 0, isDown: false });
    expect(farm.miner(at(2)).isDown).toBe(false);
  });

  it('is silent while it reboots', async () => {
    const farm = await start();
    expect(await exchange(at(1), 'ascset|0,reboot,0')).toMatchObject({ ended: 'fin', chunks: 0 });
    expect(await exchange(at(1), summary, 100)).toMatchObject({ ended: 'open', chunks: 0 });
    nowMs += 60_000;
    expect(farm.miner(at(1)).uptimeS).toBe(40);
    expect((await exchange(at(1), summary)).bytes.length).toBeGreaterThan(300);
  });

  it('counts a second connection to a miner that still answers the first', async () => {
    const farm = await start({ faults: { [at(1)]: parseFault('slow:400') } });
    await Promise.all([exchange(at(1), summary), exchange(at(1), summary), exchange(at(2), summary)]);
    expect(farm.stats().overlaps).toBe(1);
  });
});

describe('a fault on the wire', () => {
  it('refused: reset without a byte, and no ground truth', async () => {
    expect(await faulty('refused')).toMatchObject({ ended: 'reset', chunks: 0 });
    expect(truths()).toEqual([]);
  });

  it('silent: accepts and never answers, until the client goes', async () => {
    expect(await faulty('silent', summary, 150)).toMatchObject({ ended: 'open', chunks: 0 });
  });

  it('silent: is thrown out when the client never goes', async () => {
    const farm = await start({ faults: { [at(1)]: parseFault('silent') }, maxOpenMs: 1000 });
    const pending = exchange(at(1), summary, 9_000);
    await waitFor('the connection', () => farm.stats().requests === 1);
    nowMs += 2_000;
    expect((await pending).ended).not.toBe('open');
  });

  it('slow: answers whole after its delay', async () => {
    const began = performance.now();
    const { bytes, ended } = await faulty('slow:120');
    expect(performance.now() - began).toBeGreaterThan(110);
    expect(ended).toBe('fin');
    expect(bytes.at(-1)).toBe(0);
  });

  it('drip: comes in many small pieces and is whole', async () => {
    const { bytes, chunks } = await faulty('drip:100/10');
    expect(chunks).toBeGreaterThan(5);
    expect(bytes.at(-1)).toBe(0);
    await simulator?.stop();
    expect(truths()).toMatchObject([{ fault: 'drip:100/10', complete: true, bytes: bytes.length }]);
  });

  it('drip: a client that leaves early makes it incomplete', async () => {
    const farm = await start({ faults: { [at(1)]: parseFault('drip:4/20') } });
    const socket = connect({ host: at(1), port: farm.port }).on('error', () => undefined);
    socket.write(summary);
    socket.once('data', () => socket.destroy());
    await waitFor(
      'the connection to be gone',
      () => farm.stats().connections === 1 && farm.stats().open === 0,
    );
    await farm.stop();
    expect(truths()).toMatchObject([{ complete: false }]);
  });

  it('truncated: cut anywhere, then the end', async () => {
    const { bytes, ended } = await faulty('truncated');
    expect(ended).toBe('fin');
    expect(() => void JSON.parse(bytes.toString())).toThrow();
    expect('{"STATUS":[{"STATUS":"S","When":1767225600'.startsWith(bytes.toString().slice(0, 20))).toBe(true);
    await simulator?.stop();
    expect(truths()).toMatchObject([{ fault: 'truncated', complete: false, bytes: bytes.length }]);
  });

  it('half_closed and keep_open: a whole reply without its NUL, ended on one side or not at all', async () => {
    for (const [fault, end] of [
      ['half_closed', 'fin'],
      ['keep_open', 'open'],
    ] as const) {
      const { bytes, ended } = await faulty(fault, summary, 500);
      expect(ended).toBe(end);
      expect(bytes.at(-1)).toBe('}'.charCodeAt(0));
      await simulator?.stop();
      expect(truths().at(-1)).toMatchObject({ fault, complete: true });
    }
  });

  it('oversized: more than 10 MiB', async () => {
    const { bytes } = await faulty('oversized', summary, 5_000);
    expect(bytes.length).toBeGreaterThan(oversizedBytes);
  });

  it('empty: closes without a byte', async () => {
    expect(await faulty('empty')).toMatchObject({ ended: 'fin', chunks: 0 });
  });

  it('garbage: carries no numbers in the ground truth', async () => {
    expect((await faulty('garbage:html')).bytes.toString()).toContain('<html>');
    await simulator?.stop();
    expect(truths()).toMatchObject([
      { fault: 'garbage:html', accepted: null, elapsed: null, hashrate_ghs: null },
    ]);
  });

  it('flapping: good for a while, silent for a while', async () => {
    await start({ faults: { [at(1)]: parseFault('flapping:10/5') } });
    const answers: boolean[] = [];
    for (let step = 0; step < 12; step++) {
      answers.push((await exchange(at(1), summary, 300)).chunks > 0);
      nowMs += 2_500;
    }
    expect(answers.filter((isUp) => isUp)).toHaveLength(8);
    expect(answers.slice(0, 6)).toEqual(answers.slice(6));
  });

  it('can be set and lifted while it runs', async () => {
    const farm = await start();
    farm.setFault(at(1), parseFault('malformed:trailing_comma'));
    expect((await exchange(at(1), summary)).bytes.toString()).toContain(',}');
    farm.setFault(at(1), null);
    expect((await exchange(at(1), summary)).bytes.toString()).not.toContain(',}');
    expect(() => farm.setFault('127.0.0.9', null)).toThrow('no miner at 127.0.0.9');
  });
});

describe('the simulator as a process', () => {
  it('prints one line when it listens, serves, and ends on SIGTERM with its ground truth written', async () => {
    const truthFile = path.join(folder, 'truth.ndjson');
    const flags = [
      '--port',
      '0',
      '--base',
      '127.20.3.1',
      '--count',
      '3',
      '--mix',
      'clean',
      '--ground-truth',
      truthFile,
    ];
    const child = spawn(process.execPath, [
      '--import',
      'tsx',
      'load-test/simulator/main.ts',
      ...flags,
      '--fault-at',
      `${at(2)}=silent`,
    ]);
    try {
      const lines = createInterface({ input: child.stdout });
      const first = await new Promise<string>((resolve) => lines.once('line', resolve));
      const { listening, miners } = JSON.parse(first) as { listening: number; miners: number };
      expect(miners).toBe(3);
      simulator = { port: listening, stop: async () => undefined } as Simulator;
      expect((await exchange(at(1), summary)).ended).toBe('fin');
      expect((await exchange(at(2), summary, 100)).ended).toBe('open');
    } finally {
      const exited = new Promise<number | null>((resolve) => child.once('exit', resolve));
      child.kill('SIGTERM');
      expect(await exited).toBe(0);
    }
    expect(truths()).toMatchObject([{ ip: at(1), complete: true }]);
  });
});
