import { existsSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { change, readConfig, toFormFields } from '../../src/miner/writers/antminer-config.js';
import { formRequest } from '../../src/miner/writers/web-answers.js';

interface Exchange {
  readonly vendor: string;
  readonly test: string;
  readonly case: string;
  readonly request: string | null;
  readonly requestBody: string | null;
  readonly response: string;
}

const corpus = process.env['HEADFRAME_CORPUS'] ?? path.resolve('..', 'shared', 'corpus');
const file = path.join(corpus, '_control', 'exchanges.json');
const exchanges = existsSync(file)
  ? (JSON.parse(readFileSync(file, 'utf8')) as { exchanges: Exchange[] }).exchanges
  : [];
const pools = [1, 2, 3].map((at) => ({
  url: `stratum+tcp://my-test-pool${at}.com:5588`,
  user: `my-test-username${at}`,
  pass: `my-test-password${at}`,
}));

describe('the form of older Antminers', () => {
  it.runIf(exchanges.length > 0)('is what others were seen to send, byte for byte', () => {
    const configs = new Map<string, string>();
    let compared = 0;
    for (const { vendor, test, case: name, request, requestBody, response } of exchanges) {
      if (request === '/cgi-bin/get_miner_conf.cgi') configs.set(test, response);
      if (vendor !== 'antminer' || request !== '/cgi-bin/set_miner_conf.cgi') continue;
      const config = readConfig(configs.get(test) ?? '', null);
      if (requestBody?.startsWith('_ant_') !== true || config === null) continue;
      const kind = name.includes('normal') ? 'enable' : 'disable';
      const made = test.includes('PowerMode')
        ? change(config, { kind, params: {} })
        : { kind: 'changed' as const, value: { ...config.value, pools } };
      if (made.kind === 'cannot') throw new Error(made.reason);
      expect([name, formRequest('', toFormFields(made.value)).body]).toEqual([name, requestBody]);
      compared++;
    }
    expect(compared).toBe(8);
  });
});
