import { z } from 'zod';

/** One leaf of the settings. */
export interface Setting {
  /** `api.port` */
  readonly path: string;
  /** `HEADFRAME_API_PORT` */
  readonly variable: string;
  readonly kind: 'number' | 'boolean' | 'string' | 'list';
  readonly initial: unknown;
  readonly description: string;
  /** `1 to 64`, `a | b`, or empty. */
  readonly bounds: string;
}

interface JsonSchema {
  readonly type?: string;
  readonly properties?: Readonly<Record<string, JsonSchema>>;
  readonly items?: JsonSchema;
  readonly description?: string;
  readonly default?: unknown;
  readonly minimum?: number;
  readonly maximum?: number;
  readonly enum?: readonly string[];
}

/** Every setting of a schema in its order. Items of lists are not leaves: see `itemSettingsOf`. */
export function settingsOf(schema: z.ZodType): Setting[] {
  return leaves(z.toJSONSchema(schema, { io: 'input' }) as JsonSchema, []);
}

/** The settings of one entry of a list, such as `sites` or `oidc.roles`. */
export function itemSettingsOf(schema: z.ZodType, list: string): Setting[] {
  let node = z.toJSONSchema(schema, { io: 'input' }) as JsonSchema | undefined;
  for (const key of list.split('.')) node = node?.properties?.[key];
  const items = node?.items;
  return items ? leaves(items, [`${list}[]`]) : [];
}

function leaves(node: JsonSchema, path: readonly string[]): Setting[] {
  return Object.entries(node.properties ?? {}).flatMap(([key, child]) => {
    const here = [...path, key];
    if (child.properties) return leaves(child, here);
    return [
      {
        path: here.join('.'),
        variable: `HEADFRAME_${here.join('_').toUpperCase()}`,
        kind: kindOf(child.type),
        initial: child.default,
        description: child.description ?? '',
        bounds: boundsOf(child),
      },
    ];
  });
}

function kindOf(type: string | undefined): Setting['kind'] {
  if (type === 'integer' || type === 'number') return 'number';
  if (type === 'boolean') return 'boolean';
  return type === 'array' ? 'list' : 'string';
}

function boundsOf(node: JsonSchema): string {
  if (node.enum) return node.enum.join(' | ');
  if (node.minimum !== undefined && node.maximum !== undefined) return `${node.minimum} to ${node.maximum}`;
  return '';
}
