import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, it } from 'vitest';
import { modelNames, type ModelName } from '../../load-test/simulator/models.js';
import { commandEveryFamily, type Seen } from '../support/command-families.js';
import { createTestDatabase, testEditions } from '../support/database.js';
import { killPrograms } from '../support/processes.js';

const few: readonly ModelName[] = [
  'antminer-s9',
  'antminer-s19',
  'whatsminer-m30s',
  'avalon-1246',
  'luxos-s19k',
  'cgminer',
];
/** Those whose own pages the simulator does not show; `test/integration/write-web.test.ts` has devices with them. */
const pageless: ReadonlySet<ModelName> = new Set([
  'vnish-s19j',
  'braiins-s9',
  'braiins-s19j',
  'blackminer-f1',
  'hammer-d10',
  'auradine-at1500',
]);
/** `HEADFRAME_COMMAND_MODELS=all`, or names of the simulator's machines with commas between. */
const asked = process.env['HEADFRAME_COMMAND_MODELS'];
const all = modelNames.filter((name) => !pageless.has(name));
const models = asked === undefined ? few : asked === 'all' ? all : (asked.split(',') as ModelName[]);

/** What is wrong with an outcome; null when it is as promised. */
function wrongWith(seen: Seen): string | null {
  const { status, message, confirmation, hasChanged, writes, observed } = seen;
  if (status !== 'completed') {
    // What a firmware without the call says of itself.
    const isRefusal = ['rejected', 'refused'].includes(status) || message === 'Invalid command';
    if (!isRefusal || message === null || message === '') return `${status} without a reason`;
    return writes.length === 0 ? null : 'it was changed all the same';
  }
  const kind = seen.tried.split(' ')[0];
  // What it does not tell cannot confirm anything.
  const told = kind === 'set_fan' ? 'fan_rpm' : kind === 'set_frequency' ? 'frequency_avg' : null;
  if (told !== null && observed?.[told] === null)
    return confirmation === 'not_confirmed' ? null : 'confirmed by nothing';
  if (!hasChanged) return 'not changed';
  if (confirmation === 'confirmed') return null;
  // Firmware that has no word for sleep looks like one that starts, for ten minutes: longer than this test.
  return kind === 'disable' && observed?.['state'] === 'starting' ? null : 'not confirmed';
}

afterAll(killPrograms);

it(
  'a command that a machine acknowledged changed it, and telemetry shows so; what it cannot is rejected in words',
  { timeout: 240_000 },
  async () => {
    const database = await createTestDatabase({ edition: testEditions().at(-1) ?? 'plain' });
    const dir = await mkdtemp(join(tmpdir(), 'headframe-families-'));
    let seen: Seen[];
    try {
      seen = await commandEveryFamily({ dir, databaseUrl: database.url, models, net: '127.79' });
    } finally {
      await killPrograms();
      await database.drop();
      await rm(dir, { recursive: true, force: true });
    }
    const out = process.env['HEADFRAME_COMMAND_REPORT'];
    if (out !== undefined) await writeFile(out, JSON.stringify(seen));
    const wrong = seen.flatMap((one) => {
      const fault = wrongWith(one);
      return fault === null ? [] : [{ fault, ...one }];
    });
    expect(wrong).toEqual([]);
  },
);
