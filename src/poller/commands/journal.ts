import { copyFile, mkdir, open, readFile, type FileHandle } from 'node:fs/promises';
import { dirname } from 'node:path';
import { crc32 } from 'node:zlib';
import type { CommandKind, CommandReport } from '../../domain/commands.js';
import { isIdempotent } from '../../domain/commands.js';
import { keepNewest } from '../../domain/keep-newest.js';
import { errnoOf, writeDurably } from '../spool-file.js';
import type { BootMoment } from './boot-clock.js';

/**
 * What is remembered of a command that was taken: without its parameters, which may hold passwords.
 *
 * `received` → `begun` (on disk before the miner hears anything) → `done` (with what is to be reported) →
 * forgotten once the api has it.
 */
export interface JournalEntry {
  readonly id: number;
  /** What tells it from a command of another database with the same number; null or absent: not known. */
  readonly mark?: string | null;
  readonly kind: CommandKind;
  readonly miner: string;
  readonly ip: string | null;
  readonly receivedAt: BootMoment;
  /** After `receivedAt`: from then on it must not be begun; and its lease is over, ms. */
  readonly aliveMs: number;
  readonly leaseMs: number;
  readonly state: 'received' | 'begun' | 'done';
  readonly report: CommandReport | null;
}

/** What an unclean end left behind. */
export interface Recovered {
  readonly entries: readonly JournalEntry[];
  /** Lines that could not be read; the file they stood in was put aside. */
  readonly badLines: number;
}

export interface JournalOptions {
  readonly path: string;
  /** The file is written anew without what is over past this, or twice what is not over, bytes. */
  readonly maxBytes: number;
}

type Line =
  | { readonly t: 'entry'; readonly entry: JournalEntry }
  | { readonly t: 'begun'; readonly id: number }
  | { readonly t: 'done'; readonly id: number; readonly report: CommandReport }
  | { readonly t: 'over'; readonly id: number; readonly mark?: string | null };

/** Reboots and restarts that are over are remembered so many, should one be handed out again. */
const maxRemembered = 1_000;

/**
 * An append-only file of one line a step, each with its checksum. A step is on disk when its promise
 * resolves; steps that come together share a sync.
 */
export class CommandJournal {
  readonly #options: JournalOptions;
  readonly #entries = new Map<number, JournalEntry>();
  /** Commands that run at most once and are over, as {@link nameOf}. */
  readonly #remembered = new Set<string>();
  #file: FileHandle | null = null;
  #bytes = 0;
  /** Of the file as it was last written anew. */
  #liveBytes = 0;
  #waiting: { readonly text: string; readonly done: (error: unknown) => void }[] = [];
  #isWriting = false;
  #isClosed = false;
  #written: Promise<void> = Promise.resolve();

  private constructor(options: JournalOptions) {
    this.#options = options;
  }

  /** Opens the journal and answers what was not over. Rejects with the system's error. */
  static async open(options: JournalOptions): Promise<{ journal: CommandJournal; recovered: Recovered }> {
    const journal = new CommandJournal(options);
    const badLines = await journal.#read();
    await journal.#rewrite();
    return { journal, recovered: { entries: [...journal.#entries.values()], badLines } };
  }

  get size(): number {
    return this.#entries.size;
  }

  get(id: number): JournalEntry | undefined {
    return this.#entries.get(id);
  }

  /** True for a reboot or restart that was here before and is over; of one without a mark its number decides. */
  isOver(id: number, mark: string | null): boolean {
    if (this.#remembered.has(nameOf(id, null))) return true;
    if (mark !== null) return this.#remembered.has(nameOf(id, mark));
    return [...this.#remembered].some((name) => name.startsWith(nameOf(id, '')));
  }

  async received(entries: readonly JournalEntry[]): Promise<void> {
    for (const entry of entries) this.#entries.set(entry.id, entry);
    try {
      await this.#append(entries.map((entry): Line => ({ t: 'entry', entry })));
    } catch (error) {
      for (const entry of entries) this.#entries.delete(entry.id);
      throw error;
    }
  }

  /** Resolves once it is certain that a crash from here on is seen as one in the middle of the command. */
  async begun(id: number): Promise<void> {
    await this.#append([{ t: 'begun', id }]);
    this.#note(id, { state: 'begun' });
  }

  /** What is to be reported is kept in memory even when the disk refuses it. */
  async done(id: number, report: CommandReport): Promise<void> {
    this.#note(id, { state: 'done', report });
    await this.#append([{ t: 'done', id, report }]);
  }

  async over(id: number): Promise<void> {
    this.#forget(id);
    await this.#append([{ t: 'over', id }]);
  }

  /** Entries whose report the api does not have yet, oldest first. */
  *toReport(): Iterable<JournalEntry> {
    for (const entry of this.#entries.values()) if (entry.state === 'done') yield entry;
  }

  /** Steps after this reject. */
  async close(): Promise<void> {
    this.#isClosed = true;
    await this.#written;
    await this.#file?.close();
    this.#file = null;
  }

  #note(id: number, change: Partial<JournalEntry>): void {
    const entry = this.#entries.get(id);
    if (entry !== undefined) this.#entries.set(id, { ...entry, ...change });
  }

  #forget(id: number): void {
    const entry = this.#entries.get(id);
    this.#entries.delete(id);
    if (entry === undefined || isIdempotent(entry.kind) || entry.state === 'received') return;
    this.#remembered.add(nameOf(id, entry.mark ?? null));
    keepNewest(this.#remembered, maxRemembered);
  }

  #append(lines: readonly Line[]): Promise<void> {
    if (this.#isClosed) return Promise.reject(new Error('the journal is closed'));
    return new Promise((resolve, reject) => {
      const done = (error: unknown): void => {
        if (error === null) resolve();
        else reject(error instanceof Error ? error : new Error('the journal cannot be written'));
      };
      this.#waiting.push({ text: lines.map(writeLine).join(''), done });
      if (!this.#isWriting) this.#written = this.#write();
    });
  }

  async #write(): Promise<void> {
    this.#isWriting = true;
    while (this.#waiting.length > 0) {
      const group = this.#waiting;
      this.#waiting = [];
      let failure: unknown = null;
      try {
        const boundBytes = Math.max(this.#options.maxBytes, 2 * this.#liveBytes);
        if (this.#file === null || this.#bytes > boundBytes) await this.#rewrite();
        const bytes = Buffer.from(group.map(({ text }) => text).join(''));
        await this.#file?.appendFile(bytes);
        await this.#file?.datasync();
        this.#bytes += bytes.length;
      } catch (error) {
        failure = error;
        // Half a line may stand at the end: the next write begins a new file.
        await this.#file?.close().catch(() => undefined);
        this.#file = null;
      }
      for (const { done } of group) done(failure);
    }
    this.#isWriting = false;
  }

  /** Writes what is not over into a new file and goes on there. */
  async #rewrite(): Promise<void> {
    const { path } = this.#options;
    const lines = [
      ...[...this.#remembered].map(overLine),
      ...[...this.#entries.values()].map((entry): Line => ({ t: 'entry', entry })),
    ];
    const bytes = Buffer.from(lines.map(writeLine).join(''));
    await mkdir(dirname(path), { recursive: true, mode: 0o700 });
    await writeDurably(path, bytes);
    await this.#file?.close().catch(() => undefined);
    this.#file = await open(path, 'a', 0o600);
    this.#bytes = this.#liveBytes = bytes.length;
  }

  /** Reads what an earlier process left. Answers how many lines were damaged, a torn last one aside. */
  async #read(): Promise<number> {
    const { path } = this.#options;
    let text: string;
    try {
      text = await readFile(path, 'utf8');
    } catch (error) {
      if (errnoOf(error) === 'ENOENT') return 0;
      throw error;
    }
    let badLines = 0;
    // What stands behind the last line break is a line that was being written: its step never happened.
    for (const line of text.split('\n').slice(0, -1)) {
      const read = readLine(line);
      if (read === null) badLines++;
      else this.#replay(read);
    }
    if (badLines > 0) {
      await copyFile(path, `${path}.bad`);
      this.#doubtAll();
    }
    return badLines;
  }

  #replay(line: Line): void {
    switch (line.t) {
      case 'entry':
        this.#entries.set(line.entry.id, line.entry);
        return;
      case 'begun':
        return this.#note(line.id, { state: 'begun' });
      case 'done':
        return this.#note(line.id, { state: 'done', report: line.report });
      case 'over':
        if (this.#entries.has(line.id)) this.#forget(line.id);
        else this.#remembered.add(nameOf(line.id, line.mark ?? null));
        return;
    }
  }

  /** A line that is lost may have said "begun". */
  #doubtAll(): void {
    for (const entry of this.#entries.values())
      if (entry.state === 'received') this.#note(entry.id, { state: 'begun' });
  }
}

/** `17`, or `17 2026-01-02T03:04:05.000Z`. */
const nameOf = (id: number, mark: string | null): string => (mark === null ? `${id}` : `${id} ${mark}`);

function overLine(name: string): Line {
  const at = name.indexOf(' ');
  return at < 0
    ? { t: 'over', id: Number(name) }
    : { t: 'over', id: Number(name.slice(0, at)), mark: name.slice(at + 1) };
}

function writeLine(line: Line): string {
  const json = JSON.stringify(line);
  return `${crc32(json).toString(16).padStart(8, '0')} ${json}\n`;
}

function readLine(text: string): Line | null {
  const json = text.slice(9);
  if (text[8] !== ' ' || text.slice(0, 8) !== crc32(json).toString(16).padStart(8, '0')) return null;
  try {
    return JSON.parse(json) as Line;
  } catch {
    return null;
  }
}
