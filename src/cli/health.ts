import { Agent, request } from 'undici';
import type { Config } from '../config/schema.js';

const timeoutMs = 3_000;

/**
 * `headframe health`: asks the role that runs with these settings on this machine, or `url`, whether it takes work.
 * For checks of containers and supervisors, in place of curl. Exit code 1 when it does not.
 */
export async function checkHealth(
  config: Config,
  url: string | null,
  print: (line: string) => void,
): Promise<number> {
  const answers: string[] = [];
  for (const target of url === null ? ownUrls(config) : [url]) {
    const { isReady, text } = await ask(target);
    if (isReady) {
      print(`${target}: ${text}`);
      return 0;
    }
    answers.push(`${target}: ${text}`);
  }
  for (const answer of answers) process.stderr.write(`headframe: ${answer}\n`);
  return 1;
}

/** A process is one of the two: the api, or what has metrics alone. */
function ownUrls({ api, metrics, tls }: Config): string[] {
  const scheme = tls.cert === undefined ? 'http' : 'https';
  return [
    `http://${reachable(metrics.host)}:${metrics.port}/readyz`,
    `${scheme}://${reachable(api.host)}:${api.port}/readyz`,
  ];
}

/** Of an address that is listened on: one to connect to. */
function reachable(host: string): string {
  if (host === '0.0.0.0') return '127.0.0.1';
  if (host === '::') return '[::1]';
  return host.includes(':') ? `[${host}]` : host;
}

async function ask(target: string): Promise<{ isReady: boolean; text: string }> {
  // The certificate names the machine as others know it.
  const dispatcher = new Agent({ connect: { timeout: timeoutMs, rejectUnauthorized: false } });
  const limits = { headersTimeout: timeoutMs, bodyTimeout: timeoutMs };
  try {
    const answer = await request(target, { ...limits, dispatcher });
    const body = await answer.body.text();
    const isReady = answer.statusCode === 200;
    return { isReady, text: isReady ? 'ready' : `${answer.statusCode} ${body.slice(0, 500)}` };
  } catch (error) {
    return { isReady: false, text: (error as Error).message || 'no answer' };
  } finally {
    await dispatcher.destroy();
  }
}
