import { describe, expect, it } from 'vitest';
import { buildOpenApi } from '../../src/api/contract/openapi.js';
import { routeTable } from '../../src/api/contract/route-table.js';
import { docsPageStyle, renderDocsPage } from '../../src/api/docs-page.js';

const document = buildOpenApi(routeTable, '1.2.3') as {
  openapi: string;
  info: { version: string };
  paths: Record<
    string,
    Record<
      string,
      { parameters?: { name: string; in: string; schema: object }[]; responses: object; operationId: string }
    >
  >;
  components: { schemas: Record<string, object> };
};

/** Every `$ref` anywhere in a value. */
function referencesIn(value: unknown): string[] {
  if (typeof value !== 'object' || value === null) return [];
  return Object.entries(value).flatMap(([key, inner]) =>
    key === '$ref' ? [String(inner)] : referencesIn(inner),
  );
}

describe('the OpenAPI document', () => {
  it('has every route once, with an answer and a name of its own', () => {
    const operations = Object.entries(document.paths).flatMap(([path, methods]) =>
      Object.entries(methods).map(([method, operation]) => ({ path, method, operation })),
    );
    expect(operations).toHaveLength(Object.keys(routeTable).length);
    expect(new Set(operations.map(({ operation }) => operation.operationId)).size).toBe(operations.length);
    for (const { path, operation } of operations) {
      expect(operation.responses).toHaveProperty('200');
      expect(operation.responses).toHaveProperty('503');
      const inPath = (operation.parameters ?? []).filter((p) => p.in === 'path').map((p) => `{${p.name}}`);
      expect(inPath).toEqual(path.match(/\{\w+\}/g) ?? []);
    }
  });

  it('refers to nothing that is not there', () => {
    const references = referencesIn(document);
    expect(references.length).toBeGreaterThan(50);
    for (const reference of references) {
      const name = /^#\/components\/schemas\/(\w+)$/.exec(reference)?.[1] ?? reference;
      expect(document.components.schemas).toHaveProperty(name);
    }
  });

  it('tells parameters by what they mean', () => {
    const { parameters = [] } = document.paths['/api/collector/live/{site}']?.['get'] ?? {};
    const named = Object.fromEntries(parameters.map((p) => [p.name, p.schema]));
    expect(named['per_page']).toEqual({ type: 'integer', minimum: 1, maximum: 500, default: 50 });
    expect(named['online_only']).toEqual({ type: 'boolean', default: false });
    expect(named['sort']).toMatchObject({ default: 'miner_id', type: 'string' });
    expect(named['sort']).toHaveProperty('enum');
  });

  it('is the same each time', () => {
    expect(JSON.stringify(buildOpenApi(routeTable, '1.2.3'))).toBe(JSON.stringify(document));
  });
});

describe('its page', () => {
  it('shows every route, needs nothing from elsewhere, and has nothing inline that the policy forbids', () => {
    const page = renderDocsPage(document);
    for (const path of Object.keys(document.paths)) expect(page).toContain(`<code>${path}</code>`);
    expect(/<script|style=|\son\w+=|https?:\/\//.exec(page)).toBeNull();
    expect(docsPageStyle).not.toMatch(/url\(|@import/);
    const anchors = [...page.matchAll(/href="#([^"]+)"/g)].map(([, id]) => id);
    for (const id of anchors) expect(page).toContain(`id="${id}"`);
  });

  it('takes text as text', () => {
    const page = renderDocsPage({
      ...document,
      info: { title: '<b>', version: '"1"', description: 'a & `b<c>`' },
    });
    expect(page).toContain('a &amp; <code>b&lt;c&gt;</code>');
    expect(page).not.toContain('<b>');
  });
});
