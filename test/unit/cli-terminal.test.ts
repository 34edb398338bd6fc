import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { formatLogLine } from '../../src/cli/log-line.js';
import { masked, maskedUrl } from '../../src/cli/mask.js';
import { visible } from '../../src/cli/print.js';
import { statusText } from '../../src/cli/status-line.js';
import { openTerminal, Terminal, type TerminalStream } from '../../src/cli/terminal.js';
import type { UpStatus } from '../../src/roles/up.js';

const status: UpStatus = {
  url: 'http://127.0.0.1:8420',
  minersOnline: 1_183,
  minersKnown: 1_197,
  hashrateThs: 119_876,
  lagS: 12.4,
  samplesStored: 45_600,
  onTheWay: 3,
  conservationError: 0,
};

/** A terminal that keeps the lines a person would see. */
function screen(columns: number): { stream: TerminalStream; lines(): string[] } {
  let text = '';
  const stream = { isTTY: true, columns, write: (more: string) => (text += more) };
  // An erased line is what follows the last return on it.
  const seen = (line: string): string => line.slice(line.lastIndexOf('\u001b[2K') + 4);
  const lines = (): string[] =>
    text.split('\n').map((line) => (line.includes('\u001b[2K') ? seen(line) : line));
  return { stream, lines };
}

describe('the line of status', () => {
  it('says miners, hashrate, samples, what is on the way, lag and where the page is', () => {
    expect(statusText(status, 200)).toBe(
      '1,183/1,197 miners online · 120 PH/s · 45,600 samples stored · 3 on the way · lag 12 s · http://127.0.0.1:8420',
    );
  });

  it('leaves out what matters least until it fits', () => {
    expect(statusText(status, 79)).toBe(
      '1,183/1,197 miners online · 120 PH/s · 45,600 samples stored · 3 on the way',
    );
    expect(statusText(status, 30)).toBe('1,183/1,197 miners online');
  });

  it('says what is unknown, and what must never be', () => {
    const away = { ...status, minersOnline: null, hashrateThs: null, lagS: null };
    expect(statusText(away, 60)).toBe('–/1,197 miners online · 45,600 samples stored · 3 on the way');
    expect(statusText({ ...status, conservationError: -2 }, 60)).toContain('conservation error -2');
    expect(statusText({ ...status, minersKnown: 0 }, 60)).toBe('Waiting for the first replies …');
  });
});

describe('Terminal', () => {
  it('keeps one line below what is printed', () => {
    const { stream, lines } = screen(40);
    const terminal = new Terminal(stream);
    terminal.show('one');
    terminal.print('12:00:00 WARN  something');
    terminal.show('two');
    expect(lines()).toEqual(['12:00:00 WARN  something', 'two']);
    terminal.clear();
    expect(lines()).toEqual(['12:00:00 WARN  something', '']);
  });

  it('never fills the last column, whatever the line', () => {
    fc.assert(
      fc.property(fc.integer({ min: 11, max: 200 }), fc.string({ maxLength: 300 }), (columns, text) => {
        const { stream, lines } = screen(columns);
        new Terminal(stream).show(visible(text).replaceAll('\n', ' '));
        expect(lines().at(-1)?.length).toBeLessThan(columns);
      }),
    );
  });

  it('is there on a terminal that can erase, and nowhere else', () => {
    const write = (): void => undefined;
    expect(openTerminal({ isTTY: true, write }, {})).not.toBeNull();
    expect(openTerminal({ isTTY: true, write }, { TERM: 'dumb' })).toBeNull();
    expect(openTerminal({ write }, {})).toBeNull();
  });
});

describe('formatLogLine', () => {
  it('puts time, level and message before the fields', () => {
    const line = JSON.stringify({
      level: 40,
      time: '2026-01-02T03:04:05.678Z',
      site: 'north',
      err: { type: 'Error', message: 'it broke', stack: 'long' },
      n: 3,
      msg: 'poll task failed',
    });
    expect(formatLogLine(line)).toBe('03:04:05 WARN  poll task failed site=north err=it broke n=3');
  });

  it('passes on what is no line of the log', () => {
    expect(formatLogLine('plain')).toBe('plain');
  });
});

describe('what is shown', () => {
  it('keeps text and shows control characters', () => {
    expect(visible('a\tb\nc\u001b[2Jd\u009b')).toBe('a\tb\nc\\u001b[2Jd\\u009b');
    fc.assert(
      fc.property(fc.jsonValue(), (value) => {
        // An escape within JSON means the character it stands for.
        expect(JSON.parse(visible(JSON.stringify(value)))).toEqual(JSON.parse(JSON.stringify(value)));
      }),
    );
  });

  it('never holds a password of a URL, or the secret part of a key', () => {
    expect(maskedUrl('postgres://u:p@ss@h/db?sslmode=require&password=x')).toBe(
      'postgres://u:…@h/db?sslmode=require&password=…',
    );
    expect(maskedUrl('https://telemetry.example.com/a?b=c')).toBe('https://telemetry.example.com/a?b=c');
    const settings = {
      sites: [{ key: `hsc_abcd${'z'.repeat(40)}`, key_file: '/k' }],
      redis: { url: 'redis://:pw@h' },
    };
    expect(masked(settings)).toEqual({
      sites: [{ key: 'hsc_abcd…', key_file: '/k' }],
      redis: { url: 'redis://:…@h' },
    });
    const password = fc.stringMatching(/^[A-Za-z0-9@:!,]{8,20}$/);
    fc.assert(
      fc.property(password, (secret) => {
        expect(maskedUrl(`postgres://user:${secret}@db.example.com:5432/x`)).toBe(
          'postgres://user:…@db.example.com:5432/x',
        );
      }),
    );
  });
});
