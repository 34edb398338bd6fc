import { spawnSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { headframe, makeOpenFolder } from '../support/cli.js';
import { startTestProvider, testClient, type TestProvider } from '../support/oidc-provider.js';

let folder: Awaited<ReturnType<typeof makeOpenFolder>>;
let provider: TestProvider;
beforeAll(async () => {
  [folder, provider] = await Promise.all([makeOpenFolder(), startTestProvider()]);
});
afterAll(async () => {
  await provider?.stop();
  await folder?.remove();
});

const doctor = (issuer: string | null) => {
  const oidc = {
    issuer: issuer ?? undefined,
    client_id: testClient.id,
    client_secret: testClient.secret,
    redirect_url: 'http://127.0.0.1:8420/api/auth/oidc/callback',
    deadline_ms: 2_000,
  };
  const file = join(folder.path, 'oidc.yaml');
  writeFileSync(file, JSON.stringify({ oidc }));
  return headframe(['doctor', '-c', file, '--data-dir', join(folder.path, 'none')], { cwd: folder.path });
};

describe('headframe doctor', () => {
  it('asks the provider, and hides the secret', async () => {
    const answer = await doctor(provider.issuer);
    expect(answer.stdout).toContain(`ok    OpenID Connect: ${provider.issuer} answers`);
    expect(answer.stdout).not.toContain(testClient.secret);
    expect(answer.code).toBe(0);
  });

  it('fails with the cause where it is away, and says when there is none', async () => {
    const away = await doctor('http://127.0.0.1:9');
    expect(away.stdout).toMatch(/^FAIL {2}OpenID Connect: http:\/\/127\.0\.0\.1:9: .+/m);
    expect(away.code).toBe(1);
    expect((await doctor(null)).stdout).toContain('ok    OpenID Connect: not configured');
  });
});

describe('openid-client', () => {
  /** Tells of every module whose name has the word in it. */
  const hook = `export async function resolve(name, context, next) {
    if (/openid-client/.test(name)) (await import('node:fs')).writeSync(2, 'LOADED ' + name + '\\n');
    return next(name, context);
  }`;
  const loader = `import { register } from 'node:module'; register('data:text/javascript,${encodeURIComponent(hook).replaceAll("'", '%27')}');`;
  const run = (script: string) => {
    const flags = ['--import', `data:text/javascript,${encodeURIComponent(loader)}`, '--input-type=module'];
    return spawnSync(process.execPath, [...flags, '-e', script], { encoding: 'utf8', timeout: 30_000 });
  };
  const dist = (file: string) => JSON.stringify(pathToFileURL(join('dist', 'src', file)).href);

  it('is loaded by the first question to a provider, and not by the api', () => {
    const api = run(`await import(${dist('roles/api.js')})`);
    expect({ status: api.status, stderr: api.stderr }).toEqual({ status: 0, stderr: '' });
    const asked = run(`
      const { createOidcProvider } = await import(${dist('api/oidc-provider.js')});
      const bounds = { deadlineMs: 1000, maxAtOnce: 1 };
      const client = { issuer: 'http://127.0.0.1:9', clientId: 'a', clientSecret: 'b', redirectUrl: '', scopes: '' };
      await createOidcProvider({ ...client, ...bounds }).check().catch(() => undefined);`);
    expect(asked.stderr).toContain('LOADED openid-client');
  });
});
