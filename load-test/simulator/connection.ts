import type { Socket } from 'node:net';
import { garbage, malform, oversizedReply } from './damage.js';
import { faultText, type Fault } from './faults.js';
import type { GroundTruth } from './ground-truth.js';
import type { SimulatedMiner } from './miner.js';
import { mix } from './random.js';
import { parseRequest, requestBytes } from './request.js';
import { respond, type Response, type Writes } from './respond.js';

/** What every connection of a simulator shares. */
export interface Shared {
  readonly wallMs: () => number;
  readonly nowMs: () => number;
  readonly writes: Writes;
  readonly truth: GroundTruth | null;
  readonly counts: Counts;
}

/** Counters of a simulator since it started. */
export interface Counts {
  connections: number;
  /** Connections reset on accept: unknown address, `refused`, or restarting. */
  refused: number;
  /** Requests read. */
  requests: number;
  /** Answers handed over whole, whatever they were worth. */
  replies: number;
  bytes: number;
  /** Connections and page requests taken while an earlier one of the same miner still waited for its answer. */
  overlaps: number;
}

/**
 * One client of one miner.
 *
 * `waiting` (nothing read yet) → `answering` (slow or dripping) → `answered` → closed. A silent miner
 * stays in `waiting`. The owner destroys what stays open too long.
 */
export class Connection {
  readonly openedMs: number;
  readonly #socket: Socket;
  readonly #miner: SimulatedMiner;
  readonly #shared: Shared;
  #phase: 'waiting' | 'answering' | 'answered' = 'waiting';
  #timer: NodeJS.Timeout | undefined;
  #sent: { response: Response; bytes: number; isWhole: boolean; wallMs: number; fault: Fault | null } | null =
    null;

  constructor(
    socket: Socket,
    miner: SimulatedMiner,
    shared: Shared,
    onClosed: (connection: Connection) => void,
  ) {
    this.#socket = socket;
    this.#miner = miner;
    this.#shared = shared;
    this.openedMs = shared.wallMs();
    if (miner.openConnections++ > 0) shared.counts.overlaps++;
    // Firmware reads once; what comes later is dropped.
    socket.on('data', (chunk) => {
      if (this.#phase === 'waiting') this.#receive(chunk);
    });
    socket.on('end', () => {
      if (this.#phase !== 'answering') socket.destroy();
    });
    socket.on('error', () => socket.destroy());
    socket.on('close', (hadError) => {
      clearTimeout(this.#timer);
      if (this.#phase !== 'answered') miner.openConnections--;
      this.#record(hadError);
      onClosed(this);
    });
  }

  destroy(): void {
    this.#socket.destroy();
  }

  #receive(chunk: Buffer): void {
    const { counts } = this.#shared;
    counts.requests++;
    const fault = this.#miner.fault;
    if (isSilent(this.#miner, fault, this.#shared.nowMs())) return;
    this.#phase = 'answering';
    const text = chunk.toString('latin1', 0, requestBytes);
    if (fault?.kind === 'slow') this.#timer = setTimeout(() => this.#answer(text, fault), fault.delayMs);
    else this.#answer(text, fault);
  }

  #answer(request: string, fault: Fault | null): void {
    const response = respond(this.#miner, parseRequest(request), this.#shared.nowMs(), this.#shared.writes);
    const { text } = response;
    const kind = fault?.kind;
    if (response.isWrite && fault !== null && kind?.startsWith('write_') === true)
      return this.#answerWrite(response, fault);
    if (text === null || kind === 'empty') return this.#finish(response, '', true, fault);
    if (fault?.kind === 'drip') {
      this.#sent = { response, bytes: text.length + 1, isWhole: true, wallMs: this.#shared.wallMs(), fault };
      return this.#drip(`${text}\0`, 0, fault.bytes, fault.everyMs);
    }
    if (kind === 'half_closed' || kind === 'keep_open') {
      this.#note(response, text.length, true, fault);
      this.#socket.write(text, 'latin1');
      if (kind === 'half_closed') this.#socket.end();
      return;
    }
    this.#finish(response, this.#body(text, fault), kind !== 'truncated', fault);
  }

  /** Faults of writing: the answer is lost, or comes late. */
  #answerWrite(response: Response, fault: Fault): void {
    const body = response.text === null ? '' : `${response.text}\0`;
    if (fault.kind === 'write_lost') return void this.#socket.once('end', () => this.#socket.destroy());
    if (fault.kind === 'write_closed') return this.#finish(response, '', true, fault);
    if (fault.kind !== 'write_slow') return this.#finish(response, body, true, fault);
    this.#timer = setTimeout(() => this.#finish(response, body, true, fault), fault.delayMs);
  }

  #body(text: string, fault: Fault | null): string | Buffer {
    if (fault?.kind === 'truncated')
      return text.slice(0, 1 + Math.floor(this.#miner.nextDraw() * (text.length - 2)));
    if (fault?.kind === 'malformed') return malform(text, fault.quirk);
    if (fault?.kind === 'garbage') return garbage(fault.shape);
    return fault?.kind === 'oversized' ? oversizedReply() : `${text}\0`;
  }

  #finish(response: Response, body: string | Buffer, isWhole: boolean, fault: Fault | null): void {
    this.#note(response, body.length, isWhole, fault);
    if (typeof body === 'string') this.#socket.end(body, 'latin1');
    else this.#socket.end(body);
    this.#socket.destroySoon();
  }

  #drip(body: string, from: number, bytes: number, everyMs: number): void {
    if (from + bytes >= body.length) {
      this.#settle();
      this.#socket.end(body.slice(from), 'latin1');
      this.#socket.destroySoon();
      return;
    }
    this.#socket.write(body.slice(from, from + bytes), 'latin1');
    this.#timer = setTimeout(() => this.#drip(body, from + bytes, bytes, everyMs), everyMs);
  }

  #note(response: Response, bytes: number, isWhole: boolean, fault: Fault | null): void {
    this.#sent = { response, bytes, isWhole, wallMs: this.#shared.wallMs(), fault };
    this.#settle();
  }

  /** From here on the miner would take its next client. */
  #settle(): void {
    this.#phase = 'answered';
    this.#miner.openConnections--;
  }

  #record(hadError: boolean): void {
    if (this.#sent === null) return;
    const { response, bytes, isWhole, wallMs, fault } = this.#sent;
    const complete = isWhole && !hadError && this.#phase === 'answered' && this.#socket.bytesWritten >= bytes;
    const { counts, truth } = this.#shared;
    counts.bytes += this.#socket.bytesWritten;
    if (complete && bytes > 0) counts.replies++;
    if (truth === null || response.text === null) return;
    const { scene } = response;
    const isLost =
      fault !== null && (fault.kind === 'garbage' || fault.kind === 'oversized' || fault.kind === 'empty');
    for (const { command, isReading } of response.parts) {
      const isRead = isReading && !isLost;
      const hasAverage =
        !scene.miner.model.dialect.startsWith('avalon') || scene.reading.state !== 'starting';
      truth.add({
        t: wallMs,
        ip: scene.miner.address,
        command,
        accepted: isRead && command !== 'stats' && command !== 'estats' ? scene.accepted : null,
        elapsed: isRead && command !== 'pools' ? scene.reading.elapsedS : null,
        hashrate_ghs: isRead && command !== 'pools' && hasAverage ? scene.reading.ghs : null,
        hashrate_5s_ghs: isRead && command !== 'pools' ? scene.reading.ghs5s : null,
        bytes,
        fault: fault === null ? null : faultText(fault),
        complete,
      });
    }
  }
}

function isSilent(miner: SimulatedMiner, fault: Fault | null, nowMs: number): boolean {
  if (fault?.kind === 'silent' || miner.isDown(nowMs)) return true;
  if (fault?.kind !== 'flapping') return false;
  const periodS = fault.upS + fault.downS;
  const phaseS = mix(miner.key, 8) % Math.max(1, Math.floor(periodS));
  return (nowMs / 1000 + phaseS) % periodS >= fault.upS;
}
