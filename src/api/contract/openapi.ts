import { z } from 'zod';
import type { Access } from '../access.js';
import { failure } from './answers.js';
import type { RouteDoc } from './route-doc.js';

type Json = Record<string, unknown>;

/** Statuses a route may fail with, by who may call it; 500 and 503 always. */
const failures: Readonly<Record<Access, readonly number[]>> = {
  collector: [400, 401, 404, 408, 413, 429],
  viewer: [400, 401, 403, 404],
  operator: [400, 401, 403, 404, 409, 413],
  admin: [400, 401, 403, 404, 409, 413],
  open: [],
};

const meanings: Readonly<Record<number, string>> = {
  400: 'A parameter or the body cannot be read; the answer names it.',
  401: 'No key, session or token, or one that is not known.',
  403: 'The role is too low, or the request comes from a page of elsewhere.',
  404: 'There is no such thing.',
  408: 'The body did not arrive in time.',
  409: 'It has changed since it was read, or the name is taken.',
  413: 'The body is over a limit.',
  429: 'Over the limit of requests; `Retry-After` tells when to come back.',
  500: 'A fault of the program.',
  503: 'The database is away or slow, too much is under way, or the process is shutting down; `Retry-After` tells when to come back.',
};

/** The OpenAPI 3.1 document of a table of routes. Pure: the same table gives the same document. */
export function buildOpenApi(routes: Readonly<Record<string, RouteDoc>>, version: string): Json {
  const components: Json = {};
  const paths: Record<string, Json> = {};
  const errorRef = schemaOf(failure, 'output', components);
  for (const [key, doc] of Object.entries(routes)) {
    const [method = '', path = ''] = key.split(' ');
    const name = path.replaceAll(/:(\w+)/g, '{$1}');
    paths[name] = { ...paths[name], [method]: operation(key, doc, components, errorRef) };
  }
  const sorted = Object.fromEntries(Object.entries(components).sort(([a], [b]) => (a < b ? -1 : 1)));
  return {
    openapi: '3.1.0',
    info: {
      title: 'Headframe',
      version,
      description: 'Telemetry of mining farms: upload, live state, history.',
    },
    paths,
    components: {
      schemas: sorted,
      securitySchemes: {
        collectorKey: { type: 'apiKey', in: 'header', name: 'X-Collector-Key' },
        apiToken: { type: 'http', scheme: 'bearer', description: '`hst_…`' },
        session: { type: 'apiKey', in: 'cookie', name: '__Host-headframe' },
      },
    },
  };
}

function operation(key: string, doc: RouteDoc, components: Json, errorRef: Json): Json {
  const content: Json = {};
  if (doc.answer !== null) {
    content['application/json'] = { schema: schemaOf(doc.answer, 'output', components) };
  }
  for (const [type, description] of Object.entries(doc.texts ?? {})) {
    content[type] = { schema: { type: 'string', description } };
  }
  const responses: Json = { 200: { description: 'Done.', content } };
  for (const status of [...failures[doc.access], 500, 503]) {
    responses[status] = {
      description: meanings[status],
      content: { 'application/json': { schema: errorRef } },
    };
  }
  const parameters = [...parametersOf('path', doc.path), ...parametersOf('query', doc.query)];
  return {
    operationId: operationId(key),
    tags: [doc.group],
    summary: doc.summary,
    ...(doc.description === undefined ? {} : { description: doc.description }),
    ...(parameters.length === 0 ? {} : { parameters }),
    ...(doc.body === undefined
      ? {}
      : {
          requestBody: {
            required: true,
            content: { 'application/json': { schema: schemaOf(doc.body, 'input', components) } },
          },
        }),
    responses,
    ...securityOf(doc.access),
  };
}

/** What a request is to carry; nothing on a route that is open. */
function securityOf(access: Access): Json {
  if (access === 'open') return {};
  if (access === 'collector') return { security: [{ collectorKey: [] }] };
  return { security: [{ session: [] }, { apiToken: [] }], 'x-role': access };
}

/** `get /api/collector/live/:site` → `getCollectorLiveSite`. */
function operationId(key: string): string {
  return key
    .replace('/api', '')
    .replaceAll(/[^A-Za-z0-9]+([A-Za-z0-9])/g, (_, letter: string) => letter.toUpperCase());
}

function parametersOf(place: 'path' | 'query', object: z.ZodObject | undefined): Json[] {
  if (object === undefined) return [];
  const { properties, required } = z.toJSONSchema(object, { io: 'input' }) as {
    properties?: Record<string, Json>;
    required?: string[];
  };
  return Object.entries(properties ?? {}).map(([name, property]) => {
    // What a parameter means stands beside the text it is written as.
    const { parameter, description, ...written } = property as Json & { parameter?: Json };
    const schema = omit(parameter ?? written, 'default');
    const initial = initialOf(object, name);
    return {
      name,
      in: place,
      required: required?.includes(name) ?? false,
      ...(description === undefined ? {} : { description }),
      schema: initial === null ? schema : { ...schema, default: initial },
    };
  });
}

/** What stands for a parameter that is not given; null when nothing does. */
function initialOf(object: z.ZodObject, name: string): unknown {
  const result = z.safeParse(object.shape[name] as z.ZodType, undefined);
  return result.success && result.data !== '' ? (result.data ?? null) : null;
}

function omit(object: Json, name: string): Json {
  return Object.fromEntries(Object.entries(object).filter(([key]) => key !== name));
}

/** JSON Schema of a zod schema; what has an id goes into `components` and is referred to. */
function schemaOf(schema: z.ZodType, io: 'input' | 'output', components: Json): Json {
  const made = z.toJSONSchema(schema, { io }) as Json & { $defs?: Json };
  for (const [name, definition] of Object.entries(made.$defs ?? {})) {
    components[name] = referred(omit(definition as Json, 'id'));
  }
  const own = omit(omit(made, '$defs'), '$schema');
  const id = made['id'];
  if (typeof id !== 'string') return referred(own) as Json;
  components[id] = referred(omit(own, 'id'));
  return { $ref: `#/components/schemas/${id}` };
}

function referred(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(referred);
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(
    Object.entries(value).map(([key, inner]) => [
      key,
      key === '$ref' ? String(inner).replace('#/$defs/', '#/components/schemas/') : referred(inner),
    ]),
  );
}
