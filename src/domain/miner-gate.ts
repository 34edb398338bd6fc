/** Addresses share stripes: a farm of one /16 has one each. */
const stripeCount = 65_536;
/** The low half of a stripe counts polls under way, the high half commands that hold it. */
const oneCommand = 0x1_0000;
const pollMask = 0xffff;

/** Memory that the threads of a process share for {@link MinerGate}. */
export const createGateMemory = (): SharedArrayBuffer => new SharedArrayBuffer(stripeCount * 4);

/**
 * Keeps polls and commands of one process from talking to one miner at once: it bears one connection. A
 * poll marks the miner while it lasts and finds out at once whether a command holds it; a command holds it
 * first and then waits until no poll is left. Neither ever blocks a thread.
 */
export class MinerGate {
  readonly #stripes: Int32Array;

  constructor(memory: SharedArrayBuffer) {
    this.#stripes = new Int32Array(memory);
  }

  /** Marks a poll; false, and no mark, while a command holds the miner. `address` as a number. */
  enter(address: number): boolean {
    const at = stripeOf(address);
    if (Atomics.add(this.#stripes, at, 1) < oneCommand) return true;
    this.leave(address);
    return false;
  }

  /** Ends the mark of a poll. A mark that was forgotten in between is not ended twice. */
  leave(address: number): void {
    const at = stripeOf(address);
    for (;;) {
      const was = Atomics.load(this.#stripes, at);
      if ((was & pollMask) === 0) return;
      if (Atomics.compareExchange(this.#stripes, at, was, was - 1) === was) return;
    }
  }

  /** Holds the miner for a command; polls begun before may still be under way. */
  hold(address: number): void {
    Atomics.add(this.#stripes, stripeOf(address), oneCommand);
  }

  release(address: number): void {
    Atomics.sub(this.#stripes, stripeOf(address), oneCommand);
  }

  /** True while a poll of the miner is under way. */
  isPolled(address: number): boolean {
    return (Atomics.load(this.#stripes, stripeOf(address)) & pollMask) > 0;
  }

  /** Forgets the marks of polls that must be over: those of a thread that died stay for ever. */
  forgetPolls(address: number): void {
    Atomics.and(this.#stripes, stripeOf(address), ~pollMask);
  }
}

const stripeOf = (address: number): number => ((address >>> 16) * 40_503 + address) & (stripeCount - 1);
