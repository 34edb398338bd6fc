import { access, constants, mkdir } from 'node:fs/promises';
import { request } from 'undici';
import type { Config } from '../config/schema.js';
import { countAddresses } from '../domain/ip-ranges.js';
import { openSharedQueue } from '../roles/coordinator.js';
import { shardsOf } from '../roles/plan.js';
import { openStore } from '../roles/store.js';
import { checkSchema } from '../storage/migrate.js';
import { createLogger } from '../telemetry/logger.js';

interface Check {
  readonly name: string;
  readonly isOk: boolean;
  readonly detail: string;
}

/** `headframe doctor`: the settings in force and what they depend on. Exit code 1 when a check fails. */
export async function doctor(config: Config, options: { isJson: boolean }, print: (line: string) => void): Promise<number> {
  const checks = [
    await check('Node', async () => {
      const [major = 0, minor = 0] = process.versions.node.split('.').map(Number);
      if (major < 20 || (major === 20 && minor < 19)) throw new Error(`${process.versions.node}: 20.19 or newer is needed`);
      return process.versions.node;
    }),
    await check('data folder', async () => {
      await mkdir(config.data_dir, { recursive: true });
      await access(config.data_dir, constants.W_OK);
      return config.data_dir;
    }),
    await check('ranges', async () => {
      const shards = shardsOf(config);
      const addresses = shards.reduce((sum, shard) => sum + countAddresses(shard.ranges), 0);
      return `${config.sites.length} sites, ${addresses} addresses, ${shards.length} shards`;
    }),
    await check('database', () => databaseState(config)),
    await check('Redis', async () => {
      if (config.redis.url === undefined) return 'not configured: the queue is in memory';
      const queue = await openSharedQueue(config, createLogger('silent'));
      await queue.close();
      return 'answers';
    }),
    await check('api', async () => {
      if (config.upload.url === undefined) return 'not configured: nothing is uploaded elsewhere';
      const answer = await request(new URL('/readyz', config.upload.url), { headersTimeout: 5_000, bodyTimeout: 5_000 });
      await answer.body.dump();
      if (answer.statusCode !== 200) throw new Error(`/readyz answers ${answer.statusCode}`);
      return config.upload.url;
    }),
  ];
  const settings = masked(config);
  if (options.isJson) print(JSON.stringify({ settings, checks: checks.map(({ name, isOk, detail }) => ({ name, ok: isOk, detail })) }));
  else {
    print(JSON.stringify(settings, null, 2));
    for (const { name, isOk, detail } of checks) print(`${isOk ? 'ok  ' : 'FAIL'}  ${name}: ${detail}`);
  }
  return checks.every(({ isOk }) => isOk) ? 0 : 1;
}

async function databaseState(config: Config): Promise<string> {
  if (config.database.url === undefined) return 'not configured: `up` runs an embedded PostgreSQL';
  const store = openStore(config.database.url, config, { log: createLogger('silent') });
  try {
    const { edition, version } = await checkSchema(store.database);
    return `${edition}, schema version ${version}`;
  } finally {
    await store.database.close({ timeoutMs: 1_000 });
  }
}

async function check(name: string, run: () => Promise<string>): Promise<Check> {
  try {
    return { name, isOk: true, detail: await run() };
  } catch (error) {
    return { name, isOk: false, detail: error instanceof Error ? error.message : String(error) };
  }
}

const secretNames = new Set(['key', 'url']);

/** A copy with secrets masked: keys whole, passwords in URLs. */
function masked(value: unknown, name = ''): unknown {
  if (Array.isArray(value)) return value.map((item) => masked(item));
  if (typeof value === 'object' && value !== null) {
    return Object.fromEntries(Object.entries(value).map(([key, child]) => [key, masked(child, key)]));
  }
  if (typeof value !== 'string' || !secretNames.has(name)) return value;
  return name === 'key' ? `${value.slice(0, 8)}…` : value.replace(/\/\/([^:/@]*):[^@]*@/, '//$1:…@');
}
