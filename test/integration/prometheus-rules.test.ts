import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { prometheusDir, promtool } from '../support/promtool.js';
import { testPrometheusProgram } from '../support/services.js';

const filesIn = (folder: string): string[] =>
  readdirSync(join(prometheusDir, folder)).map((name) => `${folder}/${name}`);

describe.runIf(testPrometheusProgram('promtool') !== null)('the files of Prometheus', () => {
  it('are a configuration, with the rules it names', () => {
    const { code, text } = promtool('check', 'config', 'prometheus.yml');
    expect(code, text).toBe(0);
    expect(text).toMatch(/SUCCESS: \d+ rules found/);
  });

  it.each(filesIn('rules'))('hold rules without a fault: %s', (file) => {
    const { code, text } = promtool('check', 'rules', '--lint=all', '--lint-fatal', file);
    expect(code, text).toBe(0);
  });

  it.each(filesIn('tests'))('do what their tests say: %s', (file) => {
    const { code, text } = promtool('test', 'rules', file);
    expect(code, text).toBe(0);
  });
});
