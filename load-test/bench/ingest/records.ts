import { randomUUID } from 'node:crypto';
import { gzipSync } from 'node:zlib';
import { defaultHealthThresholds } from '../../../src/domain/health.js';
import type { ParsedUpload } from '../../../src/domain/ingest-task.js';
import { formatIp } from '../../../src/domain/ip-ranges.js';
import { readUpload } from '../../../src/domain/read-upload.js';
import { toWire, type WireRecord } from '../../../src/domain/wire.js';
import { decodeReply } from '../../../src/miner/decode-reply.js';
import { antminer } from '../../../src/miner/families/antminer.js';
import { readMiner } from '../../../src/miner/read-miner.js';
import { SimulatedMiner, defaultTiming } from '../../simulator/miner.js';
import { parseRequest } from '../../simulator/request.js';
import { respond } from '../../simulator/respond.js';

/** One batch twice: as it goes over the wire, and as the statement takes it. */
export interface PreparedBatch {
  readonly batchId: string;
  readonly gz: Uint8Array;
  readonly parsed: ParsedUpload;
}

/** As `BatchWriter` compresses. */
const gzipLevel = 3;
const models = ['antminer-s19', 'antminer-s19xp', 'antminer-s21'] as const;
const firstAddress = 10 * 2 ** 24;

/**
 * Records of a farm of large Antminers (three boards, four fans, twelve chip sensors), read from
 * simulated replies by the same code that polls, and encoded as pollers do.
 */
export class RecordSource {
  readonly #templates: readonly WireRecord[];
  readonly #rowsPerBatch: number;
  readonly #miners: number;

  constructor(options: { readonly miners: number; readonly rowsPerBatch: number }) {
    this.#miners = options.miners;
    this.#rowsPerBatch = options.rowsPerBatch;
    this.#templates = Array.from({ length: Math.min(500, options.miners) }, (_, index) => makeRecord(index));
  }

  /** Every miner once, in batches; `round` makes counters grow. */
  slot(slotMs: number, round: number): PreparedBatch[] {
    const batches: PreparedBatch[] = [];
    for (let from = 0; from < this.#miners; from += this.#rowsPerBatch) {
      const to = Math.min(from + this.#rowsPerBatch, this.#miners);
      const texts: string[] = [];
      for (let miner = from; miner < to; miner++) texts.push(this.#encode(miner, slotMs, round));
      batches.push(prepare(`[${texts.join(',')}]`, slotMs));
    }
    return batches;
  }

  #encode(miner: number, slotMs: number, round: number): string {
    const template = this.#templates[miner % this.#templates.length] as WireRecord;
    const ip = formatIp(firstAddress + miner);
    return JSON.stringify({
      ...template,
      miner_id: ip,
      ip_address: ip,
      timestamp: new Date(slotMs).toISOString(),
      offset_ms: (miner * 7 + round * 31) % 9_000,
      hashrate_ghs: (template.hashrate_ghs ?? 0) * (1 + ((miner + round) % 17) / 1_000),
      accepted_shares: (template.accepted_shares ?? 0) + round * 2,
      uptime_seconds: (template.uptime_seconds ?? 0) + round * 10,
      mac: `02:00:00:${[16, 8, 0].map((shift) => ((miner >> shift) & 255).toString(16).padStart(2, '0')).join(':')}`,
    });
  }
}

function prepare(json: string, receivedMs: number): PreparedBatch {
  const batchId = randomUUID();
  const body = Buffer.from(json);
  const parsed = readUpload(body, {
    siteId: 0,
    batchId,
    maxRecords: 100_000,
    context: { receivedMs, maxAgeMs: 1, maxAheadMs: 1, thresholds: defaultHealthThresholds },
  });
  if (parsed.kind === 'error') throw new Error(parsed.message);
  if (parsed.rejected.length > 0) throw new Error(`rejected: ${parsed.rejected[0]?.reason}`);
  return { batchId, gz: gzipSync(body, { level: gzipLevel }), parsed };
}

/** What one of the large Antminers says, as pollers send it. */
export function makeRecord(index: number): WireRecord {
  const nowMs = Date.now();
  const model = models[index % models.length] ?? 'antminer-s19';
  const miner = new SimulatedMiner(11, formatIp(firstAddress + index), model, null, nowMs, defaultTiming);
  const writes = { cgminer: false, whatsminer: false };
  const commands = [...antminer.commands, ...antminer.identityCommands];
  const replies = new Map(
    commands.map((command) => {
      const { text } = respond(miner, parseRequest(antminer.request(command)), nowMs, writes);
      return [command, decodeReply(command, Buffer.from(`${text ?? ''}\0`, 'latin1'))] as const;
    }),
  );
  const sample = readMiner(antminer, replies, { identity: null, thresholds: defaultHealthThresholds });
  const facts = { slot: new Date(nowMs), offsetMs: 0, latencyMs: 87, errorClass: null, raw: null };
  const record = toWire(sample, { ...facts, minerId: miner.address, ip: miner.address });
  const { boards, fan_speeds: fans, temperature_chips: chips } = record;
  if (boards.length !== 3 || fans.length !== 4 || chips.length !== 12)
    throw new Error(
      `not the record meant: ${boards.length} boards, ${fans.length} fans, ${chips.length} chips`,
    );
  return record;
}
