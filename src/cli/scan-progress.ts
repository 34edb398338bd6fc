import { SingleBar } from 'cli-progress';

/** What a person who waits for a scan sees. */
export interface ScanProgress {
  start(addresses: number): void;
  /** `reading`: miners being read right now. */
  update(done: number, found: number, reading: number): void;
  /** Takes the bar away while something else is written to the same terminal. */
  around(write: () => void): void;
  stop(): void;
}

const eraseLine = '\r\u001b[2K';

/** A bar on stderr where that is a terminal; nothing elsewhere. */
export function openProgress(
  stream: NodeJS.WritableStream & { readonly isTTY?: boolean } = process.stderr,
  env: NodeJS.ProcessEnv = process.env,
): ScanProgress {
  if (stream.isTTY !== true || env['TERM'] === 'dumb') return silent;
  const bar = new SingleBar({
    stream,
    format:
      '{bar} {percentage} % · {value}/{total} addresses · {found} found · {reading} being read · {eta_formatted}',
    barsize: 24,
    barCompleteChar: '█',
    barIncompleteChar: '░',
    forceRedraw: true,
    // Ctrl-C ends the scan at once: there must be nothing of the terminal's to put back.
    gracefulExit: false,
    hideCursor: false,
    linewrap: true,
    clearOnComplete: true,
    etaBuffer: 2000,
  });
  return {
    start: (addresses) => bar.start(addresses, 0, { found: 0, reading: 0 }),
    update: (done, found, reading) => bar.update(done, { found, reading }),
    around: (write) => {
      stream.write(eraseLine);
      write();
      bar.render();
    },
    stop: () => bar.stop(),
  };
}

const silent: ScanProgress = {
  start: () => undefined,
  update: () => undefined,
  around: (write) => write(),
  stop: () => undefined,
};
