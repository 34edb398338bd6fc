/**
 * The oldest names of a spool, sorted, at most `limit` of them: memory does not grow with the backlog.
 *
 * Every name up to the frontier is held; of later ones nothing is known until the next `load`.
 * A `null` frontier means that all names are held.
 */
export class SpoolWindow {
  readonly #limit: number;
  #names: string[] = [];
  #frontier: string | null = null;

  constructor(limit: number) {
    this.#limit = limit;
  }

  /** True when names beyond the frontier may exist. */
  get isPartial(): boolean {
    return this.#frontier !== null;
  }

  get oldest(): string | null {
    return this.#names[0] ?? null;
  }

  /** The oldest name that `isTaken` does not want left out. */
  first(isTaken: (name: string) => boolean): string | null {
    return this.#names.find((name) => !isTaken(name)) ?? null;
  }

  /** False only when the name is surely not in the spool. */
  mayHold(name: string): boolean {
    if (this.#frontier !== null && name > this.#frontier) return true;
    return this.#names[this.#position(name)] === name;
  }

  add(name: string): void {
    if (this.#frontier !== null && name > this.#frontier) return;
    const position = this.#position(name);
    if (this.#names[position] === name) return;
    this.#names.splice(position, 0, name);
    if (this.#names.length <= this.#limit) return;
    this.#names.pop();
    this.#frontier = this.#names[this.#limit - 1] ?? '';
  }

  delete(name: string): void {
    const position = this.#position(name);
    if (this.#names[position] === name) this.#names.splice(position, 1);
  }

  /** Takes the result of a listing of the whole spool. */
  load(names: OldestNames): void {
    this.#names = names.sorted();
    this.#frontier = names.isCut ? (this.#names[this.#names.length - 1] ?? '') : null;
  }

  /** Where the name is, or belongs. */
  #position(name: string): number {
    let low = 0;
    let high = this.#names.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if ((this.#names[middle] ?? '') < name) low = middle + 1;
      else high = middle;
    }
    return low;
  }
}

/** Collects the `limit` smallest of any number of names, holding at most twice as many. */
export class OldestNames {
  readonly #limit: number;
  #names = new Set<string>();
  #isCut = false;

  constructor(limit: number) {
    this.#limit = limit;
  }

  /** True when a name was left out. */
  get isCut(): boolean {
    return this.#isCut || this.#names.size > this.#limit;
  }

  push(name: string): void {
    this.#names.add(name);
    if (this.#names.size < this.#limit * 2) return;
    this.#isCut = true;
    this.#names = new Set(this.sorted());
  }

  delete(name: string): void {
    this.#names.delete(name);
  }

  sorted(): string[] {
    return [...this.#names].sort().slice(0, this.#limit);
  }
}
