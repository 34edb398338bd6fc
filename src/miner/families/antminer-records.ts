import { isObject } from '../reply-status.js';
import type { JsonObject, JsonValue, Replies } from '../reply.js';
import { own, row, rows } from './records.js';

/** The records of one machine in Bitmain's layout; empty where a reply is missing. */
export interface AntminerRecords {
  /** The data of `stats`: the record behind the header, or the one that is both. */
  readonly stats: JsonObject;
  /** The header of `stats`, which names the machine. */
  readonly head: JsonObject;
  /** `stats` as `new_api` tells it, where it was asked besides. */
  readonly newStats: JsonObject;
  readonly summary: JsonObject;
  readonly version: JsonObject;
  /** `INFO` of the `new_api` layout. */
  readonly info: JsonObject;
  /** `config` of LuxOS, or what a stock machine's `get_system_info` says, whichever was captured. */
  readonly config: JsonObject;
}

/** The command name under which `stats` is asked with the `new_api` flag. */
export const newApiStats = 'stats_new_api';

/** Picks the records out of the replies. */
export function antminerRecords(replies: Replies): AntminerRecords {
  const records = rows(replies, ['stats', newApiStats], 'STATS');
  return {
    stats: records.find(isData) ?? records[0] ?? {},
    head: records.find((it) => own(it, 'Type') !== undefined) ?? {},
    newStats: row(replies, [newApiStats], 'STATS'),
    summary: row(replies, ['summary'], 'SUMMARY'),
    version: row(replies, ['version'], 'VERSION'),
    info: infoOf(replies),
    config: configOf(replies),
  };
}

function isData(record: JsonObject): boolean {
  return own(record, 'Elapsed', 'elapsed', 'GHS 5s', 'chain_rate1', 'chain') !== undefined;
}

function infoOf(replies: Replies): JsonObject {
  for (const command of ['stats', newApiStats, 'summary', 'pools']) {
    const info = member(replies, command, 'INFO');
    if (isObject(info)) return info;
  }
  return {};
}

function configOf(replies: Replies): JsonObject {
  const config = row(replies, ['config'], 'CONFIG');
  if (Object.keys(config).length > 0) return config;
  for (const reply of replies.values())
    if (reply.kind === 'ok' && reply.value.minertype !== undefined) return reply.value;
  return {};
}

function member(replies: Replies, command: string, name: string): JsonValue | undefined {
  const reply = replies.get(command);
  return reply?.kind === 'ok' ? own(reply.value, name) : undefined;
}
