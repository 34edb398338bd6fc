import { defaultHealthThresholds, type HealthThresholds } from '../domain/health.js';
import type { DeviceError, FanSample, MinerIdentity, Repair } from '../domain/telemetry.js';
import { toWire, type WireBoard, type WireDetails, type WireRecord } from '../domain/wire.js';
import { readMiner } from './read-miner.js';
import { identifyFamily } from './registry.js';
import type { JsonObject, Replies, Reply } from './reply.js';

/** Fields of an upload record that a reading alone has. */
export type ReportSample = Omit<
  WireRecord,
  'miner_id' | 'timestamp' | 'offset_ms' | 'ip_address' | 'latency_ms' | 'error_class' | 'details' | 'raw'
>;

export type ReplyStatus = 'ok' | 'truncated' | 'device_error' | 'denied' | 'unreadable';

/** What can be told of one miner from captured replies. */
export interface MinerReport {
  readonly miner: MinerIdentity;
  readonly state: string;
  readonly sample: ReportSample;
  readonly boards: readonly WireBoard[];
  readonly fans: readonly FanSample[];
  readonly pools: WireDetails['pools'];
  readonly errors: readonly DeviceError[];
  readonly repairs: readonly Repair[];
  readonly replies: Readonly<Record<string, { readonly status: ReplyStatus; readonly bytes: number }>>;
}

/** Reads captured replies with the family they identify. */
export function reportMiner(
  replies: Replies,
  thresholds: HealthThresholds = defaultHealthThresholds,
): MinerReport {
  const sample = readMiner(identifyFamily(replies), replies, { identity: null, thresholds });
  const wire = toWire(sample, {
    minerId: '',
    ip: '',
    slot: new Date(0),
    offsetMs: null,
    latencyMs: null,
    errorClass: null,
    raw: null,
  });
  const { miner_id, timestamp, offset_ms, ip_address, latency_ms, error_class, details, raw, ...fields } =
    wire;
  void [miner_id, timestamp, offset_ms, ip_address, latency_ms, error_class, raw];
  return {
    miner: sample.identity,
    state: sample.state,
    sample: fields,
    boards: wire.boards,
    fans: sample.fans,
    pools: details?.pools ?? [],
    errors: sample.deviceErrors,
    repairs: sample.repairs,
    replies: Object.fromEntries(
      [...replies].map(([name, it]) => [name, { status: statusOf(it), bytes: it.bytes }]),
    ),
  };
}

function statusOf(reply: Reply): ReplyStatus {
  return reply.kind === 'ok' && reply.isTruncated ? 'truncated' : reply.kind;
}

const sections: Readonly<Record<string, string>> = {
  SUMMARY: 'summary',
  STATS: 'stats',
  POOLS: 'pools',
  DEVS: 'devs',
  VERSION: 'version',
  DEVDETAILS: 'devdetails',
  TEMPS: 'temps',
  FANS: 'fans',
  POWER: 'power',
};

/**
 * The command a reply answers, by its content: one, several joined with `+`, or null when it does
 * not tell.
 */
export function guessCommand(value: JsonObject): string | null {
  const keys = Object.keys(value);
  const section = keys.find((key) => Object.hasOwn(sections, key));
  if (section !== undefined) return sections[section] ?? null;
  const members = keys.filter((key) => Object.values(sections).includes(key));
  return members.length === 0 ? null : members.join('+');
}

/** A report as text for a reader, one line each. */
export function describeReport(report: MinerReport): string[] {
  const { miner, sample } = report;
  const or = (value: number | string | null, unit = '') => (value === null ? '–' : `${value}${unit}`);
  const round = (value: number | null, digits = 1) => (value === null ? null : Number(value.toFixed(digits)));
  const firmware = [miner.firmware, miner.firmwareVersion].filter((it) => it !== null).join(' ');
  const chips = (board: WireBoard) => `${or(board.chips_ok)}/${or(board.chips_total)} chips`;
  return [
    `${[miner.vendor, miner.model ?? 'unknown model'].filter((it) => it !== null).join(' ')}, ${firmware || 'unknown firmware'}`,
    `  state     ${report.state}, health ${sample.overall_health}${sample.error_message === '' ? '' : ` (${sample.error_message})`}`,
    `  hashrate  ${or(round(sample.hashrate_ghs, 3))} GH/s of ${or(round(sample.hashrate_expected_ghs, 3))}, 5 s ${or(round(sample.hashrate_5s_ghs, 3))}`,
    `  power     ${or(round(sample.power_consumption), ' W')}, ${or(round(sample.efficiency), ' J/TH')}`,
    `  heat      ${or(round(sample.temperature_min))} to ${or(round(sample.temperature_max))} °C, mean ${or(round(sample.temperature_avg))}`,
    `  fans      ${report.fans.map((fan) => `${fan.index}: ${or(fan.rpm, ' rpm')}`).join(', ') || '–'}`,
    `  shares    ${or(sample.accepted_shares)} accepted, ${or(sample.rejected_shares)} rejected, ${or(sample.hardware_errors)} hardware errors`,
    `  uptime    ${or(sample.uptime_seconds, ' s')}`,
    ...report.boards.map(
      (it) =>
        `  board ${it.id}   ${or(round(it.hashrate, 3))} GH/s, ${or(it.temp, ' °C')} board, ${or(it.chip_temp, ' °C')} chip, ${chips(it)}, ${or(it.frequency_mhz, ' MHz')}, ${it.health}`,
    ),
    ...report.pools.map(
      (it) =>
        `  pool ${it.index}${it.active ? '*' : ' '}   ${it.url} ${it.user} ${or(it.status)}${it.dev_fee ? ', dev fee' : ''}`,
    ),
    ...report.errors.map((it) => `  error     ${it.code} ${it.text}`),
    ...report.repairs.map((it) => `  repaired  ${it.command}: ${it.kind} ×${it.count}`),
    ...Object.entries(report.replies).map(
      ([name, it]) => `  reply     ${name}: ${it.status}, ${it.bytes} bytes`,
    ),
  ];
}
