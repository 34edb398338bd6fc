import { join } from 'node:path';

/** The databases a test can ask for: plain PostgreSQL always, TimescaleDB where one is offered. */
export type TestEdition = 'plain' | 'timescale';

/** `scripts/services env` prints these. */
const timescaleVariable = 'HEADFRAME_TEST_TIMESCALE_URL';
const redisVariable = 'HEADFRAME_TEST_REDIS_URL';
const prometheusVariable = 'HEADFRAME_TEST_PROMETHEUS_BIN';
const composeVariable = 'HEADFRAME_TEST_COMPOSE';

/** Superuser connection string of a TimescaleDB server, or null. */
export function testTimescaleUrl(): string | null {
  return process.env[timescaleVariable] || null;
}

/** Connection string of a Redis server that tests may fill and flush, or null. */
export function testRedisUrl(): string | null {
  return process.env[redisVariable] || null;
}

/** Path of a program that keeps or checks metrics, or null where they were not unpacked. */
export function testPrometheusProgram(name: 'prometheus' | 'promtool' | 'victoria-metrics'): string | null {
  const folder = process.env[prometheusVariable];
  return folder ? join(folder, name) : null;
}

/** Path of `docker-compose`, or null where it was not unpacked. It reads files without an engine. */
export function testComposeProgram(): string | null {
  return process.env[composeVariable] || null;
}

/** Every edition that this run offers, for `describe.each`. */
export function testEditions(): TestEdition[] {
  return testTimescaleUrl() === null ? ['plain'] : ['plain', 'timescale'];
}

/** With HEADFRAME_TEST_REQUIRE_SERVICES=1 a missing service is a failure, so that CI never passes by leaving it out. */
export function requireServices(): void {
  if (process.env.HEADFRAME_TEST_REQUIRE_SERVICES !== '1') return;
  for (const name of [timescaleVariable, redisVariable, prometheusVariable, composeVariable]) {
    if (!process.env[name]) throw new Error(`${name} is not set: eval "$(scripts/services env)"`);
  }
}
