import { expect, test } from 'vitest';
import { createCredentialCheck } from '../../src/api/credential-check.js';
import { defaultApiOptions } from '../../src/api/options.js';
import { createLogger } from '../../src/telemetry/logger.js';

test('what was being looked up when rights changed is neither kept nor shared', async () => {
  const answers: ((found: string | null) => void)[] = [];
  const check = createCredentialCheck<string>(
    { options: defaultApiOptions, now: Date.now, log: createLogger('silent') },
    {
      find: () => new Promise((resolve) => answers.push(resolve)),
      touch: async () => undefined,
      ttlMs: 60_000,
      awayMs: 0,
    },
  );
  const before = check.find('secret', '');
  await expect.poll(() => answers.length).toBe(1);
  check.forget();
  const during = check.find('secret', '');
  await expect.poll(() => answers.length).toBe(2);
  answers[1]?.(null);
  expect(await during).toBeNull();
  answers[0]?.('as it was');
  await before;
  expect(await check.find('secret', '')).toBeNull();
});
