import type { DeviceError, MinerState } from '../../domain/telemetry.js';
import type { Family } from '../family.js';
import { isWebCommand } from '../http/web-replies.js';
import { toCount, toNumber, toTemperature } from '../numbers.js';
import { isObject } from '../reply-status.js';
import type { JsonObject, Replies } from '../reply.js';
import { megahertz, positive } from './antminer-chains.js';
import { elphapexSources } from './field-sources.js';
import { readLayout, type Layout } from './generic-reading.js';
import { emptyBoard, type BoardReading } from './reading.js';
import { largest, own, row, textOf, toRows } from './records.js';
import { ghsPerUnit, times } from './units.js';

/**
 * Elphapex's scrypt machines (DG1, DG1+, DG Home): Bitmain's newer layout, of which the chip map, the
 * board sensors and `hw` are the same on every board and every machine, and so say nothing. Chip
 * temperatures are thousandths of a degree.
 */
export const elphapex: Family = {
  name: 'elphapex',
  transport: 'cgminer',
  port: null,
  commands: ['summary', 'stats', 'pools'],
  identityCommands: ['version'],
  mayJoin: true,
  request: (command) => JSON.stringify({ command }),
  sources: elphapexSources,
  matches: (replies) => {
    const info = infoOf(replies);
    const names = `${textOf(info, 'type') ?? ''}\n${textOf(info, 'miner_version') ?? ''}`;
    return /^DG[\d-]/m.test(names) || /elphapex/i.test(names);
  },
  read: (replies, context) => readLayout('elphapex', layoutOf(replies), replies, context),
};

/** `INFO` of any answer of the API; its web pages are `antminer-web`'s. */
function infoOf(replies: Replies): JsonObject {
  for (const [command, reply] of replies) {
    if (isWebCommand(command)) continue;
    const info = reply.kind === 'ok' ? own(reply.value, 'INFO') : undefined;
    if (isObject(info)) return info;
  }
  return {};
}

function layoutOf(replies: Replies): Layout {
  const stats = row(replies, ['stats'], 'STATS');
  const summary = row(replies, ['summary'], 'SUMMARY');
  const unit = ghsPerUnit(textOf(stats, 'rate_unit') ?? textOf(summary, 'rate_unit')) ?? 1e-3;
  const told = (name: string) => times(toNumber(own(stats, name)) ?? toNumber(own(summary, name)), unit);
  const now = told('rate_5s');
  const chains = toRows(own(stats, 'chain')).slice(0, 16);
  const fans = own(stats, 'fan');
  const errors = readErrors(summary);
  const info = infoOf(replies);
  return {
    boards: chains.map((chain, at) => toBoard(chain, at, unit)).filter((board) => board !== null),
    boardRates: [
      { nowGhs: now, averageGhs: told('rate_avg'), windows: now === null ? [] : [{ seconds: 5, ghs: now }] },
    ],
    fans: (Array.isArray(fans) ? fans : []).slice(0, 16).map((rpm, index) => ({ index, rpm: toNumber(rpm) })),
    identity: {
      vendor: 'Elphapex',
      model: textOf(info, 'type'),
      firmware: 'stock',
      firmwareVersion:
        /V(\d[\w.]*)$/i.exec(textOf(info, 'miner_version') ?? '')?.[1] ?? textOf(info, 'miner_version'),
      serial: textOf(info, 'dev_sn'),
    },
    nominalGhs: positive(told('rate_ideal')),
    uptimeS: toNumber(own(stats, 'elapsed')),
    deviceErrors: errors,
    idleState: idleState(chains, errors),
  };
}

/** Null for a slot without chips. */
function toBoard(chain: JsonObject, position: number, unit: number): BoardReading | null {
  const chips = toCount(own(chain, 'asic_num'));
  if (chips === 0) return null;
  const listed = own(chain, 'temp_chip');
  const chipTempsC = (Array.isArray(listed) ? listed : [listed ?? null])
    .slice(0, 64)
    .map((value) => {
      const told = toNumber(value);
      return toTemperature(told !== null && told >= 1000 ? told / 1000 : told);
    })
    .filter((temp) => temp !== null);
  return {
    ...emptyBoard(toCount(own(chain, 'index')) ?? position),
    hashrateGhs: times(toNumber(own(chain, 'rate_real', 'hashrate')), unit),
    nominalGhs: positive(times(toNumber(own(chain, 'rate_ideal')), unit)),
    chipTempC: largest(chipTempsC),
    chipTempsC,
    chipsOk: chips,
    frequencyMhz: megahertz(toNumber(own(chain, 'freq_avg'))),
    serial: textOf(chain, 'sn'),
  };
}

/** `status` of the summary: one entry a part, `code` 0 when it is in order. */
function readErrors(summary: JsonObject): DeviceError[] {
  const listed = own(summary, 'status');
  return (Array.isArray(listed) ? listed : [])
    .filter(isObject)
    .filter((it) => (toNumber(own(it, 'code')) ?? 0) !== 0)
    .slice(0, 20)
    .map((it) => ({
      code: `${textOf(it, 'type') ?? ''} ${textOf(it, 'code') ?? ''}`.trim(),
      text: textOf(it, 'msg') ?? '',
    }));
}

function idleState(chains: readonly JsonObject[], errors: readonly DeviceError[]): MinerState | null {
  if (errors.some((error) => error.code.startsWith('temp '))) return 'overheated';
  const isEmpty = chains.length > 0 && chains.every((chain) => toCount(own(chain, 'asic_num')) === 0);
  return isEmpty ? 'no_boards' : null;
}
