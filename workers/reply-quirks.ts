import { keepNewest } from '../src/domain/keep-newest.js';
import { quirkBounds, type ReplyQuirk } from '../src/domain/quirks.js';
import type { MinerSample } from '../src/domain/telemetry.js';
import { fingerprintOf, fingerprintReply } from '../src/miner/fingerprint.js';
import type { Reply } from '../src/miner/reply.js';

/** What of a poll its quirks are told from. */
export interface PolledReplies {
  readonly replies: ReadonlyMap<string, Reply>;
  /** Raw bytes by request: a command, or several joined with `+`. */
  readonly raw: ReadonlyMap<string, Uint8Array>;
}

/** Remembers of which fingerprints of which site a sample reply was sent along lately. The oldest go past `maxEntries`. */
export class SampleMemory {
  readonly #sentAt = new Map<string, number>();
  readonly #maxEntries: number;
  readonly #againMs: number;

  constructor(options: { readonly maxEntries?: number; readonly againMs?: number } = {}) {
    this.#maxEntries = options.maxEntries ?? 1_000;
    this.#againMs = options.againMs ?? 6 * 3_600_000;
  }

  /** True when a sample is due at `slot` (ms); it counts as sent then. */
  take(name: string, slot: number): boolean {
    const sentAt = this.#sentAt.get(name);
    if (sentAt !== undefined && Math.abs(slot - sentAt) < this.#againMs) return false;
    this.#sentAt.delete(name);
    this.#sentAt.set(name, slot);
    keepNewest(this.#sentAt, this.#maxEntries);
    return true;
  }
}

/** Fingerprints of one miner's damage by its name. A machine damages its replies alike for months. */
export type KnownPrints = Record<string, string>;

/**
 * The damaged and unreadable replies of one poll, at most eight; a sample goes along where `memory` says so.
 * `known` is what the miner's damage came to before: going through the shape of a reply costs as much as
 * parsing it, so the same damage by the same firmware is taken for the same shape. It is added to.
 */
export function quirksOf(
  polled: PolledReplies,
  sample: MinerSample,
  moment: { readonly slot: number; readonly site?: string | undefined },
  memory: SampleMemory,
  known: KnownPrints = {},
): ReplyQuirk[] {
  const { firmware, firmwareVersion } = sample.identity;
  const quirks: ReplyQuirk[] = [];
  for (const reply of polled.replies.values()) {
    if (quirks.length >= quirkBounds.perSample) break;
    const kinds = kindsOf(reply, sample);
    if (kinds.length === 0) continue;
    const name = [sample.family, firmwareVersion ?? firmware ?? '', reply.command, ...kinds].join('\n');
    const fingerprint = known[name] ?? fingerprintOf(`${name}\n${fingerprintReply(reply) ?? ''}`);
    if (reply.kind !== 'unreadable' && Object.keys(known).length < quirkBounds.perSample)
      known[name] = fingerprint;
    quirks.push({
      fingerprint,
      command: reply.command.slice(0, quirkBounds.commandLength),
      damage: kinds.join('+').slice(0, quirkBounds.damageLength),
      sample: memory.take(`${moment.site ?? ''} ${fingerprint}`, moment.slot)
        ? textOf(polled.raw, reply.command)
        : null,
    });
  }
  return quirks;
}

/** What was put right in a reply, and in reading it; sorted. */
function kindsOf(reply: Reply, sample: MinerSample): string[] {
  if (reply.kind === 'unreadable') return [`unreadable:${reply.shape}`];
  if (reply.kind === 'denied') return [];
  const read = sample.repairs.filter((repair) => repair.command === reply.command);
  if (reply.repairs.length === 0 && read.length === 0) return [];
  return [...new Set([...reply.repairs, ...read].map((repair) => repair.kind))].sort();
}

function textOf(raw: PolledReplies['raw'], command: string): string | null {
  const bytes =
    raw.get(command) ?? [...raw].find(([request]) => request.split('+').includes(command))?.[1] ?? null;
  if (bytes === null) return null;
  const head = bytes.subarray(0, quirkBounds.sampleLength);
  return Buffer.from(head.buffer, head.byteOffset, head.byteLength).toString('utf8').replaceAll('\0', '');
}
