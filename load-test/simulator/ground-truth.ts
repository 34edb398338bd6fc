import { closeSync, openSync, writeSync } from 'node:fs';

/** One reply served, as a line of the ground truth. A joined reply gives one line per command. */
export interface Truth {
  /** When the reply was handed to the socket, ms since 1970. */
  readonly t: number;
  readonly ip: string;
  readonly command: string;
  /** Accepted shares as printed; null when the answer carries none. */
  readonly accepted: number | null;
  /** `Elapsed` as printed, s. */
  readonly elapsed: number | null;
  /** Average hashrate as printed, GH/s. */
  readonly hashrate_ghs: number | null;
  /** Short-term hashrate as printed, GH/s. */
  readonly hashrate_5s_ghs: number | null;
  /** Bytes of the whole answer, its ending included. */
  readonly bytes: number;
  /** As `parseFault` reads it. */
  readonly fault: string | null;
  /** The whole answer was handed to the kernel and the connection ended without an error. */
  readonly complete: boolean;
}

/**
 * One write carried out, as a line of the ground truth: known by its `write`, which no reply has. What was
 * refused leaves no line, so that a command done twice has two.
 */
export interface WriteTruth {
  /** When it was carried out, ms since 1970. */
  readonly t: number;
  readonly ip: string;
  /** The command as the device knows it: `restart`, `ascset`, `power_off`, `/cgi-bin/reboot.cgi`. */
  readonly write: string;
  /** Without passwords. */
  readonly parameters: string;
  readonly via: 'cgminer' | 'web' | 'whatsminer' | 'whatsminer-v3';
}

export interface GroundTruthOptions {
  readonly flushMs: number;
  /** Characters held before they are written at once, whatever the time. */
  readonly maxBuffered: number;
}

/**
 * Appends every reply served to an NDJSON file. Writes are synchronous and rare, so that memory is
 * bounded without a queue; a process killed loses at most `flushMs` of lines.
 */
export class GroundTruth {
  readonly #fd: number;
  readonly #timer: NodeJS.Timeout;
  readonly #maxBuffered: number;
  #buffer = '';
  #lines = 0;

  constructor(path: string, options: GroundTruthOptions = { flushMs: 200, maxBuffered: 256 * 1024 }) {
    this.#fd = openSync(path, 'a');
    this.#maxBuffered = options.maxBuffered;
    this.#timer = setInterval(() => this.flush(), options.flushMs);
    this.#timer.unref();
  }

  get lines(): number {
    return this.#lines;
  }

  add(truth: Truth): void {
    this.#lines++;
    this.#buffer += `${line(truth)}\n`;
    if (this.#buffer.length >= this.#maxBuffered) this.flush();
  }

  /** On disk at once: it is to prove what happened around a crash. */
  addWrite(write: WriteTruth): void {
    this.#lines++;
    this.#buffer += `${JSON.stringify(write)}\n`;
    this.flush();
  }

  flush(): void {
    if (this.#buffer === '') return;
    let bytes = Buffer.from(this.#buffer);
    this.#buffer = '';
    while (bytes.length > 0) bytes = bytes.subarray(writeSync(this.#fd, bytes));
  }

  close(): void {
    clearInterval(this.#timer);
    this.flush();
    closeSync(this.#fd);
  }
}

/** `command` is what a client sent: the one field that needs escaping. */
function line(truth: Truth): string {
  return (
    `{"t":${truth.t},"ip":"${truth.ip}","command":${JSON.stringify(truth.command)},"accepted":${truth.accepted},"elapsed":${truth.elapsed},` +
    `"hashrate_ghs":${truth.hashrate_ghs},"hashrate_5s_ghs":${truth.hashrate_5s_ghs},"bytes":${truth.bytes},` +
    `"fault":${truth.fault === null ? 'null' : `"${truth.fault}"`},"complete":${truth.complete}}`
  );
}
