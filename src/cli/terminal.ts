/** The part of a stream that a live line needs. */
export interface TerminalStream {
  readonly isTTY?: boolean | undefined;
  readonly columns?: number | undefined;
  write(text: string): unknown;
}

const eraseLine = '\r\u001b[2K';

/**
 * The last line of a terminal, redrawn in place, with whole lines printed above it. It moves and erases
 * and never colours, so `NO_COLOR` asks nothing of it.
 */
export class Terminal {
  readonly #stream: TerminalStream;
  #line = '';

  constructor(stream: TerminalStream) {
    this.#stream = stream;
  }

  /** Columns of text that fit on the line; one is kept free, for a full line would wrap. */
  get width(): number {
    return Math.max(10, this.#stream.columns || 80) - 1;
  }

  /** Replaces the line; what does not fit is cut. */
  show(line: string): void {
    this.#line = line.length > this.width ? `${line.slice(0, this.width - 1)}…` : line;
    this.#stream.write(`${eraseLine}${this.#line}`);
  }

  /** Prints whole lines above the line. */
  print(lines: string): void {
    this.#stream.write(`${eraseLine}${lines.replace(/\n*$/, '\n')}${this.#line}`);
  }

  /** Takes the line away, as before anything else is written to the same terminal. */
  clear(): void {
    this.#line = '';
    this.#stream.write(eraseLine);
  }
}

/** The terminal on stderr; null when stderr is none, or one that cannot erase. */
export function openTerminal(
  stream: TerminalStream = process.stderr,
  env: NodeJS.ProcessEnv = process.env,
): Terminal | null {
  return stream.isTTY === true && env['TERM'] !== 'dumb' ? new Terminal(stream) : null;
}
