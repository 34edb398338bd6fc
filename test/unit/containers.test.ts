import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { packageRoot } from '../../src/config/paths.js';
import { configSchema } from '../../src/config/schema.js';
import { settingsOf } from '../../src/config/settings.js';
import {
  mountsOf,
  networksOf,
  readCompose,
  readDockerfile,
  serviceOf,
  type ComposeService,
} from '../support/compose.js';

const compose = readCompose();
const services = Object.entries(compose.services);
const ours = services.filter(([, service]) => service.build !== undefined);
/** A tag that names a release: three numbers, or a version and what it is built on. */
const pinned = /^[a-z0-9./-]+:v?\d+\.\d+\.\d+(-[a-z0-9.]+)*$/;
const isIn = (service: ComposeService, network: string): boolean => networksOf(service).includes(network);
const inRoot = (path: string): string => join(packageRoot, path);

describe('the Dockerfile', () => {
  const instructions = readDockerfile();
  const named = (name: string): string[] =>
    instructions.filter((one) => one.name === name).map(({ text }) => text);
  const last = instructions.slice(instructions.findLastIndex(({ name }) => name === 'FROM'));

  it('builds on images of a named release', () => {
    const images = named('FROM').map((text) => text.split(' ')[0] ?? '');
    expect(images).toHaveLength(2);
    for (const image of images) expect(image).toMatch(pinned);
    expect(new Set(images).size).toBe(1);
  });

  it('runs as a user of its own, known by number, and not as root', () => {
    expect(last.filter(({ name }) => name === 'USER').map(({ text }) => text)).toEqual(['10001:10001']);
    expect(last.findIndex(({ name }) => name === 'USER')).toBeLessThan(
      last.findIndex(({ name }) => name === 'ENTRYPOINT'),
    );
  });

  it('copies what is there, names each source, and fetches nothing else', () => {
    expect(named('ADD')).toEqual([]);
    expect(instructions.filter(({ text }) => /https?:\/\/|curl|wget|apt-get/.test(text))).toEqual([]);
    const sources = named('COPY')
      .filter((text) => !text.includes('--from='))
      .flatMap((text) =>
        text
          .split(' ')
          .filter((word) => !word.startsWith('--'))
          .slice(0, -1),
      );
    expect(sources).not.toContain('.');
    for (const source of sources) expect(existsSync(inRoot(source)), source).toBe(true);
  });

  it('installs what the lock file says, runs no scripts of packages and leaves development out', () => {
    const runs = named('RUN').join('\n');
    expect(runs).toMatch(/npm ci --ignore-scripts/);
    expect(runs).toMatch(/npm prune --omit=dev/);
    expect(runs).not.toMatch(/npm (install|i) /);
  });

  it('tells how it is, how it is ended, and takes its arguments as a list', () => {
    expect(named('HEALTHCHECK')).toHaveLength(1);
    expect(named('HEALTHCHECK')[0]).toMatch(/CMD \["headframe", "health"\]$/);
    expect(named('STOPSIGNAL')).toEqual(['SIGTERM']);
    for (const text of [...named('ENTRYPOINT'), ...named('CMD')])
      expect(JSON.parse(text)).toBeInstanceOf(Array);
  });

  it('lets nothing of this machine into the build', () => {
    const lines = readFileSync(inRoot('.dockerignore'), 'utf8').split('\n').filter(Boolean);
    expect(lines.filter((line) => !line.startsWith('#'))[0]).toBe('*');
    for (const copied of lines.filter((line) => line.startsWith('!')).map((line) => line.slice(1)))
      expect(existsSync(inRoot(copied)), copied).toBe(true);
    expect(lines).toContain('**/node_modules');
  });
});

describe('docker-compose.yml', () => {
  it.each(services)('%s: a named release, no rights, bounded memory, processor and logs', (name, service) => {
    if (service.build === undefined) expect(service.image).toMatch(pinned);
    expect(service.cap_drop).toEqual(['ALL']);
    expect(service.security_opt).toContain('no-new-privileges:true');
    expect(service.read_only).toBe(name !== 'timescaledb');
    expect(service.container_name).toBeUndefined();
    expect(service.logging?.options?.['max-size']).toBeDefined();
    const limits = service.deploy?.resources?.limits ?? {};
    expect(Object.keys(limits).sort()).toEqual(['cpus', 'memory', 'pids']);
    expect(service.restart).toMatch(/^(unless-stopped|no)$/);
  });

  it.each(ours)('%s: an init, no user or right but those of the image', (_name, service) => {
    expect(service.init).toBe(true);
    expect(service.user).toBeUndefined();
    expect(service.cap_add).toBeUndefined();
  });

  it('adds a right to nothing but the helper of simulated miners', () => {
    const adding = services.filter(([, service]) => service.cap_add !== undefined).map(([name]) => name);
    expect(adding).toEqual(['simulator-addresses']);
  });

  it('keeps pollers and coordinators from the database', () => {
    const near = services.filter(([, service]) => isIn(service, 'database')).map(([name]) => name);
    expect(near).not.toContain('poller');
    expect(near).not.toContain('coordinator');
    expect(near).not.toContain('simulator');
    for (const name of ['poller', 'coordinator'])
      expect(mountsOf(serviceOf(compose, name)).map(({ source }) => source)).not.toContain(
        'database-secrets',
      );
    expect(networksOf(serviceOf(compose, 'timescaledb'))).toEqual(['database']);
    expect(networksOf(serviceOf(compose, 'redis'))).toEqual(['queue']);
  });

  it('publishes ports on loopback alone, and none of what is scaled but the api', () => {
    for (const [, { ports = [] }] of services)
      for (const port of ports) expect(port).toMatch(/^127\.0\.0\.1:/);
    for (const name of ['poller', 'coordinator']) expect(serviceOf(compose, name).ports).toBeUndefined();
  });

  it('holds no secret, nor hands one over in the environment', () => {
    for (const [, { environment = {}, command = [] }] of services) {
      const secrets = Object.keys(environment).filter((key) => /PASSWORD|SECRET|TOKEN|_KEY$/.test(key));
      for (const key of secrets) expect(key).toMatch(/_FILE$|^HEADFRAME_DB_PASSWORD$/);
      expect(command.join(' ')).not.toMatch(/requirepass|--password[ =]/);
    }
  });

  it('lets every role wait for the migration', () => {
    for (const name of ['api', 'coordinator', 'poller'])
      expect(serviceOf(compose, name).depends_on?.['migrate']?.condition).toBe(
        'service_completed_successfully',
      );
    expect(serviceOf(compose, 'migrate').depends_on?.['timescaledb']?.condition).toBe('service_healthy');
  });

  it('checks what it runs, but for what ends by itself and images without a shell', () => {
    const unchecked = services
      .filter(
        ([, { build, healthcheck, restart }]) => restart !== 'no' && build === undefined && !healthcheck,
      )
      .map(([name]) => name);
    expect(unchecked).toEqual(['otel-collector', 'jaeger']);
  });

  it('starts the database and Redis alone, on the ports of development', () => {
    expect(serviceOf(compose, 'timescaledb').ports).toEqual(['127.0.0.1:55432:5432']);
    expect(serviceOf(compose, 'redis').ports).toEqual(['127.0.0.1:56379:6379']);
    for (const name of ['timescaledb', 'redis'])
      expect(Object.keys(serviceOf(compose, name).depends_on ?? {})).toEqual(['secrets']);
  });

  it('names volumes it declares and files that are there', () => {
    for (const [name, service] of services)
      for (const { source } of mountsOf(service))
        if (source.startsWith('./')) expect(existsSync(inRoot(source)), `${name}: ${source}`).toBe(true);
        else expect(Object.keys(compose.volumes), name).toContain(source);
  });

  it('sets nothing that is no setting', () => {
    const known = new Set(settingsOf(configSchema).map(({ variable }) => variable));
    for (const [name, { environment = {} }] of ours)
      for (const variable of Object.keys(environment).filter((key) => key.startsWith('HEADFRAME_')))
        expect(known.has(variable), `${name}: ${variable}`).toBe(true);
    const sim = parse(readFileSync(inRoot('scripts/compose/sim.yaml'), 'utf8')) as unknown;
    expect(configSchema.safeParse(sim).error).toBeUndefined();
  });
});
