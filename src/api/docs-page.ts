type Json = Record<string, unknown>;

interface Operation {
  readonly tags: readonly string[];
  readonly summary: string;
  readonly description?: string;
  readonly parameters?: readonly {
    name: string;
    in: string;
    required: boolean;
    description?: string;
    schema: Json;
  }[];
  readonly requestBody?: { readonly content: Content };
  readonly responses: Readonly<Record<string, { readonly description: string; readonly content?: Content }>>;
}
type Content = Readonly<Record<string, { readonly schema: Json }>>;

/** The OpenAPI document as one page of HTML: no script, nothing from elsewhere. */
export function renderDocsPage(document: Json): string {
  const info = document['info'] as { title: string; version: string; description: string };
  const paths = document['paths'] as Record<string, Record<string, Operation>>;
  const { schemas } = document['components'] as { schemas: Record<string, Json> };
  const operations = Object.entries(paths).flatMap(([path, methods]) =>
    Object.entries(methods).map(([method, operation]) => ({ method, path, operation })),
  );
  const groups = [...new Set(operations.map(({ operation }) => operation.tags[0] ?? ''))];
  const body = groups.map((group) => {
    const own = operations.filter(({ operation }) => operation.tags[0] === group);
    return `<section><h2 id="${slug(group)}">${escape(group)}</h2>${own.map(renderOperation).join('')}</section>`;
  });
  const links = [...groups, 'Shapes'].map((group) => `<a href="#${slug(group)}">${escape(group)}</a>`);
  const shapes = Object.entries(schemas).map(
    ([name, schema]) =>
      `<details id="shape-${name}"><summary><code>${escape(name)}</code></summary>${renderShape(schema)}</details>`,
  );
  return `<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark"><title>${escape(info.title)} api</title>
<link rel="stylesheet" href="/api/docs.css"></head><body>
<header><h1>${escape(info.title)} api <small>${escape(info.version)}</small></h1>
<p>${prose(info.description)} Also as <a href="/api/openapi.json">OpenAPI 3.1</a>.</p>
<nav>${links.join(' ')}</nav></header>
<main>${body.join('')}<section><h2 id="shapes">Shapes</h2>${shapes.join('')}</section></main>
</body></html>
`;
}

function renderOperation(entry: { method: string; path: string; operation: Operation }): string {
  const { method, path, operation } = entry;
  const answers = Object.entries(operation.responses);
  const parts = [
    operation.description === undefined ? '' : `<p>${prose(operation.description)}</p>`,
    renderParameters(operation),
    operation.requestBody === undefined ? '' : `<h4>Body</h4>${renderContent(operation.requestBody.content)}`,
    ...answers
      .filter(([status]) => status === '200')
      .map(([, answer]) => `<h4>Answer</h4>${renderContent(answer.content ?? {})}`),
    `<h4>Otherwise</h4><dl>${answers
      .filter(([status]) => status !== '200')
      .map(([status, answer]) => `<dt>${status}</dt><dd>${prose(answer.description)}</dd>`)
      .join('')}</dl>`,
  ];
  const id = slug(`${method} ${path}`);
  return `<details id="${id}"><summary><b class="${method}">${method}</b> <code>${escape(path)}</code><span>${prose(operation.summary)}</span></summary>${parts.join('')}</details>`;
}

function renderParameters({ parameters = [] }: Operation): string {
  if (parameters.length === 0) return '';
  const rows = parameters.map(
    (p) =>
      `<tr><td><code>${escape(p.name)}</code></td><td>${p.in}${p.required ? ', required' : ''}</td><td>${renderType(p.schema)}</td><td>${prose(p.description ?? '')}</td></tr>`,
  );
  return `<h4>Parameters</h4><div class="wide"><table><tr><th>name</th><th>in</th><th>type</th><th>meaning</th></tr>${rows.join('')}</table></div>`;
}

function renderContent(content: Content): string {
  return Object.entries(content)
    .map(([type, { schema }]) => {
      const note = schema['type'] === 'string' ? prose(textOf(schema['description'])) : renderShape(schema);
      return `<p class="type">${escape(type)}</p><div>${note}</div>`;
    })
    .join('');
}

/** Properties of an object as a table, nested ones inside; anything else by its type. */
function renderShape(schema: Json): string {
  const properties = schema['properties'] as Record<string, Json> | undefined;
  if (properties === undefined) {
    const items = schema['items'] as Json | undefined;
    return items?.['properties'] === undefined ? renderType(schema) : `list of${renderShape(items)}`;
  }
  const required = (schema['required'] ?? []) as string[];
  const rows = Object.entries(properties).map(([name, property]) => {
    const items = property['items'] as Json | undefined;
    const inner =
      property['properties'] !== undefined
        ? renderShape(property)
        : items?.['properties'] !== undefined
          ? renderShape(items)
          : '';
    const optional = required.includes(name) ? '' : ' <i>optional</i>';
    return `<tr><td><code>${escape(name)}</code></td><td>${renderType(property)}${optional}</td><td>${prose(textOf(property['description']))}${inner}</td></tr>`;
  });
  return `<div class="wide"><table>${rows.join('')}</table></div>`;
}

function renderType(schema: Json): string {
  const reference = schema['$ref'];
  if (typeof reference === 'string') {
    const name = reference.split('/').at(-1) ?? '';
    return `<a href="#shape-${escape(name)}">${escape(name)}</a>`;
  }
  const choices = (schema['anyOf'] ?? schema['oneOf']) as Json[] | undefined;
  if (choices !== undefined) return choices.map(renderType).join(' or ');
  if (schema['const'] !== undefined) return `<code>${escape(JSON.stringify(schema['const']))}</code>`;
  const values = schema['enum'] as unknown[] | undefined;
  if (values !== undefined)
    return values.map((value) => `<code>${escape(String(value) || '""')}</code>`).join(' ');
  if (schema['type'] === 'array') return `list of ${renderType((schema['items'] ?? {}) as Json)}`;
  if (schema['type'] === 'object' && typeof schema['additionalProperties'] === 'object') {
    return `map of ${renderType(schema['additionalProperties'] as Json)}`;
  }
  const format = schema['format'] === 'date-time' ? 'time' : typeOf(schema['type']);
  const initial =
    schema['default'] === undefined
      ? ''
      : `, default <code>${escape(JSON.stringify(schema['default']))}</code>`;
  return `${escape(format)}${initial}`;
}

function typeOf(type: unknown): string {
  if (Array.isArray(type)) return type.map(typeOf).join(' or ');
  return textOf(type) || 'anything';
}

const textOf = (value: unknown): string => (typeof value === 'string' ? value : '');

/** Escaped text whose backticks mark code. */
function prose(text: string): string {
  return escape(text).replaceAll(/`([^`]*)`/g, '<code>$1</code>');
}

const slug = (text: string): string => text.toLowerCase().replaceAll(/[^a-z0-9]+/g, '-');

function escape(text: string): string {
  return text
    .replaceAll('&', '&amp;')
    .replaceAll('<', '&lt;')
    .replaceAll('>', '&gt;')
    .replaceAll('"', '&quot;');
}

/** Its style. */
export const docsPageStyle = `:root { color-scheme: light dark; --line: color-mix(in srgb, currentColor 18%, transparent); --soft: color-mix(in srgb, currentColor 6%, transparent); }
* { box-sizing: border-box; }
body { margin: 0 auto; max-width: 64rem; padding: 2rem 1rem 6rem; font: 16px/1.5 system-ui, sans-serif; }
h1 { margin: 0; font-size: 1.6rem; } h1 small { font-weight: 400; opacity: .6; font-size: 1rem; }
h2 { margin: 2.5rem 0 .75rem; font-size: 1.2rem; } h4 { margin: 1.25rem 0 .25rem; font-size: .85rem; opacity: .7; }
nav a { display: inline-block; margin-right: 1rem; }
a { color: light-dark(#0b57c2, #8ab4ff); }
code { font: .9em ui-monospace, monospace; overflow-wrap: anywhere; }
details { border: 1px solid var(--line); border-radius: .5rem; margin: .5rem 0; padding: 0 1rem; }
details[open] { padding-bottom: 1rem; }
summary { cursor: pointer; padding: .6rem 0; } summary span { opacity: .75; display: block; font-size: .9rem; }
b { display: inline-block; min-width: 3.5rem; text-transform: uppercase; font-size: .75rem; }
.get { color: light-dark(#176b3a, #6fd39a); } .post, .put { color: light-dark(#8a4b00, #f0b46a); } .delete { color: light-dark(#a3261f, #ff9a93); }
.wide { overflow-x: auto; } .type { margin: .5rem 0 .25rem; font-size: .85rem; opacity: .7; }
table { border-collapse: collapse; width: 100%; font-size: .9rem; background: var(--soft); }
th { text-align: left; font-weight: 600; } th, td { border-top: 1px solid var(--line); padding: .3rem .6rem; vertical-align: top; }
td:first-child code { white-space: nowrap; }
dl { display: grid; grid-template-columns: 3rem 1fr; margin: 0; font-size: .9rem; } dd { margin: 0; }
`;
