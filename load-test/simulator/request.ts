/** What a miner understood of the bytes it read. */
export interface Request {
  readonly isJson: boolean;
  /** `summary+stats` gives two; empty when there is no command or no JSON. */
  readonly members: readonly string[];
  readonly isJoined: boolean;
  readonly parameter: string;
  /** True when the command came as `cmd`, as Whatsminer clients send it. */
  readonly isCmd: boolean;
  /** Every other field, as Whatsminer commands carry their parameters. */
  readonly fields: Readonly<Record<string, unknown>>;
  readonly problem: 'invalid_json' | 'no_command' | null;
}

/** Bytes one `recv` of the firmware takes; what comes after is never read. */
export const requestBytes = 4095;

const cacheSize = 512;
const cache = new Map<string, Request>();

/** Reads a request as firmware does; never throws. Requests are few and repeat: the last 512 are remembered. */
export function parseRequest(text: string): Request {
  const known = cache.get(text);
  if (known !== undefined) return known;
  const request = parse(text);
  if (cache.size >= cacheSize) cache.clear();
  cache.set(text, request);
  return request;
}

function parse(text: string): Request {
  const end = text.indexOf('\0');
  const body = end < 0 ? text : text.slice(0, end);
  if (!body.startsWith('{')) {
    const bar = body.indexOf('|');
    return request(false, bar < 0 ? body : body.slice(0, bar), bar < 0 ? '' : body.slice(bar + 1));
  }
  let value: Record<string, unknown>;
  try {
    value = JSON.parse(body) as Record<string, unknown>;
  } catch {
    return { ...request(true, '', ''), problem: 'invalid_json' };
  }
  const { command, cmd, parameter, ...fields } = value;
  const name = command ?? cmd;
  if (typeof name !== 'string') return { ...request(true, '', ''), fields, problem: 'no_command' };
  const text1 = typeof parameter === 'string' || typeof parameter === 'number' ? String(parameter) : '';
  return { ...request(true, name, text1), isCmd: command === undefined, fields };
}

function request(isJson: boolean, command: string, parameter: string): Request {
  const members = command === '' ? [] : [...new Set(command.split('+'))];
  return {
    isJson,
    members,
    isJoined: members.length > 1,
    parameter,
    isCmd: false,
    fields: {},
    problem: null,
  };
}
