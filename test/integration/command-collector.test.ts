import { once } from 'node:events';
import { connect } from 'node:net';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startSimulator, type Simulator } from '../../load-test/simulator/simulator.js';
import { createCommandBench, type CommandApi, type CommandBench } from '../support/commands.js';
import { testEditions } from '../support/database.js';

interface Handed {
  readonly command_id: number;
  readonly ip_address: string;
  readonly command: string;
  readonly params: Readonly<Record<string, unknown>>;
}

/** Says one thing to a miner by CGMiner's API; '' when it closes without a word. */
async function say(
  host: string,
  port: number,
  command: string,
  parameter?: string | number,
): Promise<string> {
  const socket = connect({ host, port });
  socket.setTimeout(2_000, () => socket.destroy());
  await once(socket, 'connect');
  socket.write(
    JSON.stringify(parameter === undefined ? { command } : { command, parameter: String(parameter) }),
  );
  const chunks: Buffer[] = [];
  for await (const chunk of socket) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks).toString().replaceAll('\0', '');
}

/** A collector of the protocol as others run it: it asks, does one command after the other, and tells what came of each. */
class OtherCollector {
  readonly #api: string;
  readonly #key: string;
  readonly #port: number;

  constructor(api: string, key: string, port: number) {
    this.#api = api;
    this.#key = key;
    this.#port = port;
  }

  async #ask(path: string, body?: object): Promise<[number, Record<string, unknown>]> {
    const response = await fetch(`${this.#api}${path}`, {
      method: body === undefined ? 'GET' : 'POST',
      headers: { 'X-Collector-Key': this.#key, 'Content-Type': 'application/json', 'X-Site-ID': '77' },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
    return [response.status, (await response.json()) as Record<string, unknown>];
  }

  /** One round; answers how many commands it did. */
  async round(): Promise<number> {
    // Another protocol first, this one only where that is not there.
    const [edgeStatus] = await this.#ask('/api/edge/v1/commands/poll');
    if (edgeStatus !== 404 && edgeStatus !== 405) throw new Error(`does not fall back on ${edgeStatus}`);
    const [status, answer] = await this.#ask('/api/collector/commands/pending');
    if (status !== 200 || answer['success'] !== true) throw new Error(`pending: ${status}`);
    const commands = answer['commands'] as Handed[];
    for (const command of commands) {
      const text = await this.#execute(command);
      const isDone = text === '' || /"STATUS":"(?:S|I|RESTART)"/.test(text);
      const [reported, told] = await this.#ask(`/api/collector/commands/${command.command_id}/result`, {
        status: isDone ? 'completed' : 'failed',
        result_code: isDone ? 0 : 1,
        result_message: text.slice(0, 200),
      });
      if (reported !== 200 || told['success'] !== true) throw new Error(`result: ${reported}`);
    }
    return commands.length;
  }

  async #execute({ ip_address: ip, command, params }: Handed): Promise<string> {
    const tell = (name: string, parameter?: string | number) => say(ip, this.#port, name, parameter);
    switch (command) {
      case 'enable':
      case 'disable':
        return (await tell(`asc${command}`, 0)) && (await tell(`asc${command}`, 1));
      case 'restart':
        return tell('restart');
      case 'set_pool': {
        const added = await tell(
          'addpool',
          `${params['pool_url'] as string},${params['pool_user'] as string},x`,
        );
        return tell('switchpool', /pool (\d+)/.exec(added)?.[1]);
      }
      case 'set_fan':
        return tell('fanctrl', params['speed'] as number);
      case 'set_frequency':
        return tell('setconfig', `freq,${params['frequency'] as number}`);
      default:
        return `{"STATUS":[{"STATUS":"E","Msg":"no ${command} here"}]}`;
    }
  }
}

describe.each(testEditions())('a collector of the protocol as others run it, on %s', (edition) => {
  let bench: CommandBench;
  let api: CommandApi;
  let simulator: Simulator;
  const at = (n: number): string => `127.83.0.${n + 1}`;
  const given = [
    ['disable', {}],
    ['restart', {}],
    ['set_pool', { pool_url: 'stratum+tcp://new.example:3333', pool_user: 'farm.9' }],
    ['set_fan', { speed: 80 }],
    ['set_frequency', { frequency: 400 }],
    ['reboot', {}],
  ] as const;

  beforeAll(async () => {
    bench = await createCommandBench(edition);
    api = await bench.start({}, { listens: true });
    const addresses = given.map((_, n) => at(n));
    simulator = await startSimulator({
      seed: 9,
      miners: { addresses },
      models: Object.fromEntries(addresses.map((ip) => [ip, 'cgminer' as const])),
    });
  });
  afterAll(async () => {
    await bench.close();
    await simulator.stop();
  });

  it('fetches commands, executes them by calls of CGMiner, and reports what the miners said', async () => {
    const ids: number[] = [];
    for (const [n, [type, parameters]] of given.entries()) {
      const body = {
        site_id: bench.siteId,
        miner_id: at(n),
        ip_address: at(n),
        command_type: type,
        parameters,
      };
      const [status, answer] = await api.person('POST', 'commands', body);
      expect(status, JSON.stringify(answer)).toBe(200);
      ids.push(Number(answer['command_id']));
    }
    const collector = new OtherCollector(api.api.url, bench.key, simulator.port);
    expect(await collector.round()).toBe(given.length);
    // What was handed out is not handed out again.
    expect(await collector.round()).toBe(0);

    const statuses = await bench.statuses();
    expect(ids.map((id) => statuses.get(id))).toEqual([
      ...given.slice(0, -1).map(() => 'completed'),
      'failed',
    ]);
    expect(simulator.writes().map(({ ip, write }) => [ip, write])).toEqual([
      [at(0), 'ascdisable'],
      [at(0), 'ascdisable'],
      [at(1), 'restart'],
      [at(2), 'addpool'],
      [at(2), 'switchpool'],
      [at(3), 'fanctrl'],
      [at(4), 'setconfig'],
    ]);
    expect(simulator.miner(at(0)).ghs5s).toBe(0);
    expect(simulator.miner(at(1)).isDown).toBe(true);
    expect(simulator.miner(at(2)).pools[simulator.miner(at(2)).activePool]?.url).toContain('new.example');
    expect(simulator.miner(at(4)).frequencyMhz).toBe(400);
    const [, told] = await api.person('GET', `commands/${ids[5]}`);
    expect(told['command']).toMatchObject({
      status: 'failed',
      result_message: expect.stringContaining('no reboot') as string,
    });
  });
});
