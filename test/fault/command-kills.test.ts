import { chmod, mkdtemp } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, describe, expect, it } from 'vitest';
import { startCommandFarm, type Shape } from '../support/command-farm.js';
import { judge, killWhileCommanding, minerNames, untilEnded } from '../support/command-kills.js';
import { createTestDatabase, testEditions } from '../support/database.js';
import { killPrograms } from '../support/processes.js';
import { seededRandom } from '../support/recovery.js';
import { testRedisUrl } from '../support/services.js';

const seed = Number(process.env['HEADFRAME_TEST_SEED'] ?? Date.now() % 1_000_000);
const kills = 3;
const redisUrl = testRedisUrl();
const shapes: readonly Shape[] = redisUrl === null ? ['edges'] : ['edges', 'pollers'];

const cleanups: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});
afterAll(killPrograms);

describe.each(shapes)('two apis and two %s of one site, killed with SIGKILL at random moments', (shape) => {
  it(
    `boot no miner twice, do nothing too late, and let every command end (seed ${seed})`,
    { timeout: 180_000 },
    async () => {
      const database = await createTestDatabase({ edition: testEditions().at(-1) ?? 'plain' });
      cleanups.push(database.drop);
      const dir = await mkdtemp(join(tmpdir(), 'headframe-command-kills-'));
      await chmod(dir, 0o711);
      const farm = await startCommandFarm({
        dir,
        databaseUrl: database.url,
        redisUrl,
        shape,
        miners: 84,
        base: shape === 'edges' ? '127.81.0.1' : '127.82.0.1',
        intervalS: 2,
        seed,
        models: ['antminer-s9', 'antminer-s19', 'whatsminer-m50s', 'avalon-1246', 'cgminer'],
        simulator: ['--fault', 'write_slow:300=0.3', '--fault', 'write_lost=0.05'],
        commands: { lease_s: 10 },
      });
      cleanups.push(farm.close);
      await farm.untilSeen(84);
      await killWhileCommanding(farm, await minerNames(farm), { kills, random: seededRandom(seed) });
      await untilEnded(farm, 100_000);
      const { violations, commands, statuses } = await judge(farm);
      expect(violations).toEqual([]);
      expect(commands).toBeGreaterThan(60);
      expect(statuses['completed']).toBeGreaterThan(20);
      const { overlaps } = await farm.finish();
      // Two edges that poll the same miners know nothing of each other.
      if (shape === 'pollers') expect(overlaps).toBe(0);
    },
  );
});
