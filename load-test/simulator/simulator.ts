import { createServer, type AddressInfo, type Server, type Socket } from 'node:net';
import { listAddresses, type Addresses } from './addresses.js';
import { Connection, type Counts, type Shared } from './connection.js';
import type { Fault } from './faults.js';
import { createFramedServer } from './framed-server.js';
import { GroundTruth, type WriteTruth } from './ground-truth.js';
import { SimulatedMiner, defaultTiming, type PoolState, type Timing } from './miner.js';
import { dealFaults, mixes, pickModel, type Mix } from './mix.js';
import type { ModelName } from './models.js';
import { hashText } from './random.js';
import type { Reading } from './reading.js';
import type { Writes } from './respond.js';
import { createWebServer, type WebLogin } from './web-server.js';

export interface SimulatorOptions {
  /** Default `0.0.0.0`: on Linux every 127.x.y.z is then a miner's address. */
  readonly host?: string;
  /** Default 0: any free port. */
  readonly port?: number;
  /** Where the Whatsminers answer API v3 too, in frames; 0 is any free port. Default null: nowhere. */
  readonly framedPort?: number | null;
  /** Where Antminers show their web pages; 0 is any free port. Default null: nowhere. */
  readonly httpPort?: number | null;
  /** What web pages are logged into with, and, its password, the write API of Whatsminers. Default root, root. */
  readonly login?: WebLogin;
  readonly seed?: number;
  readonly miners: Addresses;
  /** Default `mixes.clean`. */
  readonly mix?: Mix;
  /** Faults of single addresses, before those of the mix; null keeps an address healthy. */
  readonly faults?: Readonly<Record<string, Fault | null>>;
  /** Kinds of single addresses, before those of the mix. */
  readonly models?: Readonly<Record<string, ModelName>>;
  /** NDJSON file to append every reply served and every write carried out to; null writes none. */
  readonly groundTruthPath?: string | null;
  /** ms since 1970; default the system's. */
  readonly clock?: () => number;
  /** Simulated seconds per second; default 1. */
  readonly timeScale?: number;
  /** When the machines' history is pinned, ms since 1970; default the clock at start. Fix it to repeat a run. */
  readonly epochMs?: number;
  readonly timing?: Partial<Timing>;
  readonly writes?: Partial<Writes>;
  /** A connection older than this is destroyed, ms. */
  readonly maxOpenMs?: number;
  /** More connections at once are closed on accept. */
  readonly maxConnections?: number;
}

/** Writes kept to be looked at. */
const maxWritesKept = 100_000;

/** A miner as seen from inside. */
interface MinerView extends Reading {
  readonly address: string;
  readonly model: ModelName;
  readonly fault: Fault | null;
  readonly isDown: boolean;
  readonly accepted: number;
  readonly rejected: number;
  readonly summariesServed: number;
  readonly pools: readonly PoolState[];
  readonly activePool: number;
  readonly powerMode: 'low' | 'normal' | 'high';
  /** What its web page was last given beside its state; null when nothing. */
  readonly webConfig: Readonly<Record<string, unknown>> | null;
}

interface SimulatorStats extends Readonly<Counts> {
  readonly miners: number;
  readonly open: number;
  readonly truthLines: number;
}

export interface Simulator {
  readonly port: number;
  /** Port of the framed API; null without. */
  readonly framedPort: number | null;
  /** Port of the web pages; null without. */
  readonly httpPort: number | null;
  readonly addresses: readonly string[];
  /** Every write that was carried out, oldest first; the last 100,000. */
  writes(): readonly WriteTruth[];
  /** @throws Error when no miner has the address. */
  miner(address: string): MinerView;
  /** @throws Error when no miner has the address. */
  setFault(address: string, fault: Fault | null): void;
  stats(): SimulatorStats;
  /** Closes every connection, then the ground truth. Idempotent. */
  stop(): Promise<void>;
}

/** Starts a farm behind one listening socket; the local address of a connection says which miner is meant. */
export async function startSimulator(options: SimulatorOptions): Promise<Simulator> {
  const clock = options.clock ?? Date.now;
  const epochMs = options.epochMs ?? clock();
  const scale = options.timeScale ?? 1;
  const miners = createMiners(options, epochMs);
  const counts: Counts = { connections: 0, refused: 0, requests: 0, replies: 0, bytes: 0, overlaps: 0 };
  const path = options.groundTruthPath ?? null;
  const truth = path === null ? null : new GroundTruth(path);
  const login = options.login ?? { username: 'root', password: 'root' };
  const shared: Shared = {
    wallMs: clock,
    nowMs: () => epochMs + (clock() - epochMs) * scale,
    writes: { cgminer: true, whatsminer: false, password: login.password, ...options.writes },
    truth,
    counts,
  };
  const executed: WriteTruth[] = [];
  for (const miner of miners.values())
    miner.onWrite = ({ command, parameters, via }) => {
      const write = { t: clock(), ip: miner.address, write: command, parameters, via };
      if (executed.length >= maxWritesKept) executed.shift();
      executed.push(write);
      truth?.addWrite(write);
    };
  const open = new Set<Connection>();
  const server = createServer({ allowHalfOpen: true }, (socket) => accept(socket, miners, shared, open));
  server.maxConnections = options.maxConnections ?? 15_000;
  const framedPort = options.framedPort ?? null;
  const framed =
    framedPort === null ? null : createFramedServer((ip) => miners.get(ip), shared.nowMs, login.password);
  const httpPort = options.httpPort ?? null;
  const web = httpPort === null ? null : createWebServer((ip) => miners.get(ip), shared.nowMs, login, counts);
  const host = options.host ?? '0.0.0.0';
  try {
    await listen(server, options.port ?? 0, host);
    if (framed !== null) await listen(framed.server, framedPort ?? 0, host);
    if (web !== null) await listen(web.server, httpPort ?? 0, host);
  } catch (error) {
    server.close();
    framed?.stop();
    web?.stop();
    truth?.close();
    throw error;
  }
  const sweeper = setInterval(() => sweep(open, clock() - (options.maxOpenMs ?? 30_000)), 1000);
  sweeper.unref();

  const find = (address: string): SimulatedMiner => {
    const miner = miners.get(address);
    if (miner === undefined) throw new Error(`no miner at ${address}`);
    return miner;
  };
  let stopped: Promise<void> | null = null;
  return {
    port: (server.address() as AddressInfo).port,
    framedPort: framed === null ? null : (framed.server.address() as AddressInfo).port,
    httpPort: web === null ? null : (web.server.address() as AddressInfo).port,
    addresses: [...miners.keys()],
    writes: () => executed,
    miner: (address) => view(find(address), shared.nowMs()),
    setFault: (address, fault) => {
      find(address).fault = fault;
    },
    stats: () => ({ ...counts, miners: miners.size, open: open.size, truthLines: truth?.lines ?? 0 }),
    stop: () => {
      stopped ??= new Promise<void>((resolve) => {
        clearInterval(sweeper);
        for (const connection of open) connection.destroy();
        framed?.stop();
        web?.stop();
        server.close(() => {
          truth?.close();
          resolve();
        });
      });
      return stopped;
    },
  };
}

function createMiners(options: SimulatorOptions, epochMs: number): Map<string, SimulatedMiner> {
  const seed = options.seed ?? 1;
  const blend: Mix = options.mix ?? mixes.clean;
  const timing: Timing = { ...defaultTiming, ...options.timing };
  const addresses = listAddresses(options.miners);
  const dealt = dealFaults(blend, seed, addresses);
  const miners = new Map<string, SimulatedMiner>();
  for (const address of addresses) {
    const own = options.faults?.[address];
    const fault = own === undefined ? (dealt.get(address) ?? null) : own;
    const model = options.models?.[address] ?? pickModel(blend, hashText(seed, address));
    miners.set(address, new SimulatedMiner(seed, address, model, fault, epochMs, timing));
  }
  return miners;
}

function accept(
  socket: Socket,
  miners: ReadonlyMap<string, SimulatedMiner>,
  shared: Shared,
  open: Set<Connection>,
): void {
  shared.counts.connections++;
  const miner = miners.get((socket.localAddress ?? '').replace(/^::ffff:/, ''));
  const isRefusing =
    miner === undefined ||
    miner.fault?.kind === 'refused' ||
    (miner.isDown(shared.nowMs()) && !miner.isDownSilent);
  if (isRefusing) {
    shared.counts.refused++;
    socket.on('error', () => socket.destroy());
    socket.resetAndDestroy();
    return;
  }
  open.add(new Connection(socket, miner, shared, (connection) => open.delete(connection)));
}

/** Oldest first: a set keeps the order of insertion. */
function sweep(open: ReadonlySet<Connection>, openedBeforeMs: number): void {
  for (const connection of open) {
    if (connection.openedMs > openedBeforeMs) return;
    connection.destroy();
  }
}

function listen(server: Server, port: number, host: string): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen({ port, host, backlog: 4096 }, () => {
      server.off('error', reject);
      resolve();
    });
  });
}

function view(miner: SimulatedMiner, nowMs: number): MinerView {
  const accepted = miner.accepted(nowMs);
  return {
    ...miner.reading(nowMs),
    address: miner.address,
    model: miner.modelName,
    fault: miner.fault,
    isDown: miner.isDown(nowMs),
    accepted,
    rejected: miner.rejected(accepted),
    summariesServed: miner.served,
    pools: miner.listPools(accepted),
    activePool: miner.activePool,
    powerMode: miner.powerMode,
    webConfig: miner.webConfig,
  };
}
