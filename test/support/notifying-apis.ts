import { createHmac } from 'node:crypto';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { ReceivedPost } from './receivers.js';
import { startProgram, type Program } from './processes.js';

/** An api in a process of its own that tells notices, and whose posts can be told from another's. */
export interface NotifyingApi {
  readonly name: string;
  start(): Promise<void>;
  /** SIGKILL, at once. */
  kill(): Promise<void>;
  /** Whether it is this one that sent a post: each signs with a key of its own under the same name. */
  hasSent(post: ReceivedPost): boolean;
}

export interface NotifyingApiOptions {
  readonly name: string;
  readonly dir: string;
  readonly databaseUrl: string;
  /** Name of the secret that notifiers sign with. */
  readonly secret: string;
  readonly alerts: Readonly<Record<string, number>>;
}

export function notifyingApi(options: NotifyingApiOptions): NotifyingApi {
  const { name, dir, databaseUrl, secret, alerts } = options;
  const key = `signing-key-of-${name}`;
  let program: Program | null = null;
  return {
    name,
    async start() {
      const config = join(dir, `${name}.json`);
      const settings = {
        data_dir: join(dir, name),
        poll: { interval_s: 60 },
        api: { port: 0 },
        secrets: [{ name: secret, value: key }],
        alerts,
      };
      await writeFile(config, JSON.stringify(settings));
      program = await startProgram({
        name,
        args: ['api', '--config', config],
        logDir: join(dir, 'logs'),
        env: { DATABASE_URL: databaseUrl },
      });
      await program.waitForOutput(/"msg":"api is listening"/, 60_000);
    },
    kill: async () => program?.kill(),
    hasSent({ headers, body }) {
      const signed = `${String(headers['x-headframe-timestamp'])}.${body}`;
      const digest = createHmac('sha256', key).update(signed).digest('hex');
      return headers['x-headframe-signature'] === `v1=${digest}`;
    },
  };
}
