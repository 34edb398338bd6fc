import { describe, expect, it } from 'vitest';
import { parsePlainText } from '../../src/miner/plain-text.js';

const valueOf = (text: string): unknown => parsePlainText(text, true)?.value;

describe('parsePlainText', () => {
  it('gives sections the shape of their JSON form', () => {
    const text =
      'STATUS=S,When=1700,Code=7,Msg=2 Pool(s),Description=cgminer 4.11.1|' +
      'POOL=0,URL=stratum+tcp://a:3333,User=farm.1,Stratum Active=true,Best Share=12.5,Proxy=|POOL=1,URL=b|';
    expect(valueOf(text)).toEqual({
      STATUS: [{ STATUS: 'S', When: 1700, Code: 7, Msg: '2 Pool(s)', Description: 'cgminer 4.11.1' }],
      POOLS: [
        {
          POOL: 0,
          URL: 'stratum+tcp://a:3333',
          User: 'farm.1',
          'Stratum Active': true,
          'Best Share': 12.5,
          Proxy: '',
        },
        { POOL: 1, URL: 'b' },
      ],
    });
  });

  it('reads Bitmain, which writes a comma ahead of records and names no section', () => {
    const stats = 'STATUS=S,Code=70|BMMiner=1.0.0,Type=Antminer S19|,STATS=0,GHS 5s=100.5,chain_acs1= ooo|';
    expect(valueOf(stats)).toMatchObject({
      STATS: [
        { BMMiner: '1.0.0', Type: 'Antminer S19' },
        { STATS: 0, 'GHS 5s': 100.5, chain_acs1: 'ooo' },
      ],
    });
    expect(valueOf('STATUS=S,Code=7|POOL=0,URL=a|,POOL=1,URL=b|')).toMatchObject({
      POOLS: [
        { POOL: 0, URL: 'a' },
        { POOL: 1, URL: 'b' },
      ],
    });
  });

  it('takes off quotes around the whole, and says so', () => {
    expect(parsePlainText("'STATUS=S,Code=11|SUMMARY,Elapsed=5|'\n", false)).toMatchObject({
      value: { SUMMARY: [{ Elapsed: 5 }] },
      repairs: [{ kind: 'stray_text', count: 1 }],
      isTruncated: false,
    });
  });

  it('reads sections whose head has no value, and devices under DEVS', () => {
    expect(valueOf('STATUS=S,Code=11|SUMMARY,Elapsed=5,MHS av=1.50|')).toMatchObject({
      SUMMARY: [{ Elapsed: 5, 'MHS av': 1.5 }],
    });
    expect(valueOf('STATUS=S,Code=9|ASC=0,Name=BTM|ASC=1,Name=BTM|')).toMatchObject({
      DEVS: [
        { ASC: 0, Name: 'BTM' },
        { ASC: 1, Name: 'BTM' },
      ],
    });
    expect(valueOf('STATUS=S,Code=22| VERSION,API=3.7,DNA=0000000000000012,MAC=00aa|')).toMatchObject({
      VERSION: [{ API: 3.7, DNA: '0000000000000012', MAC: '00aa' }],
    });
  });

  it('undoes escapes in names and values', () => {
    expect(valueOf(String.raw`STATUS=S,Msg=a\,b\=c\|d\\e|SUMMARY,K\=1=v|`)).toEqual({
      STATUS: [{ STATUS: 'S', Msg: String.raw`a,b=c|d\e` }],
      SUMMARY: [{ 'K=1': 'v' }],
    });
  });

  it('splits joined replies by command', () => {
    expect(
      valueOf('CMD=summary|STATUS=S,Code=11|SUMMARY,Elapsed=5|CMD=pools|STATUS=E,Code=8,Msg=No pools|'),
    ).toEqual({
      summary: [{ STATUS: [{ STATUS: 'S', Code: 11 }], SUMMARY: [{ Elapsed: 5 }] }],
      pools: [{ STATUS: [{ STATUS: 'E', Code: 8, Msg: 'No pools' }] }],
    });
  });

  it('keeps what Avalon writes in brackets as one text, commas and all', () => {
    const equals =
      'STATUS=S,Code=70|STATS=0,ID=AVA100,MM ID0=Ver[1066] SYSTEMSTATU[Work: In Work, Hash Board: 3 ] PS[0 1217],MM Count=1|';
    expect(valueOf(equals)).toMatchObject({
      STATS: [
        {
          STATS: 0,
          'MM ID0': 'Ver[1066] SYSTEMSTATU[Work: In Work, Hash Board: 3 ] PS[0 1217]',
          'MM Count': 1,
        },
      ],
    });
    const brackets =
      'STATUS=S|STATS=0,MM ID0[Ver[1066],SYSTEMSTATU[Work: In Work, Hash Board: 2],PS[0 1]],MM Count=1|';
    expect(valueOf(brackets)).toMatchObject({
      STATS: [{ 'MM ID0': 'Ver[1066] SYSTEMSTATU[Work: In Work, Hash Board: 2] PS[0 1]', 'MM Count': 1 }],
    });
  });

  it('does not let a bracket that never closes swallow the record', () => {
    expect(valueOf('STATUS=S|POOL=0,User=a[b,Accepted=5|')).toMatchObject({
      POOLS: [{ POOL: 0, User: 'a[b', Accepted: 5 }],
    });
  });

  it('makes numbers that are none null and says so', () => {
    const result = parsePlainText('STATUS=S|SUMMARY,MHS av=nan,MHS 5s=-inf|', true);
    expect(result?.value).toMatchObject({ SUMMARY: [{ 'MHS av': null, 'MHS 5s': null }] });
    expect(result?.repairs).toEqual([{ kind: 'non_finite', count: 2 }]);
  });

  it('flags a reply without its last | or NUL as cut and drops the field the cut may have shortened', () => {
    const text = 'CMD=summary|STATUS=S,Code=11|SUMMARY,Elapsed=5,Accepted=12';
    expect(parsePlainText(text, false)).toEqual({
      value: { summary: [{ STATUS: [{ STATUS: 'S', Code: 11 }], SUMMARY: [{ Elapsed: 5 }] }] },
      repairs: [{ kind: 'unterminated', count: 1 }],
      isTruncated: true,
      cutMember: 'summary',
    });
    expect(parsePlainText(text, true)).toMatchObject({
      isTruncated: false,
      value: { summary: [{ SUMMARY: [{ Accepted: 12 }] }] },
    });
    expect(parsePlainText(`${text}|`, false)?.isTruncated).toBe(false);
  });

  it('reads the farewells of restart and quit', () => {
    expect(valueOf('RESTART|')).toEqual({ STATUS: 'RESTART' });
    expect(valueOf('BYE')).toEqual({ STATUS: 'BYE' });
  });

  it.each([
    '',
    'failed',
    'Socket connect failed: Connection refused\n',
    'a=b,c=d',
    '{"STATUS":"S"}',
    'status=s|',
  ])('refuses %j', (text) => {
    expect(parsePlainText(text, true)).toBeNull();
  });
});
