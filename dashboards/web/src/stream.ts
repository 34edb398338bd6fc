import { useEffect, useState } from 'preact/hooks';
import type { SiteSummary } from '../../../src/domain/ingest.js';

/** How the page hears from the farm. */
export type Connection = 'connecting' | 'live' | 'reconnecting';

/** Hashrate of the site at one event. */
export interface HashratePoint {
  /** ms since the page was loaded. */
  readonly at: number;
  readonly ths: number;
}

/** All that the event stream has said so far. */
export interface Stream {
  readonly connection: Connection;
  readonly summary: SiteSummary | null;
  /** Local instant of the last event, ms since the epoch. */
  readonly receivedAt: number | null;
  /** Counts events; a change is the sign to refresh. */
  readonly tick: number;
  /** Since the page was loaded, bounded. */
  readonly history: readonly HashratePoint[];
}

/** Silence after which a connection is taken for dead: seven events missed. */
const SILENCE_MS = 15_000;
const BACKOFF_MIN_MS = 1000;
const BACKOFF_MAX_MS = 20_000;
/** An hour at one event every 2 s. */
const HISTORY_MAX = 1800;

interface Handlers {
  readonly onSummary: (summary: SiteSummary) => void;
  readonly onLost: () => void;
}

/** Follows a site until the returned function is called; reconnects by itself for ever. */
export function follow(site: number, handlers: Handlers): () => void {
  let source: EventSource | undefined;
  let timer: ReturnType<typeof setTimeout> | undefined;
  let backoffMs = BACKOFF_MIN_MS;

  const lost = (): void => {
    source?.close();
    clearTimeout(timer);
    handlers.onLost();
    timer = setTimeout(open, backoffMs * (0.75 + Math.random() / 2));
    backoffMs = Math.min(backoffMs * 2, BACKOFF_MAX_MS);
  };
  const watch = (): void => {
    clearTimeout(timer);
    timer = setTimeout(lost, SILENCE_MS);
  };
  function open(): void {
    source = new EventSource(`/api/collector/stream?site=${site}`);
    source.addEventListener('summary', (event: MessageEvent<string>) => {
      backoffMs = BACKOFF_MIN_MS;
      watch();
      handlers.onSummary(JSON.parse(event.data) as SiteSummary);
    });
    source.addEventListener('error', lost);
    watch();
  }

  open();
  return () => {
    clearTimeout(timer);
    source?.close();
  };
}

const nothing: Stream = { connection: 'connecting', summary: null, receivedAt: null, tick: 0, history: [] };

/** The stream of one site; starts over when the site changes. */
export function useStream(site: number | null): Stream {
  const [stream, setStream] = useState(nothing);
  useEffect(() => {
    setStream(nothing);
    if (site === null) return;
    return follow(site, {
      onSummary: (summary) =>
        setStream((old) => ({
          connection: 'live',
          summary,
          receivedAt: Date.now(),
          tick: old.tick + 1,
          history: [
            ...old.history.slice(1 - HISTORY_MAX),
            { at: performance.now(), ths: summary.total_hashrate_ths },
          ],
        })),
      // A tick on loss too: the requests it starts say why.
      onLost: () =>
        setStream((old) => ({
          ...old,
          connection: old.connection === 'connecting' ? 'connecting' : 'reconnecting',
          tick: old.tick + 1,
        })),
    });
  }, [site]);
  return stream;
}

/** The local clock, read anew every period, ms since the epoch. */
export function useNow(periodMs = 1000): number {
  const [now, setNow] = useState(() => Date.now());
  useEffect(() => {
    const timer = setInterval(() => setNow(Date.now()), periodMs);
    return () => clearInterval(timer);
  }, [periodMs]);
  return now;
}
