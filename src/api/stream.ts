import type { Request, Response } from 'express';
import { AppError } from '../domain/errors.js';
import type { LiveChange, LiveChanges, SiteSummary } from '../domain/ingest.js';
import { streamQuery } from './contract/parameters.js';
import { withDatabaseDeadline } from './deadline.js';
import type { ApiDeps } from './deps.js';
import { readParameters } from './queries.js';
import type { Cached } from './read-cache.js';

interface Channel {
  readonly clients: Set<Response>;
  timer: NodeJS.Timeout | null;
  isLoading: boolean;
  quietMs: number;
  /** Changes are known up to here, on the database's clock, ms. */
  sinceMs: number;
  /** Marks of what was told or counted lately: no more than a site has miners. */
  told: ReadonlySet<string>;
}

/** Beyond its deadline a statement is cut by the server within a second; and clocks of statements are not exact, ms. */
const graceMs = 3_000;

/**
 * `GET /api/collector/stream?site=`: server-sent events. One channel per site, and one look per tick for
 * all its clients, only while it has any: a `summary` each tick, `changes` when states or healths became
 * others, a comment when there was nothing to say for the heartbeat's time. Ids are instants of the
 * database's clock, so that any instance can tell a client that comes back what it missed; too long ago
 * is a `reset`. Clients are bounded in number and in unsent bytes: one that does not read is dropped.
 */
export function createStreamHandler(
  deps: ApiDeps,
  loadSummary: (siteId: number) => Promise<Cached<SiteSummary | null>>,
): (request: Request, response: Response) => Promise<void> {
  const { options } = deps;
  // A statement that began earlier may commit after a later look: each look goes back as far as one may take.
  const overlapMs = options.readDeadlineMs + graceMs;
  const channels = new Map<number, Channel>();
  let clientCount = 0;
  deps.metrics.gauge('headframe_sse_clients', () => clientCount);
  deps.lifecycle.draining.addEventListener('abort', () => {
    for (const channel of channels.values()) for (const client of channel.clients) client.end();
  });

  const write = (channel: Channel, text: string): void => {
    channel.quietMs = 0;
    for (const client of channel.clients) {
      if (client.writableLength > options.maxStreamBufferBytes) client.destroy();
      else client.write(text);
    }
  };

  const look = (siteId: number, sinceMs: number): Promise<LiveChanges> =>
    withDatabaseDeadline(
      deps.liveChanges(siteId, sinceMs - overlapMs, options.maxStreamChanges),
      options.readDeadlineMs,
    );

  const tellChanges = async (siteId: number, channel: Channel): Promise<void> => {
    const found = await look(siteId, channel.sinceMs);
    const { told } = channel;
    const isNews = (mark: string | undefined): boolean => mark !== undefined && !told.has(mark);
    channel.told = new Set(found.marks);
    channel.sinceMs = found.atMs;
    const changes = found.changes.filter((_change, index) => isNews(found.marks[index]));
    const count = found.marks.filter(isNews).length;
    if (count > 0) write(channel, changesEvent(found.atMs, { changes, count }));
  };

  const tick = async (siteId: number, channel: Channel): Promise<void> => {
    channel.quietMs += options.streamIntervalMs;
    if (channel.quietMs >= options.streamHeartbeatMs) write(channel, ': quiet\n\n');
    if (channel.isLoading) return;
    channel.isLoading = true;
    try {
      const { value, isStale } = await loadSummary(siteId);
      // An old summary would look like news.
      if (value !== null && !isStale) write(channel, summaryEvent(value));
      await tellChanges(siteId, channel);
    } catch (err) {
      deps.log.debug({ err, siteId }, 'look for streams failed');
    } finally {
      channel.isLoading = false;
    }
  };

  const join = (siteId: number, client: Response, found: LiveChanges): void => {
    const channel = channels.get(siteId) ?? {
      clients: new Set(),
      timer: null,
      isLoading: false,
      quietMs: 0,
      sinceMs: found.atMs,
      told: new Set(found.marks),
    };
    // Others were told more while this one was asking: all look again from where it stands.
    if (channel.sinceMs > found.atMs) {
      channel.sinceMs = found.atMs;
      channel.told = new Set(found.marks);
    }
    channels.set(siteId, channel);
    channel.clients.add(client);
    channel.timer ??= setInterval(() => void tick(siteId, channel), options.streamIntervalMs);
  };

  const leave = (siteId: number, client: Response): void => {
    const channel = channels.get(siteId);
    if (channel === undefined || !channel.clients.delete(client) || channel.clients.size > 0) return;
    if (channel.timer !== null) clearInterval(channel.timer);
    channels.delete(siteId);
  };

  /** What a client is told first: what it missed when it comes back, else only where it stands. */
  const resume = async (
    siteId: number,
    lastId: string | undefined,
  ): Promise<{ text: string; found: LiveChanges }> => {
    const lastMs = lastId === undefined || lastId === '' ? null : Number(lastId);
    const knownMs = lastMs !== null && isRecent(lastMs) ? lastMs : null;
    const found = await look(siteId, knownMs ?? deps.now());
    if (knownMs !== null) {
      const { changes, marks } = found;
      return { found, text: changesEvent(found.atMs, { changes, count: marks.length }) };
    }
    const name = lastMs === null ? 'ready' : 'reset';
    return { found, text: `id: ${found.atMs}\nevent: ${name}\ndata: {}\n\n` };
  };
  const isRecent = (ms: number): boolean => Math.abs(deps.now() - ms) <= options.streamResumeMs;

  return async function handleStream(request, response) {
    const { site } = readParameters(streamQuery, request.query);
    if (clientCount >= options.maxStreams) {
      throw new AppError('OVERLOADED', 'Too many event streams', { retryAfterS: 10 });
    }
    clientCount += 1;
    response.on('close', () => {
      clientCount -= 1;
      leave(site, response);
    });
    const { value: summary } = await loadSummary(site);
    if (summary === null) throw new AppError('NOT_FOUND', 'No such site');
    const lastId = request.headers['last-event-id'];
    const first = await resume(site, Array.isArray(lastId) ? lastId[0] : lastId);
    if (response.destroyed) return;
    if (deps.lifecycle.isDraining) throw new AppError('DRAINING', 'Shutting down');
    response.writeHead(200, {
      'Content-Type': 'text/event-stream; charset=utf-8',
      'Cache-Control': 'no-cache, no-transform',
      'X-Accel-Buffering': 'no',
    });
    response.write(`retry: 3000\n\n${first.text}${summaryEvent(summary)}`);
    join(site, response, first.found);
  };
}

/** `count` is of all that is news, of which `changes` lists the newest. */
function changesEvent(
  atMs: number,
  data: { readonly changes: readonly LiveChange[]; readonly count: number },
): string {
  return `id: ${atMs}\nevent: changes\ndata: ${JSON.stringify(data)}\n\n`;
}

function summaryEvent(summary: SiteSummary): string {
  return `event: summary\ndata: ${JSON.stringify(summary)}\n\n`;
}
