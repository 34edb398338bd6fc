import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { typeHidden } from '../../src/cli/ask-person.js';
import { headframe, makeOpenFolder } from '../support/cli.js';
import { createCommandBench, type CommandApi, type CommandBench } from '../support/commands.js';
import { createPeopleBench, type PeopleBench } from '../support/people.js';
import { startOnTerminal } from '../support/terminal.js';

const password = 'correct horse battery';
const ctrlC = '\u0003';
/** How `stty` says that keys are shown, lines are edited and Ctrl-C is a signal: by saying nothing of them. */
const isRestored = (shown: string): boolean =>
  !/-echo\b|-icanon|-isig/.test(shown.split('code=')[1] ?? '-echo');

describe('asking on a terminal', () => {
  let people: PeopleBench;
  let commands: CommandBench;
  let api: CommandApi;
  let folder: Awaited<ReturnType<typeof makeOpenFolder>>;
  beforeAll(async () => {
    [people, commands, folder] = await Promise.all([
      createPeopleBench('plain'),
      createCommandBench('plain'),
      makeOpenFolder(),
    ]);
    api = await commands.start();
  });
  afterAll(() => Promise.all([people.close(), commands.close(), folder.remove()]));
  const start = (...args: string[]) =>
    startOnTerminal(args, {
      env: { DATABASE_URL: people.storage.url, XDG_CONFIG_HOME: folder.path },
      cwd: folder.path,
    });
  const order = () =>
    start('command', 'create', 'reboot', '10.0.0.1', '--site', 'north', '--url', api.api.url);

  it('a new password is asked for twice, again when the two differ, and never shown', async () => {
    const terminal = start('users', 'add', 'ana', '--role', 'admin');
    await terminal.shows(/Password: $/);
    terminal.type('short\r');
    await terminal.shows(/10 characters or more; once more\s+Password: $/);
    terminal.type(`${password}\r`);
    await terminal.shows(/The same again: $/);
    terminal.type('something else\r');
    await terminal.shows(/the two are not the same; once more\s+Password: $/);
    // A key too much, taken back.
    terminal.type(`${password}x\u007f\r`);
    await terminal.shows(/once more\s+Password: \s+The same again: $/);
    terminal.type(`${password}\r`);
    const { shown } = await terminal.ended;
    expect(shown).toMatch(/user \d+ is added: ana[^]*code=0/);
    for (const secret of ['short', 'horse', 'something']) expect(shown).not.toContain(secret);
    expect(isRestored(shown)).toBe(true);
    expect(await people.login('ana', password)).not.toBe('');
  }, 60_000);

  it('both can be pasted at once, and three wrong pairs are enough', async () => {
    const pasted = start('users', 'add', 'bo');
    await pasted.shows(/Password: $/);
    pasted.type(`${password}\r${password}\r`);
    expect((await pasted.ended).shown).toMatch(/added: bo[^]*code=0/);
    const wrong = start('users', 'add', 'cy');
    await wrong.shows(/Password: $/);
    wrong.type(`${password}\rnot the same\r`.repeat(3));
    const { shown } = await wrong.ended;
    expect(shown).toMatch(/headframe: the two are not the same\s+code=1/);
    expect(shown).not.toMatch(/horse/);
    expect(isRestored(shown)).toBe(true);
  }, 60_000);

  it('Ctrl-C at a password ends with 130, changes nothing and leaves the terminal as it was', async () => {
    const terminal = start('users', 'passwd', 'ana');
    await terminal.shows(/Password: $/);
    terminal.type(`half a pass${ctrlC}`);
    const { shown } = await terminal.ended;
    expect(shown).toMatch(/interrupted[^]*code=130/);
    expect(shown).not.toContain('half');
    expect(isRestored(shown)).toBe(true);
    expect(await people.login('ana', password)).not.toBe('');
  }, 60_000);

  it('the end of input is no password', async () => {
    const terminal = start('users', 'add', 'di');
    await terminal.shows(/Password: $/);
    terminal.type('\u0004');
    expect((await terminal.ended).shown).toMatch(/nothing was entered\s+code=1/);
  }, 60_000);

  it('login shows the name and not the password', async () => {
    const terminal = start('login', people.api.url);
    await terminal.shows(/Name: $/);
    terminal.type('ana\r');
    await terminal.shows(/Password: $/);
    terminal.type(`${password}\r`);
    const { shown } = await terminal.ended;
    expect(shown).toMatch(/Name: ana\s+Password: \s+signed in to \S+ as ana\s+code=0/);
    expect(shown).not.toContain('horse');
    expect(isRestored(shown)).toBe(true);
  }, 60_000);

  it('only a yes does anything; no, nothing, the end of input and Ctrl-C do not', async () => {
    for (const keys of ['n\r', '\r', 'yeah\r', '\u0004']) {
      const terminal = order();
      await terminal.shows(/reboot 10\.0\.0\.1\? \[y\/N\] $/);
      terminal.type(keys);
      expect((await terminal.ended).shown).toMatch(/nothing was done\s+code=1/);
    }
    const interrupted = order();
    await interrupted.shows(/\[y\/N\] $/);
    interrupted.type(ctrlC);
    // The signal is the shell's too.
    expect((await interrupted.ended).code).toBe(130);
    expect((await commands.statuses()).size).toBe(0);
    const sure = order();
    await sure.shows(/\[y\/N\] $/);
    sure.type('yes\r');
    expect((await sure.ended).shown).toMatch(/command \d+: reboot 10\.0\.0\.1 pending[^]*code=0/);
    expect((await commands.statuses()).size).toBe(1);
  }, 120_000);

  it('without a terminal nothing is asked, and the flag that helps is named', async () => {
    const options = { env: { DATABASE_URL: people.storage.url, XDG_CONFIG_HOME: folder.path } };
    const refused = async (...args: string[]) => {
      const { code, stdout, stderr } = await headframe(args, options);
      expect([code, stdout]).toEqual([expect.any(Number), '']);
      expect(code).not.toBe(0);
      return stderr;
    };
    expect(await refused('users', 'add', 'eve')).toContain('--password-file');
    expect(await refused('users', 'passwd', 'ana')).toContain('--password-file');
    expect(await refused('login', people.api.url)).toContain('--token-file');
    const site = ['--site', 'north', '--url', api.api.url];
    expect(await refused('command', 'create', 'reboot', '10.0.0.1', ...site)).toContain('--yes');
  }, 60_000);
});

describe('a line that is not shown', () => {
  it('is what was typed, however it arrives, and what follows it is kept', () => {
    const text = fc.string({ unit: 'grapheme', maxLength: 30 }).filter((each) => !/\p{Cc}/u.test(each));
    fc.assert(
      fc.property(text, text, fc.nat(30), (line, rest, cut) => {
        const typed = `${line}\r${rest}`;
        const first = typeHidden('', typed.slice(0, cut));
        if (first.kind === 'entered') {
          expect(first.text).toBe(line);
          return;
        }
        const before = first.kind === 'typing' ? first.text : '';
        expect(typeHidden(before, typed.slice(cut))).toMatchObject({ kind: 'entered', rest });
      }),
    );
  });

  it('is edited by backspace and Ctrl-U, ends with Ctrl-D only when empty', () => {
    expect(typeHidden('', 'ab\u007f\u007f\u007fcd\b')).toEqual({ kind: 'typing', text: 'c' });
    expect(typeHidden('abc', 'd\u0015e')).toEqual({ kind: 'typing', text: 'e' });
    expect(typeHidden('', '\u0004')).toEqual({ kind: 'ended' });
    expect(typeHidden('a', '\u0004b')).toEqual({ kind: 'typing', text: 'ab' });
    expect(typeHidden('a', `b${ctrlC}c`)).toEqual({ kind: 'interrupted' });
  });
});
