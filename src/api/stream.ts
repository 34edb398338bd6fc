import type { Request, Response } from 'express';
import { AppError } from '../domain/errors.js';
import type { SiteSummary } from '../domain/ingest.js';
import type { ApiDeps } from './deps.js';
import { readSiteId } from './queries.js';

interface Channel {
  readonly clients: Set<Response>;
  timer: NodeJS.Timeout | null;
  isLoading: boolean;
  quietMs: number;
}

/**
 * `GET /api/collector/stream?site=`: server-sent events. One channel per site and one query per tick for
 * all its clients, and only while it has any: a `summary` event (JSON of the summary) each tick, a
 * comment when there was nothing to say for the heartbeat's time. Clients are bounded in number, and one
 * that does not read is dropped; it comes back by itself and misses nothing, since each event is whole.
 */
export function createStreamHandler(
  deps: ApiDeps,
  loadSummary: (siteId: number) => Promise<SiteSummary | null>,
): (request: Request, response: Response) => Promise<void> {
  const { options } = deps;
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

  const tick = async (siteId: number, channel: Channel): Promise<void> => {
    channel.quietMs += options.streamIntervalMs;
    if (channel.quietMs >= options.streamHeartbeatMs) write(channel, ': quiet\n\n');
    if (channel.isLoading) return;
    channel.isLoading = true;
    try {
      const summary = await loadSummary(siteId);
      if (summary !== null) write(channel, summaryEvent(summary));
    } catch (err) {
      deps.log.debug({ err, siteId }, 'summary for streams failed');
    } finally {
      channel.isLoading = false;
    }
  };

  const join = (siteId: number, client: Response): void => {
    const channel = channels.get(siteId) ?? { clients: new Set(), timer: null, isLoading: false, quietMs: 0 };
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

  return async function handleStream(request, response) {
    const siteId = readSiteId(request.query['site']);
    if (clientCount >= options.maxStreams) {
      throw new AppError('OVERLOADED', 'Too many event streams', { retryAfterS: 10 });
    }
    clientCount += 1;
    response.on('close', () => {
      clientCount -= 1;
      leave(siteId, response);
    });
    const summary = await loadSummary(siteId);
    if (summary === null) throw new AppError('NOT_FOUND', 'No such site');
    if (response.destroyed) return;
    if (deps.lifecycle.isDraining) throw new AppError('DRAINING', 'Shutting down');
    response.writeHead(200, {
      'Content-Type': 'text/event-stream; charset=utf-8',
      'Cache-Control': 'no-cache, no-transform',
      'X-Accel-Buffering': 'no',
    });
    response.write(`retry: 3000\n\n${summaryEvent(summary)}`);
    join(siteId, response);
  };
}

function summaryEvent(summary: SiteSummary): string {
  return `event: summary\ndata: ${JSON.stringify(summary)}\n\n`;
}
