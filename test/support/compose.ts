import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parse } from 'yaml';
import { packageRoot } from '../../src/config/paths.js';

/** A service of `docker-compose.yml`, as far as it is used there. */
export interface ComposeService {
  readonly image: string;
  readonly build?: string;
  readonly command?: readonly string[];
  readonly entrypoint?: readonly string[];
  readonly environment?: Readonly<Record<string, string>>;
  readonly volumes?: readonly string[];
  readonly networks?: readonly string[] | Readonly<Record<string, unknown>>;
  readonly network_mode?: string;
  readonly ports?: readonly string[];
  readonly profiles?: readonly string[];
  readonly user?: string;
  readonly restart?: string;
  readonly read_only?: boolean;
  readonly init?: boolean;
  readonly container_name?: string;
  readonly cap_drop?: readonly string[];
  readonly cap_add?: readonly string[];
  readonly security_opt?: readonly string[];
  readonly logging?: { readonly options?: Readonly<Record<string, string>> };
  readonly healthcheck?: { readonly test?: readonly string[]; readonly disable?: boolean };
  readonly stop_grace_period?: string;
  readonly depends_on?: Readonly<Record<string, { readonly condition: string }>>;
  readonly deploy?: { readonly resources?: { readonly limits?: Readonly<Record<string, string | number>> } };
}

export interface ComposeFile {
  readonly services: Readonly<Record<string, ComposeService>>;
  readonly volumes: Readonly<Record<string, unknown>>;
  readonly networks: Readonly<Record<string, { readonly internal?: boolean } | null>>;
}

/** `docker-compose.yml` with its defaults put in, as Compose reads it where no variable is set. */
export function readCompose(): ComposeFile {
  const text = readFileSync(join(packageRoot, 'docker-compose.yml'), 'utf8');
  return withDefaults(parse(text, { merge: true })) as ComposeFile;
}

/** Compose reads the file first and puts variables into its texts then: what was one stays one. */
function withDefaults(value: unknown): unknown {
  if (typeof value === 'string')
    return value
      .replaceAll(/\$\{[A-Z_]+:-([^}]*)\}/g, (_all, initial: string) => initial)
      .replaceAll('$$', '$');
  if (Array.isArray(value)) return value.map(withDefaults);
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([key, one]) => [key, withDefaults(one)]));
}

/** The service of a name; throws when there is none. */
export function serviceOf(file: ComposeFile, name: string): ComposeService {
  const service = file.services[name];
  if (service === undefined) throw new Error(`docker-compose.yml has no service ${name}`);
  return service;
}

export const networksOf = ({ networks = [] }: ComposeService): string[] =>
  Array.isArray(networks) ? [...(networks as readonly string[])] : Object.keys(networks);

/** Volumes and folders of a service: what is mounted, and where. */
export const mountsOf = ({ volumes = [] }: ComposeService): { source: string; target: string }[] =>
  volumes.map((volume) => {
    const [source = '', target = ''] = volume.split(':');
    return { source, target };
  });

/** An instruction of a Dockerfile, continuation lines joined. */
export interface Instruction {
  readonly name: string;
  readonly text: string;
}

export function readDockerfile(): Instruction[] {
  const lines = readFileSync(join(packageRoot, 'Dockerfile'), 'utf8')
    .split('\n')
    .filter((line) => !/^\s*(#|$)/.test(line))
    .join('\n')
    .replaceAll(/\\\n\s*/g, '')
    .split('\n');
  return lines.map((line) => {
    const [name = ''] = line.split(' ', 1);
    return { name, text: line.slice(name.length).trim() };
  });
}
