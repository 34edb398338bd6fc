import { defaultHealthThresholds, type HealthThresholds } from '../domain/health.js';
import type { DeviceError, FanSample, MinerIdentity, MinerSample, Repair } from '../domain/telemetry.js';
import { toWire, type WireBoard, type WireDetails, type WireRecord } from '../domain/wire.js';
import { findSources, sourcesOf } from './find-source.js';
import { readIdentified } from './read-identified.js';
import type { Replies, Reply } from './reply.js';
import { respelled } from './respelled.js';

/** Fields of an upload record that a reading alone has. */
export type ReportSample = Omit<
  WireRecord,
  | 'miner_id'
  | 'timestamp'
  | 'offset_ms'
  | 'ip_address'
  | 'latency_ms'
  | 'error_class'
  | 'details'
  | 'raw'
  | 'quirks'
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
  /** Fields of `sample` that are known → `command/key` they came from, as far as the family tells. */
  readonly sources: Readonly<Record<string, string>>;
}

/** Reads captured replies with the family they identify. */
export function reportMiner(
  replies: Replies,
  thresholds: HealthThresholds = defaultHealthThresholds,
): MinerReport {
  const { family, sample } = readIdentified(replies, { identity: null, thresholds });
  const wire = toWire(sample, {
    minerId: '',
    ip: '',
    slot: new Date(0),
    offsetMs: null,
    latencyMs: null,
    errorClass: null,
    raw: null,
  });
  const {
    miner_id,
    timestamp,
    offset_ms,
    ip_address,
    latency_ms,
    error_class,
    details,
    raw,
    quirks,
    ...fields
  } = wire;
  void [miner_id, timestamp, offset_ms, ip_address, latency_ms, error_class, raw, quirks];
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
    sources: findSources(sourcedFields(fields), sourcesOf(family), toldReplies(replies, sample)),
  };
}

/** Replies as they were read: names that were found however they are spelled are named as readers know them. */
function toldReplies(replies: Replies, sample: MinerSample): Replies {
  return sample.repairs.some((repair) => repair.kind === 'key_name') ? respelled(replies).replies : replies;
}

/** Concluded from the reading as a whole: no reply holds them. */
const concluded = new Set([
  'online',
  'state',
  'family',
  'overall_health',
  'error_message',
  'efficiency',
  'boards',
]);

/** The fields of a sample that are known, and told by some reply. */
export function sourcedFields(sample: ReportSample): string[] {
  return Object.entries(sample)
    .filter(
      ([name, value]) =>
        !concluded.has(name) && value !== null && !(Array.isArray(value) && value.length === 0),
    )
    .map(([name]) => name);
}

function statusOf(reply: Reply): ReplyStatus {
  return reply.kind === 'ok' && reply.isTruncated ? 'truncated' : reply.kind;
}

/** Units of the sample's numbers, as the upload contract has them. */
const units: Readonly<Record<string, string>> = {
  hashrate_ghs: 'GH/s',
  hashrate_5s_ghs: 'GH/s',
  hashrate_expected_ghs: 'GH/s',
  temperature_avg: '°C',
  temperature_min: '°C',
  temperature_max: '°C',
  temperature_chips: '°C',
  fan_speeds: 'rpm',
  frequency_avg: 'MHz',
  uptime_seconds: 's',
  power_consumption: 'W',
  efficiency: 'J/TH',
  pool_latency_ms: 'ms',
};

/** A report as text for a reader: every field with its unit and source, then boards, pools and damage. */
export function describeReport(report: MinerReport): string[] {
  const { miner, sample } = report;
  const firmware = [miner.firmware, miner.firmwareVersion].filter((it) => it !== null).join(' ');
  const model = [miner.vendor, miner.model ?? 'unknown model'].filter((it) => it !== null).join(' ');
  const { state, boards, error_message, overall_health, online, ...fields } = sample;
  void [state, boards, online];
  return [
    `${model}, ${firmware || 'unknown firmware'}`,
    `  state     ${report.state}, health ${overall_health}${error_message === '' ? '' : ` (${error_message})`}`,
    ...Object.entries(fields).map(([name, value]) =>
      `  ${name.padEnd(22)} ${valueText(name, value).padEnd(32)} ${report.sources[name] ?? ''}`.trimEnd(),
    ),
    ...report.boards.map(describeBoard),
    ...report.fans.map((it) => `  fan ${it.index}     ${or(it.rpm, ' rpm')}`),
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

function describeBoard(it: WireBoard): string {
  const facts = [
    `${or(round(it.hashrate))} GH/s`,
    `${or(it.temp, ' °C')} board`,
    `${or(it.chip_temp, ' °C')} chip`,
    `${or(it.chips_ok)}/${or(it.chips_total)} chips`,
    or(it.frequency_mhz, ' MHz'),
    it.health,
  ];
  return `  board ${it.id}   ${facts.join(', ')}`;
}

const or = (value: number | string | null, unit = ''): string => (value === null ? '–' : `${value}${unit}`);
const round = (value: number | null): number | null => (value === null ? null : Number(value.toFixed(3)));

/** A field of the sample with its unit; `–` when it is unknown. */
function valueText(name: string, value: ReportSample[keyof ReportSample]): string {
  const unit = units[name] === undefined ? '' : ` ${units[name]}`;
  if (value === null || value === '') return '–';
  if (Array.isArray(value))
    return value.length === 0 ? '–' : `${value.map((it) => or(it as number | null)).join(' ')}${unit}`;
  if (typeof value === 'number') return `${round(value)}${unit}`;
  return typeof value === 'string' ? value : JSON.stringify(value);
}
