import { request as httpRequest } from 'node:http';
import { configSchema } from '../../src/config/schema.js';
import { alertDepsOf, senderOf } from '../../src/roles/alerts.js';
import { clusterDepsOf } from '../../src/roles/cluster.js';
import { commandDepsOf, commandWaitsOf, planDepsOf, planWaitsOf } from '../../src/roles/commands.js';
import { storeDeps } from '../../src/roles/read-deps.js';
import { storeOn, type Store } from '../../src/roles/store.js';
import { startTestApi, type TestApi, type TestApiOptions } from './api-server.js';
import type { TestEdition } from './services.js';
import { createTestStorage, type TestStorage } from './storage.js';

/** What an api answered. */
export interface Answer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  readonly body: {
    success?: boolean;
    code?: string;
    error?: string;
    data?: never;
  } & Record<string, unknown>;
}

/** An api on a database of its own where nobody is let in who does not say who they are. */
export interface PeopleBench {
  readonly storage: TestStorage;
  readonly store: Store;
  readonly api: TestApi;
  /** Asks with a cookie, token, or other headers; JSON both ways. */
  ask(method: string, path: string, options?: AskOptions): Promise<Answer>;
  /** Signs in; answers the cookie. Throws when it is refused. */
  login(name: string, password: string): Promise<string>;
  close(): Promise<void>;
}

export interface AskOptions {
  readonly body?: unknown;
  readonly cookie?: string;
  readonly token?: string;
  readonly headers?: Readonly<Record<string, string>>;
}

/** Asks a server; `fetch` would set `Host`, `Origin` and the like itself. */
export function ask(url: string, method: string, path: string, options: AskOptions = {}): Promise<Answer> {
  const { body, cookie, token, headers } = options;
  const text = body === undefined ? undefined : JSON.stringify(body);
  return new Promise((resolve, reject) => {
    const sent = {
      ...(text === undefined
        ? {}
        : { 'content-type': 'application/json', 'content-length': String(Buffer.byteLength(text)) }),
      ...(cookie === undefined ? {} : { cookie }),
      ...(token === undefined ? {} : { authorization: `Bearer ${token}` }),
      ...headers,
    };
    const outgoing = httpRequest(`${url}${path}`, { method, headers: sent, agent: false }, (response) => {
      let answer = '';
      response
        .setEncoding('utf8')
        .on('data', (part: string) => (answer += part))
        .on('error', reject)
        .on('end', () => {
          const isJson = /json/.test(response.headers['content-type'] ?? '');
          const parsed = (isJson ? JSON.parse(answer) : { text: answer }) as Answer['body'];
          resolve({ status: response.statusCode ?? 0, headers: response.headers, body: parsed });
        });
    });
    outgoing.on('error', reject).end(text);
  });
}

export async function createPeopleBench(
  edition: TestEdition,
  setup: TestApiOptions = {},
): Promise<PeopleBench> {
  const storage = await createTestStorage(edition);
  const store = storeOn(storage.db);
  const config = configSchema.parse({});
  const api = await startTestApi({
    ...setup,
    deps: {
      ...storeDeps(store, 90),
      alerts: alertDepsOf(store, 100, senderOf(config)),
      commands: commandDepsOf({ config, store }, commandWaitsOf({ config, store })),
      plans: planDepsOf({ config, store }, planWaitsOf({ config, store })),
      cluster: clusterDepsOf({ config, store }),
      ...setup.deps,
    },
    options: { localAccess: 'none', ...setup.options },
  });
  const askIt: PeopleBench['ask'] = (method, path, options) => ask(api.url, method, path, options);
  return {
    storage,
    store,
    api,
    ask: askIt,
    login: async (name, password) => {
      const answer = await askIt('POST', '/api/auth/login', { body: { name, password } });
      const [cookie = ''] = answer.headers['set-cookie'] ?? [];
      if (answer.status !== 200) throw new Error(JSON.stringify(answer.body));
      return cookie.split(';')[0] ?? '';
    },
    close: async () => {
      await api.stop();
      await storage.close();
    },
  };
}
