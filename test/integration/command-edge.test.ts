import { once } from 'node:events';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { createServer, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { startSimulator, type Simulator } from '../../load-test/simulator/simulator.js';
import { CommandJournal, type JournalEntry } from '../../src/poller/commands/journal.js';
import { startCommandEdge, type CommandEdge } from '../support/command-edge.js';
import { login } from '../support/orders.js';

const miner = '127.78.0.1';

let folder: string;
let path: string;
let simulator: Simulator;
let server: Server;
let apiUrl: string;
let edge: CommandEdge | null;
/** What the api hands out at the next polls, and what it was told. */
let handed: object[];
let reports: { readonly id: number; readonly body: Record<string, unknown> }[];
let polls: number;
/** Answers instead of the usual ones. */
let answer: ((response: ServerResponse, isPoll: boolean) => boolean) | null;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'headframe-edge-commands-'));
  path = join(folder, 'journal.log');
  [handed, reports, polls, answer, edge] = [[], [], 0, null, null];
  simulator = await startSimulator({
    seed: 7,
    miners: { addresses: [miner] },
    models: { [miner]: 'antminer-s19' },
    httpPort: 0,
    login,
    // Up again at once: a second reboot would be carried out, and seen.
    timing: { restartS: 0.05, rebootS: 0, startingS: 0 },
  });
  server = createServer((request, response) => {
    void (async () => {
      const isPoll = request.method === 'GET';
      const chunks: Buffer[] = [];
      for await (const chunk of request as AsyncIterable<Buffer>) chunks.push(chunk);
      if (isPoll) polls++;
      response.setHeader('content-type', 'application/json');
      if (answer?.(response, isPoll) === true) return;
      if (!isPoll) {
        const id = Number(/commands\/(\d+)\/result/.exec(request.url ?? '')?.[1]);
        reports.push({ id, body: JSON.parse(Buffer.concat(chunks).toString()) as Record<string, unknown> });
        response.end(JSON.stringify({ success: true }));
        return;
      }
      const commands = handed.splice(0);
      if (commands.length === 0) await delay(50);
      response.end(JSON.stringify({ success: true, commands, count: commands.length }));
    })();
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  apiUrl = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
});

afterEach(async () => {
  await edge?.stop();
  server.closeAllConnections();
  server.close();
  await simulator.stop();
  await rm(folder, { recursive: true, force: true });
});

const command = (more: object = {}): object => ({
  command_id: 1,
  miner_id: miner,
  ip_address: miner,
  site_id: 1,
  command: 'reboot',
  params: {},
  priority: 5,
  expires_at: new Date(Date.now() + 60_000).toISOString(),
  ttl_s: 60,
  lease_s: 60,
  attempt: 1,
  ...more,
});
const start = async (more: Partial<Parameters<typeof startCommandEdge>[0]> = {}): Promise<void> => {
  edge = await startCommandEdge({
    apiUrl,
    key: `hsc_${'a'.repeat(43)}`,
    journalPath: path,
    miners: { port: simulator.port, httpPort: simulator.httpPort ?? 0 },
    ...more,
  });
};
const reported = (count: number) => expect.poll(() => reports.length, { timeout: 10_000 }).toBe(count);
const writes = () => simulator.writes().map(({ write }) => write);

describe('commands at the edge', () => {
  it('are left to others while the site cannot be reached, and given back soon after', async () => {
    let isReached = false;
    await start({ mayClaim: () => isReached });
    handed = [command()];
    await delay(200);
    expect([polls, reports.length]).toEqual([0, 0]);
    isReached = true;
    await reported(1);
    // A poll that waits for commands is not held on to.
    let isOpen = false;
    answer = (response, isPoll) => {
      if (!isPoll) return false;
      isOpen = true;
      response.once('close', () => (isOpen = false));
      return true;
    };
    await expect.poll(() => isOpen, { timeout: 10_000 }).toBe(true);
    isReached = false;
    await expect.poll(() => isOpen, { timeout: 10_000 }).toBe(false);
  });

  it('are executed once, reported, and forgotten', async () => {
    handed = [command(), command()];
    await start();
    await reported(1);
    expect(reports[0]).toMatchObject({ id: 1, body: { status: 'completed', result_code: 0 } });
    expect(writes()).toEqual(['/cgi-bin/reboot.cgi']);
    handed = [command({ attempt: 2 })];
    await reported(2);
    expect(reports[1]?.body).toMatchObject({
      status: 'rejected',
      result_message: 'it was here before, and runs at most once',
    });
    expect(writes()).toHaveLength(1);
  });

  it('are rejected by name when they are none for this edge', async () => {
    handed = [
      command({ command_id: 1, ip_address: '127.99.0.1' }),
      command({ command_id: 2, command: 'format' }),
      command({ command_id: 3, command: 'set_fan', params: { speed: 101 } }),
      command({ command_id: 4, ip_address: null, miner_id: 'SN1' }),
    ];
    await start({ isOwn: (ip) => ip === miner });
    await reported(4);
    const told = new Map(reports.map(({ id, body }) => [id, [body['status'], body['result_message']]]));
    expect(told.get(1)).toEqual(['rejected', '127.99.0.1 is in no range of this site']);
    expect(told.get(2)).toEqual(['rejected', 'this edge knows no command "format"']);
    expect(told.get(3)).toEqual(['rejected', 'parameters.speed must be a number of 0 to 100, in percent']);
    expect(told.get(4)).toEqual(['rejected', 'the address of the miner is not known']);
    expect(writes()).toEqual([]);
  });

  it('are not begun when their time or lease is over', async () => {
    handed = [command({ command_id: 1, ttl_s: 1 }), command({ command_id: 2, lease_s: 1 })];
    await start();
    await reported(2);
    expect(reports.map(({ body }) => body['status'])).toEqual(['expired', 'expired']);
    expect(writes()).toEqual([]);
  });

  it('that were begun in time send nothing once it is over', async () => {
    simulator.setFault(miner, { kind: 'slow', delayMs: 4_000 });
    // The settings are read before they are written, and come too late.
    handed = [command({ ttl_s: 3, command: 'set_fan', params: { speed: 60 } })];
    await start();
    await reported(1);
    expect(reports[0]?.body).toMatchObject({ status: 'failed' });
    await delay(2_500);
    expect(writes()).toEqual([]);
  });

  it('are not begun when the first answer was held up for longer than they live', async () => {
    let isHeldUp = true;
    answer = (response, isPoll) => {
      if (!isPoll || !isHeldUp) return false;
      isHeldUp = false;
      const date = new Date().toUTCString();
      const body = JSON.stringify({ success: true, commands: [command({ ttl_s: 3, lease_s: 3 })], count: 1 });
      setTimeout(() => response.setHeader('date', date).end(body), 2_500);
      return true;
    };
    await start();
    await reported(1);
    expect(reports[0]?.body).toMatchObject({ status: 'expired' });
    expect(writes()).toEqual([]);
  });

  it('are no longer fetched while too many results wait for the api', async () => {
    answer = (response, isPoll) => {
      if (isPoll) return false;
      response.writeHead(503).end('{}');
      return true;
    };
    handed = [command({ command_id: 1, command: 'format' }), command({ command_id: 2, command: 'format' })];
    await start({ maxUnreported: 2 });
    await expect.poll(() => polls).toBeGreaterThan(0);
    await delay(500);
    const before = polls;
    await delay(500);
    expect(polls).toBe(before);
    answer = null;
    await reported(2);
    await expect.poll(() => polls).toBeGreaterThan(before);
  });

  it('keep what they have to report while the api is away, across a restart', async () => {
    answer = (response, isPoll) => {
      if (isPoll) return false;
      response.writeHead(503).end('{}');
      return true;
    };
    handed = [command()];
    await start();
    await expect.poll(writes).toHaveLength(1);
    await edge?.stop();
    answer = null;
    await start();
    await reported(1);
    expect(reports[0]?.body).toMatchObject({ status: 'completed' });
    expect(writes()).toHaveLength(1);
  });

  it('with a refused key delete nothing and ask once a minute', async () => {
    answer = (response) => {
      response.writeHead(401).end('{"success":false,"error":"Invalid API key","code":"KEY_INVALID"}');
      return true;
    };
    await start();
    await expect.poll(() => polls).toBe(1);
    await delay(1_000);
    expect(polls).toBe(1);
    expect(await edge?.metrics.text()).toContain('headframe_edge_commands_key_refused{site="north"} 1');
  });

  it('of an api that knows none are not asked for again at once', async () => {
    answer = (response) => {
      response.writeHead(404).end('{"success":false,"error":"No such route","code":"NOT_FOUND"}');
      return true;
    };
    await start();
    await delay(500);
    expect(polls).toBe(1);
  });
});

describe('the journal of commands', () => {
  const moment = { boot: 'x', ms: 1 };
  const entry = (id: number, kind: JournalEntry['kind'] = 'reboot'): JournalEntry => ({
    id,
    kind,
    miner,
    ip: miner,
    receivedAt: moment,
    aliveMs: 60_000,
    leaseMs: 60_000,
    state: 'received',
    report: null,
  });
  const open = () => CommandJournal.open({ path, maxBytes: 65_536 });

  it('gives back each step that was promised, and no line that was being written', async () => {
    const { journal } = await open();
    await journal.received([entry(1), entry(2), entry(3)]);
    await journal.begun(1);
    await journal.begun(2);
    await journal.done(2, { status: 'completed' });
    await journal.begun(3);
    await journal.done(3, { status: 'failed' });
    await journal.over(3);
    await journal.close();
    await writeFile(path, `${await readFile(path, 'utf8')}0000 {"t":"ov`);
    const { journal: again, recovered } = await open();
    expect(recovered.badLines).toBe(0);
    expect(recovered.entries.map(({ id, state }) => [id, state])).toEqual([
      [1, 'begun'],
      [2, 'done'],
    ]);
    expect(again.isOver(3, null)).toBe(true);
    await again.close();
  });

  it('knows a reboot that is over by more than its number, which another database has too', async () => {
    const { journal } = await open();
    const [first, second] = ['2026-01-02T03:04:05.000Z', '2026-02-03T04:05:06.000Z'];
    await journal.received([{ ...entry(7), mark: first }, entry(8)]);
    for (const id of [7, 8]) {
      await journal.begun(id);
      await journal.done(id, { status: 'completed' });
      await journal.over(id);
    }
    await journal.close();
    const { journal: again } = await open();
    await again.close();
    const { journal: third } = await open();
    expect([third.isOver(7, first), third.isOver(7, second), third.isOver(7, null)]).toEqual([
      true,
      false,
      true,
    ]);
    // A line of before there were marks: its number decides.
    expect([third.isOver(8, first), third.isOver(8, null), third.isOver(70, null)]).toEqual([
      true,
      true,
      false,
    ]);
    await third.close();
  });

  it('takes everything for begun when a line in it was damaged, and keeps a copy', async () => {
    const { journal } = await open();
    await journal.received([entry(1)]);
    await journal.begun(1);
    await journal.received([entry(2)]);
    await journal.close();
    const text = await readFile(path, 'utf8');
    await writeFile(path, text.replace('"begun"', '"bexun"'));
    const { journal: again, recovered } = await open();
    expect(recovered.badLines).toBe(1);
    expect(recovered.entries.map(({ id, state }) => [id, state])).toEqual([
      [1, 'begun'],
      [2, 'begun'],
    ]);
    expect(await readFile(`${path}.bad`, 'utf8')).toContain('bexun');
    await again.close();
  });

  it('is written anew past its bound, without what is over', async () => {
    const { journal } = await CommandJournal.open({ path, maxBytes: 4_096 });
    for (let id = 1; id <= 200; id++) {
      await journal.received([entry(id, 'set_fan')]);
      await journal.done(id, { status: 'completed' });
      await journal.over(id);
    }
    await journal.close();
    expect((await readFile(path)).length).toBeLessThan(8_192);
  });

  it('holds no parameters', async () => {
    handed = [
      command({
        command: 'set_pool',
        params: {
          pool_url: 'stratum+tcp://pool.example:3333',
          pool_user: 'farm.1',
          pool_password: 'hush-hush',
        },
      }),
    ];
    await start();
    await reported(1);
    await edge?.stop();
    edge = null;
    expect(await readFile(path, 'utf8')).not.toContain('hush-hush');
    expect(JSON.stringify(reports)).not.toContain('hush-hush');
  });
});
