import { describe, expect, it } from 'vitest';
import { ask, build, epochMs, row, type Row } from '../support/simulated-miner.js';

describe('joined commands', () => {
  it('are answered with one list per member, an unknown member with its own error', () => {
    for (const name of ['antminer-s9', 'avalon-1246', 'cgminer'] as const) {
      const text = (ask(build(name), { command: 'summary+pools+nonsense' }) ?? '').replace('}{', '},{');
      const reply = JSON.parse(text) as Record<string, { STATUS: { Code: number }[]; SUMMARY?: unknown[] }[]>;
      expect(Object.keys(reply)).toEqual(['summary', 'pools', 'nonsense', 'id']);
      expect(reply['summary']?.[0]?.SUMMARY).toHaveLength(1);
      expect(reply['nonsense']?.[0]?.STATUS[0]?.Code).toBe(14);
    }
  });

  it('are taken as `cmd` by a Whatsminer, and refused whole by an S19', () => {
    const reply = JSON.parse(ask(build('whatsminer-m50s'), { cmd: 'pools+summary+edevs' }) ?? '') as object;
    expect(Object.keys(reply)).toEqual(['pools', 'summary', 'edevs', 'id']);
    expect(ask(build('antminer-s19'), { command: 'summary+stats+pools' })).toContain(
      '"Code":14,"Msg":"Invalid command"',
    );
    expect(ask(build('cgminer'), { cmd: 'summary' })).toContain('"Code":24');
  });
});

describe('text requests', () => {
  it('are answered in text, joined ones with a CMD before each', () => {
    const text = ask(build('antminer-s9'), 'summary+stats') ?? '';
    expect(text).toMatch(
      /^CMD=summary\|STATUS=S,When=\d+,Code=11,Msg=Summary,Description=bmminer 1\.0\.0\|SUMMARY,Elapsed=\d+,/,
    );
    expect(text).toMatch(/\|CMD=stats\|STATUS=S,.*\|STATS=0,ID=BC50,/);
    expect(ask(build('cgminer'), 'summary\n')).toContain('Code=14');
  });
});

describe('control commands', () => {
  it('restart answers without a list, and the counters begin at 0', () => {
    const miner = build('avalon-1246');
    expect(ask(miner, { command: 'restart' })).toBe('{"STATUS":"RESTART","id":1}');
    expect(miner.isDown(epochMs + 4_000)).toBe(true);
    expect(row(miner, 'version', 'VERSION', 6)['CGMiner']).toBe('4.11.1');
    expect(ask(miner, { command: 'summary' }, 10)).toContain('"Elapsed":5,"MHS av":nan');
    const later = row(miner, 'summary', 'SUMMARY', 70);
    expect(later.Elapsed).toBe(65);
    expect(later.Accepted).toBeLessThan(20);
  });

  it('change pools, and later telemetry shows it', () => {
    const miner = build('cgminer');
    const accepted = row(miner, 'summary', 'SUMMARY').Accepted;
    expect(ask(miner, { command: 'addpool', parameter: 'stratum+tcp://x.example:1,u"1,p' })).toContain(
      '"Code":55',
    );
    expect(ask(miner, { command: 'switchpool', parameter: 3 })).toContain('"Code":27');
    expect(ask(miner, { command: 'switchpool', parameter: '9' })).toContain('"Code":26');
    expect(ask(miner, { command: 'removepool', parameter: '3' })).toContain('"Code":67');
    expect(ask(miner, { command: 'disablepool', parameter: '1' })).toContain('"Code":48');
    expect(ask(miner, { command: 'disablepool', parameter: '1' })).toContain('"Code":50');
    const { POOLS: pools } = JSON.parse(ask(miner, { command: 'pools' }, 3600) ?? '') as { POOLS: Row[] };
    expect(pools.map((pool) => pool['Status'])).toEqual(['Alive', 'Disabled', 'Dead', 'Alive']);
    expect(pools[3]).toMatchObject({ URL: 'stratum+tcp://x.example:1', User: 'u"1', 'Stratum Active': true });
    expect(pools[0]?.Accepted).toBe(accepted);
    expect(pools.reduce((sum, pool) => sum + pool.Accepted, 0)).toBe(miner.accepted(epochMs + 3_600_000));
  });

  it('set fan and frequency, pause and resume', () => {
    const miner = build('antminer-s19');
    ask(miner, { command: 'fanctrl', parameter: '100' });
    ask(miner, { command: 'setconfig', parameter: 'freq,540' });
    const slower = miner.reading(epochMs + 60_000);
    expect(slower.fanPct).toBe(100);
    expect(slower.ghs5s / miner.model.nominalGhs).toBeCloseTo(0.8, 1);
    ask(miner, { command: 'pause' }, 60);
    expect(miner.reading(epochMs + 70_000)).toMatchObject({ state: 'sleeping', ghs5s: 0, elapsedS: 10 });
    ask(miner, { command: 'resume' }, 70);
    expect(miner.state(epochMs + 71_000)).toBe('starting');
    expect(miner.state(epochMs + 101_000)).toBe('mining');
  });

  it('of an Avalon are ascset, some of them acknowledged by silence', () => {
    const miner = build('avalon-1246');
    expect(ask(miner, 'ascset|0,softoff,1:1767225605')).toContain('STATUS=I,When=1767225600,Code=118');
    expect(miner.state(epochMs + 1000)).toBe('sleeping');
    expect(ask(miner, 'ascset|0,softon,1:1767225605')).toBeNull();
    expect(ask(miner, 'ascset|0,workmode,2')).toContain('Code=119');
    expect(ask(miner, { command: 'ascset', parameter: '0,fan-spd,300' })).toContain('"Code":120');
    expect(ask(miner, 'ascset|0,setpool,root,root,1,stratum+tcp://n.example:1,w,x')).toContain('Code=119');
    expect(ask(miner, 'ascset|0,reboot,0')).toBeNull();
    const pools = JSON.parse(ask(miner, { command: 'pools' }, 60) ?? '') as { POOLS: Row[] };
    expect(pools.POOLS[1]).toMatchObject({ URL: 'stratum+tcp://n.example:1', User: 'w' });
  });

  it('of a Whatsminer are refused in the clear unless allowed', () => {
    const miner = build('whatsminer-m30s');
    expect(
      ask(miner, { cmd: 'power_off', respbefore: 'true' }, 0, { cgminer: true, whatsminer: false }),
    ).toContain('"Code":45,"Msg":"can\'t access write cmd"');
    expect(ask(miner, { cmd: 'power_off', respbefore: 'true' })).toContain('"Code":131');
    expect(ask(miner, { cmd: 'status' }, 1)).toContain('"btmineroff":"true"');
    expect(ask(miner, { cmd: 'summary' }, 1)).toContain('"STATUS":"E"');
    ask(miner, { cmd: 'power_on' }, 2);
    ask(miner, { cmd: 'update_pools', pool1: 'stratum+tcp://one.example:1', worker1: 'w', passwd1: 'x' }, 2);
    expect(ask(miner, { cmd: 'pools' }, 60)).toContain('"URL":"stratum+tcp://one.example:1"');
  });

  it('are refused with code 45 where writing is not allowed', () => {
    const refused = ask(build('cgminer'), { command: 'restart' }, 0, { cgminer: false, whatsminer: false });
    expect(refused).toContain('"Code":45,"Msg":"Access denied to \'restart\' command"');
  });
});
