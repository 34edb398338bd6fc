import { connect } from 'node:net';
import { afterEach, describe, expect, it } from 'vitest';
import { startSimulator, type Simulator } from '../../load-test/simulator/simulator.js';
import { parseFault } from '../../load-test/simulator/faults.js';
import { defaultHealthThresholds } from '../../src/domain/health.js';
import { decodeReply } from '../../src/miner/decode-reply.js';
import { whatsminerV3 } from '../../src/miner/families/whatsminer-v3.js';
import { readMiner } from '../../src/miner/read-miner.js';
import { identifyFamily } from '../../src/miner/registry.js';
import type { Reply } from '../../src/miner/reply.js';
import { encodeFrame, FrameAssembler } from '../../src/miner/whatsminer-frame.js';

const ip = '127.20.5.1';
let farm: Simulator | null = null;
afterEach(async () => {
  await farm?.stop();
  farm = null;
});

const start = async (model: 'whatsminer-m60s' | 'antminer-s19', fault: string | null = null) =>
  (farm = await startSimulator({
    miners: { addresses: [ip] },
    models: { [ip]: model },
    faults: { [ip]: fault === null ? null : parseFault(fault) },
    framedPort: 0,
  }));

/** One framed request; empty when the connection is reset. */
function ask(port: number, request: string): Promise<Buffer> {
  return new Promise((resolve) => {
    const frame = new FrameAssembler();
    const socket = connect({ port, host: ip }, () => socket.write(encodeFrame(request)));
    socket.on('data', (chunk) => frame.push(chunk));
    socket.on('error', () => resolve(Buffer.alloc(0)));
    socket.on('end', () => resolve(frame.body()));
  });
}

async function read(simulator: Simulator) {
  const replies = new Map<string, Reply>();
  for (const command of whatsminerV3.commands)
    replies.set(
      command,
      decodeReply(command, await ask(simulator.framedPort ?? 0, whatsminerV3.request(command))),
    );
  expect(identifyFamily(replies, 'whatsminer-v3')).toBe(whatsminerV3);
  return readMiner(whatsminerV3, replies, { identity: null, thresholds: defaultHealthThresholds });
}

describe('the framed API of a simulated Whatsminer', () => {
  it('is read back with its numbers', async () => {
    const simulator = await start('whatsminer-m60s');
    const sample = await read(simulator);
    const truth = simulator.miner(ip);
    expect(sample).toMatchObject({ state: 'mining', health: 'healthy', hashrateExpectedGhs: 186_000 });
    expect(sample.identity).toMatchObject({ vendor: 'MicroBT', model: 'M60S_VK30', firmware: 'btminer' });
    expect(Math.abs((sample.hashrateGhs ?? 0) - truth.ghs)).toBeLessThan(truth.ghs * 0.02);
    expect(sample.boards.map((board) => board.chipsOk)).toEqual([178, 178, 178]);
    expect(sample.fans).toHaveLength(3);
    expect(sample.pools.map((pool) => pool.isActive)).toEqual([true, false, false]);
  });

  it.each([
    ['sleeping', 'sleeping'],
    ['starting', 'starting'],
  ])('tells that it is %s', async (fault, state) => {
    expect((await read(await start('whatsminer-m60s', fault))).state).toBe(state);
  });

  it('is not there for other machines', async () => {
    const simulator = await start('antminer-s19');
    expect(await ask(simulator.framedPort ?? 0, '{"cmd":"get.device.info"}')).toHaveLength(0);
  });
});
