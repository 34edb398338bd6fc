import { connect } from 'node:net';
import { formatIp } from '../src/domain/ip-ranges.js';

export interface SweepOptions {
  readonly addresses: Iterable<number>;
  /** The first is tried everywhere, the others where a machine answered on it, be it with a refusal. */
  readonly ports: readonly number[];
  readonly connectTimeoutMs: number;
  /** Sockets open at once at most; halved whenever the system has no more to give. */
  readonly concurrency: number;
  /** An address and the ports of it that take connections, in the order of `ports`; once all are known. */
  readonly onOpen: (host: string, ports: readonly number[]) => void;
  /** Addresses of which every port is known, each time it grows. */
  readonly onProgress: (done: number) => void;
}

/** What a sweep saw, in addresses; `silent` and `unreachable` are the dead ones. */
export interface SweepSummary {
  readonly open: number;
  readonly refused: number;
  readonly silent: number;
  readonly unreachable: number;
  /** Not tried: the system had no socket to give, however often it was asked. */
  readonly failed: number;
  /** Most sockets that were open at once. */
  readonly peakSockets: number;
  /** How often the system had no more sockets to give. */
  readonly shortages: number;
}

type Outcome = 'open' | 'refused' | 'silent' | 'unreachable' | 'failed';

interface Attempt {
  readonly address: number;
  readonly port: number;
  readonly isFirst: boolean;
  /** How often the system had no socket for it. */
  shortages: number;
}

/** Sockets opened before what has arrived is looked at. */
const startsPerTurn = 250;
/** Sockets won back after a shortage, for every attempt that got one. */
const recovery = 0.05;
/** Tries of one address for want of a socket; each waits for others to close. */
const maxShortages = 64;
/** Pause when there is no socket at all to wait for, ms. */
const shortageDelayMs = 100;

/** Not the other side's doing: descriptors, source ports or memory have run out. */
const shortageCodes = new Set([
  'EMFILE',
  'ENFILE',
  'EADDRNOTAVAIL',
  'EAGAIN',
  'ENOBUFS',
  'ENOMEM',
  'EADDRINUSE',
]);

/**
 * Finds out who takes connections: each is closed as soon as it stands, no byte is sent. One loop serves
 * ten thousand at once. Never rejects.
 */
export function sweep(options: SweepOptions): Promise<SweepSummary> {
  return new Promise((resolve) => new Sweep(options, resolve).fill());
}

class Sweep {
  readonly #options: SweepOptions;
  readonly #resolve: (summary: SweepSummary) => void;
  readonly #addresses: Iterator<number>;
  /** Attempts that come before new addresses. */
  readonly #waiting: Attempt[] = [];
  /** Addresses where a machine is, until every port is known. */
  readonly #alive = new Map<number, { left: number; readonly open: number[] }>();
  readonly #counts: Record<Outcome, number> = { open: 0, refused: 0, silent: 0, unreachable: 0, failed: 0 };
  #limit: number;
  #sockets = 0;
  #peak = 0;
  #shortages = 0;
  #done = 0;
  #isExhausted = false;
  #isFilling = false;

  constructor(options: SweepOptions, resolve: (summary: SweepSummary) => void) {
    this.#options = options;
    this.#resolve = resolve;
    this.#addresses = options.addresses[Symbol.iterator]();
    this.#limit = Math.max(1, options.concurrency);
  }

  /** Starts what there is room for, some at a time, so that answers are seen in between. */
  fill(): void {
    this.#isFilling = false;
    for (let started = 0; started < startsPerTurn && this.#sockets < this.#limit; started += 1) {
      const attempt = this.#next();
      if (attempt === null) break;
      this.#start(attempt);
    }
    if (this.#sockets < this.#limit && (!this.#isExhausted || this.#waiting.length > 0)) this.#fillSoon();
    if (this.#sockets === 0 && this.#isExhausted && this.#waiting.length === 0) this.#end();
  }

  #fillSoon(delayMs = 0): void {
    if (this.#isFilling) return;
    this.#isFilling = true;
    if (delayMs > 0) setTimeout(() => this.fill(), delayMs);
    else setImmediate(() => this.fill());
  }

  #next(): Attempt | null {
    const waiting = this.#waiting.pop();
    if (waiting !== undefined) return waiting;
    if (this.#isExhausted) return null;
    const next = this.#addresses.next();
    if (next.done !== true)
      return { address: next.value, port: this.#options.ports[0] ?? 0, isFirst: true, shortages: 0 };
    this.#isExhausted = true;
    return null;
  }

  #start(attempt: Attempt): void {
    this.#sockets += 1;
    this.#peak = Math.max(this.#peak, this.#sockets);
    const socket = connect({ host: formatIp(attempt.address), port: attempt.port });
    let isOver = false;
    const settle = (outcome: Outcome | 'shortage'): void => {
      if (isOver) return;
      isOver = true;
      clearTimeout(timer);
      socket.destroy();
      this.#sockets -= 1;
      if (outcome === 'shortage') return this.#noteShortage(attempt);
      this.#limit = Math.min(this.#options.concurrency, this.#limit + recovery);
      this.#note(attempt, outcome);
    };
    // Timers run before sockets are looked at: in a busy loop an answer may be there and not yet seen.
    const timer = setTimeout(() => setImmediate(settle, 'silent'), this.#options.connectTimeoutMs);
    socket.on('connect', () => settle('open'));
    socket.on('error', (error: NodeJS.ErrnoException) => settle(outcomeOf(error.code)));
  }

  #note(attempt: Attempt, outcome: Outcome): void {
    const { address, port, isFirst } = attempt;
    const [, ...further] = this.#options.ports;
    if (isFirst) {
      this.#counts[outcome] += 1;
      if (outcome === 'open' || outcome === 'refused') {
        this.#alive.set(address, { left: 1 + further.length, open: [] });
        for (const next of further) this.#waiting.push({ address, port: next, isFirst: false, shortages: 0 });
      } else this.#noteDone();
    }
    const alive = this.#alive.get(address);
    if (alive !== undefined) {
      if (outcome === 'open') alive.open.push(port);
      alive.left -= 1;
      if (alive.left === 0) this.#noteAlive(address, alive.open);
    }
    this.#fillSoon();
  }

  #noteAlive(address: number, open: readonly number[]): void {
    const { ports, onOpen } = this.#options;
    this.#alive.delete(address);
    this.#noteDone();
    if (open.length > 0)
      onOpen(
        formatIp(address),
        ports.filter((port) => open.includes(port)),
      );
  }

  #noteDone(): void {
    this.#done += 1;
    this.#options.onProgress(this.#done);
  }

  /** Sockets that could be opened show how many there are: half of them is safe. */
  #noteShortage(attempt: Attempt): void {
    this.#shortages += 1;
    attempt.shortages += 1;
    this.#limit = Math.max(1, Math.min(this.#limit, Math.floor(this.#sockets / 2)));
    if (attempt.shortages >= maxShortages) return this.#note(attempt, 'failed');
    this.#waiting.push(attempt);
    // With sockets open, the next one that closes goes on.
    if (this.#sockets === 0) this.#fillSoon(shortageDelayMs);
  }

  #end(): void {
    this.#resolve({ ...this.#counts, peakSockets: this.#peak, shortages: this.#shortages });
  }
}

function outcomeOf(code: string | undefined): Outcome | 'shortage' {
  if (code === 'ECONNREFUSED' || code === 'ECONNRESET') return 'refused';
  if (code === 'ETIMEDOUT') return 'silent';
  return code !== undefined && shortageCodes.has(code) ? 'shortage' : 'unreachable';
}
