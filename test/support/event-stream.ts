import { once } from 'node:events';
import { get, type IncomingMessage } from 'node:http';

/** A client of an api's event stream. */
export interface Listener {
  readonly response: IncomingMessage;
  /** All that it was sent. */
  text(): string;
  /** Summaries so far. */
  events(): number;
  /** How often it was told an event of a name. */
  told(name: string): number;
  /** Data of each event of a name. */
  data(name: string): unknown[];
  close(): void;
}

/** Follows `site` at an api until closed. */
export async function listen(url: string, headers: Record<string, string> = {}, site = 1): Promise<Listener> {
  const request = get(`${url}/api/collector/stream?site=${site}`, { headers, agent: false });
  const [response] = (await once(request, 'response')) as [IncomingMessage];
  let text = '';
  response.setEncoding('utf8').on('data', (part: string) => (text += part));
  response.on('error', () => undefined);
  request.on('error', () => undefined);
  const told = (name: string): number => text.split(`event: ${name}\n`).length - 1;
  return {
    response,
    text: () => text,
    events: () => told('summary'),
    told,
    data: (name) =>
      [...text.matchAll(new RegExp(`^event: ${name}\ndata: (.*)\n\n`, 'gm'))].map(
        ([, data]) => JSON.parse(data ?? '') as unknown,
      ),
    close: () => request.destroy(),
  };
}
