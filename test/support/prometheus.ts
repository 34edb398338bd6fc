import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { freePort } from '../../src/storage/embedded/server.js';
import { testPrometheusProgram } from './services.js';
import { waitFor } from './wait.js';

export interface PrometheusOptions {
  /** Processes to scrape: job → `host:port`. */
  readonly targets?: Readonly<Record<string, string>>;
  /** Default 1. */
  readonly scrapeIntervalS?: number;
  /** Paths of files of rules. */
  readonly rules?: readonly string[];
  /** More flags. */
  readonly flags?: readonly string[];
}

export interface TestPrometheus {
  readonly url: string;
  /** `data` of an answer of its api; throws with its error. */
  ask<T>(path: string, parameters?: Readonly<Record<string, string>>): Promise<T>;
  stop(): Promise<void>;
}

/** A Prometheus of its own on loopback, with its data in a folder that is removed at the end. */
export async function startPrometheus(options: PrometheusOptions = {}): Promise<TestPrometheus> {
  const interval = `${options.scrapeIntervalS ?? 1}s`;
  // JSON is YAML.
  const config = {
    global: { scrape_interval: interval, scrape_timeout: interval, evaluation_interval: '1s' },
    rule_files: options.rules ?? [],
    scrape_configs: Object.entries(options.targets ?? {}).map(([job_name, target]) => ({
      job_name,
      static_configs: [{ targets: [target] }],
    })),
  };
  return startMetricStore('prometheus', '/-/ready', async (folder, address) => {
    await writeFile(join(folder, 'prometheus.yml'), JSON.stringify(config));
    return [
      `--config.file=${join(folder, 'prometheus.yml')}`,
      `--storage.tsdb.path=${join(folder, 'data')}`,
      `--web.listen-address=${address}`,
      ...(options.flags ?? []),
    ];
  });
}

/** A VictoriaMetrics likewise: it takes OTLP under `/opentelemetry` and is asked as a Prometheus is. */
export function startVictoriaMetrics(): Promise<TestPrometheus> {
  return startMetricStore('victoria-metrics', '/health', (folder, address) => [
    `-storageDataPath=${join(folder, 'data')}`,
    `-httpListenAddr=${address}`,
    // What comes in is found at once.
    '-search.latencyOffset=0s',
    '-inmemoryDataFlushInterval=1s',
  ]);
}

async function startMetricStore(
  name: 'prometheus' | 'victoria-metrics',
  readyPath: string,
  prepare: (folder: string, address: string) => Promise<string[]> | string[],
): Promise<TestPrometheus> {
  const program = testPrometheusProgram(name);
  if (program === null) throw new Error(`no ${name} in this run`);
  const folder = await mkdtemp(join(tmpdir(), `headframe-${name}-`));
  const address = `127.0.0.1:${await freePort()}`;
  const child = spawn(program, await prepare(folder, address), {
    stdio: ['ignore', 'ignore', 'pipe'],
    cwd: folder,
  });
  let log = '';
  child.stderr.setEncoding('utf8').on('data', (text: string) => (log = (log + text).slice(-20_000)));
  const ended = once(child, 'exit');
  const url = `http://${address}`;
  const stop = async (): Promise<void> => {
    child.kill('SIGKILL');
    await ended;
    await rm(folder, { recursive: true, force: true });
  };
  try {
    await waitFor(
      name,
      async () => {
        if (child.exitCode !== null) throw new Error(`${name} ended: ${log}`);
        return fetch(`${url}${readyPath}`).then(
          ({ ok }) => ok,
          () => false,
        );
      },
      { timeoutMs: 30_000, everyMs: 100 },
    );
  } catch (error) {
    await stop();
    throw error;
  }
  return {
    url,
    async ask<T>(path: string, parameters: Readonly<Record<string, string>> = {}) {
      const answer = await fetch(`${url}${path}?${new URLSearchParams(parameters).toString()}`);
      const { status, data, error } = (await answer.json()) as { status: string; data: T; error?: string };
      if (status !== 'success') throw new Error(`${path} ${JSON.stringify(parameters)}: ${error ?? ''}`);
      return data;
    },
    stop,
  };
}
