import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { createServer, type Server, type Socket } from 'node:net';
import { once } from 'node:events';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { afterEach, describe, expect, it } from 'vitest';
import { packageRoot } from '../../src/config/paths.js';
import { createTestDatabase, type TestDatabase } from '../support/database.js';
import { startFarm, startMiners, type Farm } from '../support/farm.js';
import { startOtlpReceiver, type OtlpReceiver, type ReceivedSpan } from '../support/otlp-receiver.js';
import { killPrograms, scrape, startProgram, type Program } from '../support/processes.js';
import { waitFor } from '../support/wait.js';

let database: TestDatabase | null = null;
let farm: Farm | null = null;
let receiver: OtlpReceiver | null = null;

process.env.OTEL_EXPORTER_OTLP_PROTOCOL = 'http/json';
process.env.OTEL_BSP_SCHEDULE_DELAY = '200';

afterEach(async () => {
  await farm?.close();
  await killPrograms();
  await receiver?.close();
  await database?.drop();
  for (const folder of folders.splice(0)) await rm(folder, { recursive: true, force: true });
  farm = null;
  receiver = null;
  database = null;
});

const folders: string[] = [];
const folderOf = async (name: string): Promise<string> => {
  const folder = await mkdtemp(join(tmpdir(), `headframe-${name}-`));
  folders.push(folder);
  return folder;
};
const serviceOf = (span: ReceivedSpan): unknown => span.resource['service.name'];
const instanceOf = (span: ReceivedSpan): unknown => span.resource['service.instance.id'];

async function startTracedFarm(base: string): Promise<{ farm: Farm; receiver: OtlpReceiver }> {
  database = await createTestDatabase({ edition: 'plain' });
  receiver = await startOtlpReceiver();
  farm = await startFarm({
    databaseUrl: database.url,
    dir: await folderOf('tracing'),
    miners: 20,
    intervalS: 2,
    base,
    settings: { 'otel.traces': 'otlp', 'otel.endpoint': receiver.url, 'api.rate_limit_per_minute': 10_000 },
  });
  return { farm, receiver };
}

/** A statement that wrote a batch, once its whole trace has arrived. */
function storedBatch(from: OtlpReceiver, test: (line: ReceivedSpan[]) => boolean = () => true) {
  for (const span of from.spans.filter(({ name }) => name === 'ingest_batch')) {
    const line = from.ancestors(span);
    if (line.at(-1)?.parentSpanId === '' && line.length === 7 && test(line)) return line;
  }
  return null;
}

describe('a trace', () => {
  it('leads from a slot in the edge to the statement in the api', async () => {
    const { farm, receiver } = await startTracedFarm('127.58.0.1');
    await farm.startApi();
    await farm.startEdge();
    const line = await waitFor('a whole trace', () => storedBatch(receiver), { timeoutMs: 30_000 });
    expect(line.map((span) => [serviceOf(span), span.name])).toEqual([
      ['headframe-api', 'ingest_batch'],
      ['headframe-api', 'POST /api/collector/upload'],
      ['headframe-edge', 'upload'],
      ['headframe-edge', 'batch'],
      ['headframe-edge', 'poll chunk'],
      ['headframe-edge', 'poll slot'],
      ['headframe-edge', 'add slot'],
    ]);
    expect(new Set(line.map(({ traceId }) => traceId)).size).toBe(1);
    for (const span of line) expect(span.endTimeUnixNano).toBeGreaterThanOrEqual(span.startTimeUnixNano);
    const [statement, request] = line;
    const reading = receiver.spans.find(
      ({ name, parentSpanId }) => name === 'read upload' && parentSpanId === request?.spanId,
    );
    expect(reading?.traceId).toBe(statement?.traceId);
    // The command line of a process may hold secrets.
    expect(Object.keys(line[0]?.resource ?? {}).join()).not.toContain('process.command');
    expect(farm.edge().program.output()).not.toContain('telemetry is not exported');
  }, 90_000);

  it('goes on where a batch waited in the spool and another process sent it', async () => {
    const { farm, receiver } = await startTracedFarm('127.59.0.1');
    await farm.startApi();
    const uploadUrl = farm.api().url;
    await farm.killApi();
    const first = await farm.startEdge({ uploadUrl });
    const spooled = async (): Promise<boolean> => (await scrape(first.url)).sum('headframe_spool_files') > 1;
    await waitFor('batches to wait in the spool', spooled, { timeoutMs: 30_000 });
    expect((await first.program.stop()).code).toBe(0);
    await farm.startApi();
    await farm.startEdge();
    const line = await waitFor(
      'a batch of the first process, sent by the second',
      () =>
        storedBatch(
          receiver,
          ([, , upload, batch]) => !!upload && !!batch && instanceOf(upload) !== instanceOf(batch),
        ),
      { timeoutMs: 30_000 },
    );
    expect(new Set(line.slice(3).map(instanceOf)).size).toBe(1);
    // Several batches of the spool go into one request: the first is its parent, the others are links.
    const linked = receiver.spans.filter(({ name, links }) => name === 'upload' && links.length > 0);
    for (const { links } of linked)
      for (const link of links)
        expect(receiver.spans.find(({ spanId }) => spanId === link.spanId)?.name).toBe('batch');
  }, 120_000);
});

/** An edge that polls miners and reaches no api. */
async function startLoneEdge(
  base: string,
  settings: Record<string, string | number>,
  env: Record<string, string> = {},
): Promise<{ program: Program; url: string; miners: number }> {
  const dir = await folderOf('lone');
  const miners = await startMiners({ dir, base, count: 10 });
  const key = `hsc_${'a'.repeat(43)}`;
  const site = { name: 'lone', ranges: [miners.range], port: miners.port, interval_s: 1, key };
  const file = join(dir, 'settings.yaml');
  await writeFile(
    file,
    JSON.stringify({ sites: [site], allow_loopback: true, upload: { url: 'http://127.0.0.1:1' } }),
  );
  const all = { data_dir: join(dir, 'data'), 'metrics.port': 0, ...settings };
  const sets = Object.entries(all).flatMap(([name, value]) => ['--set', `${name}=${value}`]);
  const program = await startProgram({ name: 'edge', args: ['edge', '-c', file, ...sets], logDir: dir, env });
  const [, url = ''] = await program.waitForOutput(/"metrics":"([^"]+)".*"msg":"edge is polling"/);
  return { program, url, miners: 10 };
}

async function polledSlots(url: string): Promise<number> {
  return (await scrape(url)).sum('headframe_slots_total', 'outcome="polled"');
}

describe('OpenTelemetry', () => {
  it.each([
    { otel: 'none', loaded: false },
    { otel: 'otlp', loaded: true },
  ])(
    'is loaded when asked for, and only then: $otel',
    async ({ otel, loaded }) => {
      const list = join(await folderOf('modules'), 'modules.txt');
      const preload = pathToFileURL(join(packageRoot, 'test/support/loaded-modules.mjs')).href;
      const { program, url } = await startLoneEdge(
        loaded ? '127.60.0.1' : '127.61.0.1',
        { 'otel.traces': otel, 'otel.endpoint': 'http://127.0.0.1:1', 'otel.shutdown_ms': 100 },
        { NODE_OPTIONS: `--import ${preload}`, LOADED_MODULES: list },
      );
      await waitFor('a slot to be polled', async () => (await polledSlots(url)) > 0, { timeoutMs: 20_000 });
      expect((await program.stop()).code).toBe(0);
      const modules = (await readFile(list, 'utf8'))
        .split('\n')
        .filter((name) => name.includes('@opentelemetry/'));
      const sdk = modules.filter((name) => !name.includes('@opentelemetry/api/'));
      expect(sdk.length > 0).toBe(loaded);
      expect(sdk.some((name) => name.includes('@opentelemetry/sdk-node/'))).toBe(loaded);
    },
    60_000,
  );

  it('costs nothing where the receiver takes connections and never answers', async () => {
    const sockets: Socket[] = [];
    const silent: Server = createServer((socket) => void sockets.push(socket.on('error', () => undefined)));
    await once(silent.listen(0, '127.0.0.1'), 'listening');
    const { port } = silent.address() as { port: number };
    const { program, url, miners } = await startLoneEdge('127.62.0.1', {
      'otel.traces': 'otlp',
      'otel.metrics': 'otlp',
      'otel.endpoint': `http://127.0.0.1:${port}`,
      'otel.timeout_ms': 800,
      'otel.max_queue_spans': 64,
      'otel.metrics_every_s': 1,
      'otel.shutdown_ms': 100,
    });
    await waitFor(
      'exports to fail again and again, and slots to be polled all the while',
      async () => {
        const found = await scrape(url);
        return (await polledSlots(url)) >= 10 && found.sum('headframe_otel_faults_total') >= 5;
      },
      { timeoutMs: 60_000, everyMs: 200 },
    );
    expect(sockets.length).toBeGreaterThan(0);
    const found = await scrape(url);
    // Every slot of every miner was polled, as without a receiver.
    expect(found.sum('headframe_samples_skipped_total')).toBe(0);
    expect(found.sum('headframe_samples_total')).toBeGreaterThanOrEqual(10 * miners);
    expect(found.sum('headframe_conservation_error')).toBe(0);
    const said = (): number => program.output().split('telemetry is not exported as it should').length - 1;
    expect(said()).toBeGreaterThan(0);
    expect(said()).toBeLessThanOrEqual(4);
    // Exit code 0: it stopped by itself, within the bound past which it would have ended with 1.
    expect(await program.stop()).toEqual({ code: 0, signal: null });
    expect(program.output()).toContain('telemetry left behind');
    for (const socket of sockets) socket.destroy();
    silent.close();
  }, 120_000);
});
