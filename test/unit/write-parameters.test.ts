import { createHash } from 'node:crypto';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { CommandOrder } from '../../src/domain/commands.js';
import { runOrder, writerFor } from '../../src/miner/writers/registry.js';
import { families } from '../../src/miner/registry.js';
import { decryptZeroPadded, makeToken } from '../../src/miner/writers/whatsminer-crypto.js';
import type { MinerIo, WriteContext, WriteOutcome, WriteRequest } from '../../src/miner/writers/writer.js';

const seed = { time: '6915', salt: 'BQ5hoXV9', newsalt: 'a5TtWui2' };
const password = 'miner-password';
const ok = (more: object = {}): string =>
  JSON.stringify({ STATUS: [{ STATUS: 'S', Code: 7, Msg: 'Added pool 3' }], ...more });
const pools = { POOLS: [{ POOL: 0, URL: 'stratum+tcp://old.example:1', User: 'old' }] };

/** What a writer would send, and what a device that agrees to everything answers. */
async function sent(
  order: CommandOrder,
  family: string,
  options: { readonly model?: string; readonly config?: object; readonly echo?: string } = {},
): Promise<{ texts: string[]; web: WriteRequest[]; outcome: WriteOutcome }> {
  const texts: string[] = [];
  const web: WriteRequest[] = [];
  const answer = (text: string) => Promise.resolve({ kind: 'answer' as const, status: 200, text });
  const io: MinerIo = {
    cgminer(request) {
      texts.push(request);
      if (options.echo !== undefined && !/pools|get_token/.test(request))
        return answer(JSON.stringify({ STATUS: [{ STATUS: 'E', Code: 53, Msg: options.echo }] }));
      return answer(request.includes('get_token') ? ok({ Msg: seed }) : ok(pools));
    },
    framed: (request) => {
      texts.push(request);
      return answer('{"code":0,"msg":{"salt":"abc"}}');
    },
    http(request) {
      web.push(request);
      return answer(request.method === 'GET' ? JSON.stringify(options.config ?? '') : 'ok');
    },
    pause: async () => undefined,
  };
  const context: WriteContext = {
    family,
    model: options.model ?? null,
    credentials: { username: 'root', password },
    nowMs: 1_700_000_000_000,
    randomHex: () => '00',
  };
  const outcome = await runOrder(order, io, context);
  return { texts, web, outcome };
}

/** Anything at all, and often what protocols split at. */
const word = fc.oneof(
  fc.string({ unit: 'binary', minLength: 1, maxLength: 40 }),
  fc.string({
    unit: fc.constantFrom(',', '|', '\\', '"', "'", '&', '=', '%', '+', ' ', '\0', '\n', 'a', '{', '}'),
  }),
);
const pool = fc.record({ pool_url: word, pool_user: word, pool_password: word });
const orderOf = (params: { pool_url: string; pool_user: string; pool_password: string }): CommandOrder => ({
  kind: 'set_pool',
  params,
});

/** As cgminer reads the details of a pool: a backslash keeps what stands behind it. */
function readDetails(text: string): string[] {
  const parts = [''];
  for (let at = 0; at < text.length; at++) {
    const letter = text[at] ?? '';
    if (letter === ',') parts.push('');
    else parts[parts.length - 1] += letter === '\\' ? (text[++at] ?? '') : letter;
  }
  return parts;
}

const conf = (more: object): object => ({
  pools: [{ url: 'old:1', user: 'old', pass: 'x' }],
  'api-allow': 'A:0/0,W:*',
  'bitmain-fan-ctrl': false,
  'bitmain-fan-pwm': '100',
  'bitmain-freq': '650',
  ...more,
});

describe('a parameter stays one parameter', () => {
  it('of CGMiner’s own API', async () => {
    await fc.assert(
      fc.asyncProperty(pool, async (params) => {
        const { texts } = await sent(orderOf(params), 'generic');
        const requests = texts.map((text) => JSON.parse(text) as Record<string, string>);
        const added = requests.find((it) => it['command'] === 'addpool');
        expect(Object.keys(added ?? {})).toEqual(['command', 'parameter']);
        expect(readDetails(added?.['parameter'] ?? '')).toEqual(Object.values(params));
      }),
    );
  });

  it('of an Antminer’s form, and of its JSON', async () => {
    await fc.assert(
      fc.asyncProperty(pool, async (params) => {
        const form = await sent(orderOf(params), 'antminer', { model: 'Antminer S9', config: conf({}) });
        const fields = [...new URLSearchParams(form.web[1]?.body)];
        expect(fields).toHaveLength(14);
        expect(form.web[1]?.body?.split('&')).toHaveLength(14);
        expect(fields.slice(0, 3).map(([, value]) => value)).toEqual(Object.values(params));
        const config = conf({ 'bitmain-freq-level': '100', 'some-new-key': [1, { deep: true }] });
        const json = await sent(orderOf(params), 'antminer', { config });
        expect(JSON.parse(json.web[1]?.body ?? '')).toEqual({
          ...config,
          pools: [{ url: params.pool_url, user: params.pool_user, pass: params.pool_password }],
          // As its own page sends it.
          'freq-level': '100',
        });
      }),
    );
  });

  it('of a Whatsminer, under its key', async () => {
    const token = makeToken(password, seed);
    const aesKey = createHash('sha256').update(token.key).digest();
    await fc.assert(
      fc.asyncProperty(pool, async (params) => {
        const { texts } = await sent(orderOf(params), 'whatsminer');
        const { data } = JSON.parse(texts.at(-1) ?? '') as { data: string };
        expect(JSON.parse(decryptZeroPadded(data, aesKey) ?? '')).toMatchObject({
          cmd: 'update_pools',
          pool1: params.pool_url,
          worker1: params.pool_user,
          passwd1: params.pool_password,
          token: token.sign,
        });
      }),
      { numRuns: 30 },
    );
  });

  it('of an Avalon and of LuxOS, or it is rejected unsent', async () => {
    await fc.assert(
      fc.asyncProperty(pool, fc.constantFrom('avalon', 'luxos'), async (params, family) => {
        const { texts, outcome } = await sent(orderOf(params), family);
        if (Object.values(params).some((each) => /[,|\\\p{Cc}]/u.test(each))) {
          expect(outcome.status).toBe('rejected');
          expect(texts).toEqual([]);
          return;
        }
        const [request] = texts.filter((text) => text.includes('setpool') || text.includes('addpool'));
        const parameter =
          family === 'avalon'
            ? request?.slice('ascset|'.length)
            : (JSON.parse(request ?? '') as { parameter: string }).parameter;
        expect(parameter?.split(',').slice(-3)).toEqual(Object.values(params));
        expect(parameter?.split(',')).toHaveLength(family === 'avalon' ? 8 : 3);
      }),
    );
  });
});

describe('an outcome', () => {
  it('holds no password, whatever the device repeats', async () => {
    const secret = fc
      .string({ unit: 'grapheme-ascii', minLength: 3, maxLength: 20 })
      .filter((text) => text.trim() === text);
    await fc.assert(
      fc.asyncProperty(secret, async (pool_password) => {
        const echo = `Invalid addpool details 'stratum+tcp://a.example:1,u,${pool_password}' (${password})`;
        const { outcome } = await sent(
          orderOf({ pool_url: 'stratum+tcp://a.example:1', pool_user: 'u', pool_password }),
          'generic',
          { echo },
        );
        expect(outcome).toMatchObject({ status: 'failed', code: 53 });
        expect(outcome.message).not.toContain(password);
        fc.pre(!'Invalid addpool details stratum+tcp://a.example:1,u, ***'.includes(pool_password));
        expect(outcome.message).not.toContain(pool_password);
      }),
    );
  });

  it('of an Antminer whose configuration is cut or none is a failure, and nothing is written', async () => {
    for (const config of [undefined, {}, { pools: 'none' }]) {
      const { web, outcome } = await sent({ kind: 'set_fan', params: { speed: 5 } }, 'antminer', {
        ...(config === undefined ? {} : { config }),
      });
      expect(outcome.status).toBe('failed');
      expect(web.map(({ method }) => method)).toEqual(['GET']);
    }
  });

  it('keeps the type a device uses for its modes, and the mode itself in a write that is not about it', async () => {
    for (const [told, asleep] of [
      [{ 'bitmain-work-mode': '0' }, { 'bitmain-work-mode': '1', 'miner-mode': 1 }],
      [{ 'bitmain-work-mode': 0 }, { 'bitmain-work-mode': 1, 'miner-mode': 1 }],
      [{ 'miner-mode': '0' }, { 'bitmain-work-mode': '1', 'miner-mode': '1' }],
    ] as const) {
      const config = conf({ ...told, 'bitmain-freq-level': '100' });
      const { web } = await sent({ kind: 'disable', params: {} }, 'antminer', { config });
      expect(JSON.parse(web[1]?.body ?? '')).toMatchObject(asleep);
    }
    const config = conf({ 'bitmain-work-mode': '1', 'bitmain-freq-level': '90' });
    const { web } = await sent({ kind: 'set_fan', params: { speed: 40 } }, 'antminer', { config });
    expect(JSON.parse(web[1]?.body ?? '')).toMatchObject({
      'bitmain-work-mode': '1',
      'miner-mode': 1,
      'freq-level': '90',
      'bitmain-fan-pwm': '40',
    });
  });
});

describe('every family', () => {
  it('has a writer that rejects in words or takes each kind of command, and never throws', async () => {
    const orders: CommandOrder[] = [
      ...(['enable', 'disable', 'restart', 'reboot'] as const).map((kind) => ({ kind, params: {} })),
      { kind: 'set_pool', params: { pool_url: 'stratum+tcp://a.example:1', pool_user: 'u' } },
      { kind: 'set_pool', params: { pool_id: 1 } },
      { kind: 'set_fan', params: { speed: 50 } },
      { kind: 'set_frequency', params: { frequency: 500 } },
      { kind: 'set_frequency', params: { percent: -5 } },
    ];
    for (const { name } of families)
      for (const order of orders) {
        const { outcome, texts, web } = await sent(order, name, { config: conf({}) });
        expect(outcome.message).not.toBe('');
        if (
          writerFor(name).refuse(order, {
            family: name,
            model: null,
            credentials: { username: '', password },
            nowMs: 0,
            randomHex: () => '',
          }) !== null
        )
          expect([outcome.status, texts, web]).toEqual(['rejected', [], []]);
      }
  });
});
