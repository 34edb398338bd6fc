import type { BoardSample, MinerIdentity, MinerSample, PoolSample } from '../domain/telemetry.js';

/** The entries of `part` that `all` has too, each counted once. */
function shared<T>(part: readonly T[], all: readonly T[]): readonly T[] {
  const left = [...all];
  const kept = part.filter((entry) => {
    const at = left.indexOf(entry);
    if (at !== -1) left.splice(at, 1);
    return at !== -1;
  });
  return kept.length === part.length ? part : kept;
}

/** `one` with every member null, or without entries, in which `other` differs. */
function agreed<T extends object>(one: T, other: T): T {
  const kept: Record<string, unknown> = {};
  for (const [name, value] of Object.entries(one)) {
    const told = (other as Record<string, unknown>)[name];
    if (Array.isArray(value)) kept[name] = shared(value, Array.isArray(told) ? told : []);
    else kept[name] = value === told ? value : null;
  }
  return kept as T;
}

/** The entries that both have under the same number, as far as they agree. */
function agreedList<T extends { readonly index: number }>(
  one: readonly T[],
  other: readonly T[],
  merge: (one: T, other: T) => T | null,
): T[] {
  return one.flatMap((entry) => {
    const told = other.find((it) => it.index === entry.index);
    const merged = told === undefined ? null : merge(entry, told);
    return merged === null ? [] : [merged];
  });
}

const agreedBoard = (one: BoardSample, other: BoardSample): BoardSample => ({
  ...agreed(one, other),
  health: one.health === other.health ? one.health : 'unknown',
});

const agreedPool = (one: PoolSample, other: PoolSample): PoolSample => ({
  ...agreed(one, other),
  url: one.url,
  user: one.user,
  isActive: one.isActive && other.isActive,
  isDevFee: one.isDevFee,
});

/** A pool whose user was cut off has none; one with another address is another. */
function isSamePool(one: PoolSample, other: PoolSample): boolean {
  return one.url === other.url && (one.user === other.user || one.user === '');
}

/** Who both say it is; where they differ, who it was `known` to be. */
export function agreedIdentity(
  one: MinerIdentity,
  other: MinerIdentity,
  known: MinerIdentity | null,
): MinerIdentity {
  const both = agreed(one, other);
  if (known === null) return both;
  return {
    vendor: both.vendor ?? known.vendor,
    model: both.model ?? known.model,
    firmware: both.firmware ?? known.firmware,
    firmwareVersion: both.firmwareVersion ?? known.firmwareVersion,
    mac: both.mac ?? known.mac,
    serial: both.serial ?? known.serial,
  };
}

/**
 * What two readings of one machine have in common: where they differ nothing is known. Of the identity what
 * was `known` before stands in. What is said of the replies themselves is as `one` has it.
 */
export function agreementOf(one: MinerSample, other: MinerSample, known: MinerIdentity | null): MinerSample {
  const { identity, boards, fans, pools, deviceErrors } = one;
  const { family, state, health, repairs, truncated, errorMessage } = one;
  const both = agreed(one, other);
  const isSameState = state === other.state;
  const agreedBoards = agreedList(boards, other.boards, agreedBoard).map((board) =>
    // Chips that do not answer say nothing of a machine that may not hash.
    isSameState ? board : { ...board, chipsOk: null },
  );
  return {
    ...both,
    identity: agreedIdentity(identity, other.identity, known),
    nominalSource: both.hashrateExpectedGhs === null ? null : both.nominalSource,
    powerSource: both.powerW === null ? null : both.powerSource,
    boards: agreedBoards,
    boardsHealthy:
      agreedBoards.length < boards.length || agreedBoards.some((board) => board.health === 'unknown')
        ? null
        : both.boardsHealthy,
    chipTempsC: agreedBoards.flatMap((board) => board.chipTempsC),
    fans: agreedList(fans, other.fans, (fan, told) =>
      fan.rpm === told.rpm && fan.rpm !== null ? fan : null,
    ),
    pools: agreedList(pools, other.pools, (pool, told) =>
      isSamePool(pool, told) ? agreedPool(pool, told) : null,
    ),
    deviceErrors: deviceErrors.filter((error) =>
      other.deviceErrors.some((it) => it.code === error.code && it.text === error.text),
    ),
    family,
    state: isSameState ? state : 'parse_error',
    health,
    repairs,
    truncated,
    errorMessage,
  };
}
