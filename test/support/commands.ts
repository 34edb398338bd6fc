import type { ApiOptions } from '../../src/api/options.js';
import { configSchema, type Config } from '../../src/config/schema.js';
import { commandDepsOf, commandWaitsOf, startCommands, sweepCommands } from '../../src/roles/commands.js';
import { createFailure } from '../../src/roles/failure.js';
import { storeDeps } from '../../src/roles/read-deps.js';
import { openStore, type Store } from '../../src/roles/store.js';
import { createMetrics } from '../../src/telemetry/metrics.js';
import { startTestApi, type TestApi } from './api-server.js';
import type { TestEdition } from './services.js';
import { createTestStorage, silent, type TestStorage } from './storage.js';

/** An answer of the api. */
export type Answer = { readonly [name: string]: never };

/** What an instance has beside the routes. */
export interface StartParts {
  /** It hears of commands of other instances, and sweeps. */
  readonly listens?: boolean;
  /** What programs of this machine may do unnamed; all, unless it is said. */
  readonly localAccess?: ApiOptions['localAccess'];
}

/** One api instance on the database of a bench. */
export interface CommandApi {
  readonly api: TestApi;
  readonly store: Store;
  /** Asks as a person of this machine would. */
  person(method: string, path: string, body?: unknown): Promise<[number, Answer]>;
  /** Asks with an API token. */
  script(token: string, method: string, path: string, body?: unknown): Promise<[number, Answer]>;
  /** Asks with a collector's key. */
  collector(method: string, path: string, body?: unknown, key?: string): Promise<[number, Answer]>;
  stop(): Promise<void>;
}

/** A migrated database with a site and a key of it, on which api instances run. */
export interface CommandBench {
  readonly storage: TestStorage;
  readonly siteId: number;
  /** Of the site, and of another one. */
  readonly key: string;
  readonly otherKey: string;
  start(settings?: Partial<Config['commands']>, parts?: StartParts): Promise<CommandApi>;
  /** What time does, once. */
  sweep(settings?: Partial<Config['commands']>): Promise<object>;
  /** Statuses of all commands by number. */
  statuses(): Promise<Map<number, string>>;
  close(): Promise<void>;
}

export async function createCommandBench(edition: TestEdition): Promise<CommandBench> {
  const storage = await createTestStorage(edition);
  const { siteId } = storage.key;
  const { key } = await storage.keys.create(siteId);
  const { key: otherKey } = await storage.keys.create(await storage.sites.ensureSite('south'));
  const stops: (() => Promise<void>)[] = [];
  const configOf = (settings: Partial<Config['commands']>): Config =>
    configSchema.parse({ commands: settings, database: { deadline_ms: 10_000 } });
  const sweepStore = openStore(storage.url, configOf({}), { log: silent });

  const start: CommandBench['start'] = async (settings = {}, parts = {}) => {
    const config = configOf(settings);
    const store = openStore(storage.url, config, { log: silent });
    const waits = commandWaitsOf({ config, store });
    const api = await startTestApi({
      deps: { ...storeDeps(store, 90), commands: commandDepsOf({ config, store }, waits) },
      options: {
        commandRequestsPerMinute: 1_000_000,
        ...(parts.localAccess === undefined ? {} : { localAccess: parts.localAccess }),
      },
    });
    const loops =
      parts.listens === true
        ? startCommands({ config, store, waits, log: silent, metrics: api.metrics, failure: createFailure() })
        : null;
    const call = async (
      method: string,
      path: string,
      body: unknown,
      headers: Record<string, string>,
    ): Promise<[number, Answer]> => {
      const response = await fetch(`${api.url}/api/collector/${path}`, {
        method,
        headers: { 'content-type': 'application/json', ...headers },
        ...(body === undefined ? {} : { body: JSON.stringify(body) }),
      });
      return [response.status, (await response.json()) as Answer];
    };
    let isStopped = false;
    const stop = async (): Promise<void> => {
      if (isStopped) return;
      isStopped = true;
      await api.stop();
      await loops?.stop();
      await store.database.close({ timeoutMs: 2_000 });
    };
    stops.push(stop);
    return {
      api,
      store,
      person: (method, path, body) => call(method, path, body, {}),
      script: (token, method, path, body) => call(method, path, body, { authorization: `Bearer ${token}` }),
      collector: (method, path, body, own = key) => call(method, path, body, { 'x-collector-key': own }),
      stop,
    };
  };

  return {
    storage,
    siteId,
    key,
    otherKey,
    start,
    sweep: (settings = {}) =>
      sweepCommands(sweepStore, configOf(settings), createMetrics({ withProcess: false })),
    statuses: async () => {
      const rows = await storage.query<{ command_id: number; status: string }>(
        'select command_id, status from miner_commands order by command_id',
      );
      return new Map(rows.map((row) => [row.command_id, row.status]));
    },
    close: async () => {
      for (const stop of stops) await stop();
      await sweepStore.database.close({ timeoutMs: 2_000 });
      await storage.close();
    },
  };
}
