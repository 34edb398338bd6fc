import { setTimeout as sleep } from 'node:timers/promises';
import { Pool } from 'undici';
import type { Answer, Ask, Request } from './ask.js';

/** Longer than the api's caches keep an answer fresh, ms. */
const coolMs = 2_100;

/** How long the requests of one kind took. */
export interface Taken {
  readonly name: string;
  readonly targetMs: number | null;
  /** From the request to the last byte of its answer, ms, each. */
  readonly latenciesMs: readonly number[];
  /** Of the longest answer. */
  readonly bytes: number;
}

/** One kept-alive connection to the api. */
export class Reader {
  readonly #pool: Pool;

  constructor(url: string) {
    this.#pool = new Pool(url, { connections: 1, bodyTimeout: 60_000, headersTimeout: 60_000 });
  }

  /** The answer as text, and how long it took. Throws for any status but 200. */
  async time(path: string): Promise<{ text: string; ms: number }> {
    const began = performance.now();
    const { statusCode, body } = await this.#pool.request({ path, method: 'GET' });
    const text = await body.text();
    const ms = performance.now() - began;
    if (statusCode !== 200) throw new Error(`${path}: ${statusCode} ${text.slice(0, 300)}`);
    return { text, ms };
  }

  async get(path: string): Promise<Answer> {
    return dataOf((await this.time(path)).text);
  }

  async close(): Promise<void> {
    await this.#pool.close();
  }
}

/**
 * Asks every kind once a round, so that none finds what it needs warm from itself. What the api may still
 * have in its caches waits its turn: each answer is made of the database.
 */
export async function timeUncached(
  reader: Reader,
  asks: readonly Ask[],
  rounds: number,
  onRound: (round: number) => void,
): Promise<Taken[]> {
  const latencies = new Map<Ask, number[]>(asks.map((ask) => [ask, []]));
  const longest = new Map<Ask, number>();
  const coldAt = new Map<string, number>();
  // The first round, in which the database makes its plans, is not counted.
  for (let round = 0; round <= rounds; round++) {
    onRound(round);
    let waiting = asks.map((ask) => ({ ask, request: ask.next() }));
    while (waiting.length > 0) {
      const next = waiting.reduce((a, b) =>
        readyAt(b.request, coldAt) < readyAt(a.request, coldAt) ? b : a,
      );
      await sleep(Math.max(0, readyAt(next.request, coldAt) - performance.now()));
      const { text, ms } = await reader.time(next.request.path);
      for (const name of next.request.cached) coldAt.set(name, performance.now() + coolMs);
      waiting = waiting.filter((other) => other !== next);
      if (round === 0) expectMeant(next.ask, next.request, text);
      else latencies.get(next.ask)?.push(ms);
      longest.set(next.ask, Math.max(longest.get(next.ask) ?? 0, text.length));
    }
  }
  return asks.map((ask) => ({
    name: ask.name,
    targetMs: ask.targetMs ?? null,
    latenciesMs: latencies.get(ask) ?? [],
    bytes: longest.get(ask) ?? 0,
  }));
}

/** The same request over and over, as a hundred open pages ask it. */
export async function timeCached(reader: Reader, name: string, path: string, times: number): Promise<Taken> {
  const latenciesMs: number[] = [];
  let bytes = 0;
  for (let time = 0; time < times; time++) {
    const { text, ms } = await reader.time(path);
    latenciesMs.push(ms);
    bytes = text.length;
  }
  return { name, targetMs: null, latenciesMs, bytes };
}

/** When the last of a request's answers in caches is old, on the clock of `performance`. */
function readyAt(request: Request, coldAt: ReadonlyMap<string, number>): number {
  return Math.max(0, ...request.cached.map((name) => coldAt.get(name) ?? 0));
}

function expectMeant(ask: Ask, request: Request, text: string): void {
  if (ask.isMeant(dataOf(text))) return;
  throw new Error(`${ask.name}: ${request.path} does not answer what it should: ${text.slice(0, 500)}`);
}

function dataOf(text: string): Answer {
  return (JSON.parse(text) as { data: Answer }).data;
}
