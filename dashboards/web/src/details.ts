import type { MinerDetail } from '../../../src/domain/ingest.js';
import type { WireDetails } from '../../../src/domain/wire.js';

type Item<K extends 'fans' | 'pools' | 'device_errors' | 'repairs'> = WireDetails[K][number];

/** The parts of a detail that other collectors may leave out or send in another shape. */
export interface ReadDetails {
  readonly vendor: string | null;
  readonly serial: string | null;
  readonly powerSource: string | null;
  readonly fans: readonly Item<'fans'>[];
  readonly pools: readonly Item<'pools'>[];
  readonly deviceErrors: readonly Item<'device_errors'>[];
  readonly repairs: readonly Item<'repairs'>[];
  readonly truncated: readonly string[];
}

/** A board in the upload contract's words: GH/s, °C, MHz. */
export interface Board {
  readonly id: string;
  readonly hashrateGhs: number | null;
  readonly temp: number | null;
  readonly chipTemp: number | null;
  readonly chipsOk: number | null;
  readonly chipsTotal: number | null;
  readonly frequencyMhz: number | null;
  readonly hardwareErrors: number | null;
  readonly serial: string | null;
  readonly health: string | null;
}

type Fields = Readonly<Record<string, unknown>>;

const isFields = (value: unknown): value is Fields => typeof value === 'object' && value !== null;
const numberIn = (value: unknown): number | null =>
  typeof value === 'number' && Number.isFinite(value) ? value : null;
const textIn = (value: unknown): string | null => (typeof value === 'string' && value !== '' ? value : null);

function listIn<T>(value: unknown, read: (fields: Fields, index: number) => T): T[] {
  return Array.isArray(value) ? value.filter(isFields).map(read) : [];
}

/** Reads the details whoever sent them; what is missing is null or empty. */
export function readDetails({
  details,
  fan_speeds,
}: Pick<MinerDetail, 'details' | 'fan_speeds'>): ReadDetails {
  const from: Fields = details ?? {};
  const fans = listIn(from.fans, (fan, index) => ({
    index: numberIn(fan.index) ?? index,
    rpm: numberIn(fan.rpm),
  }));
  return {
    vendor: textIn(from.vendor),
    serial: textIn(from.serial),
    powerSource: textIn(from.power_source),
    fans: fans.length > 0 ? fans : fan_speeds.map((rpm, index) => ({ index, rpm })),
    pools: listIn(from.pools, (pool, index) => ({
      index: numberIn(pool.index) ?? index,
      url: textIn(pool.url) ?? '',
      user: textIn(pool.user) ?? '',
      status: textIn(pool.status),
      priority: numberIn(pool.priority),
      active: pool.active === true,
      dev_fee: pool.dev_fee === true,
      accepted: numberIn(pool.accepted),
      rejected: numberIn(pool.rejected),
      stale: numberIn(pool.stale),
    })),
    deviceErrors: listIn(from.device_errors, (error) => ({
      code: String(error.code ?? ''),
      text: textIn(error.text) ?? '',
    })),
    repairs: listIn(from.repairs, (repair) => ({
      command: textIn(repair.command) ?? '',
      kind: textIn(repair.kind) ?? '',
      count: numberIn(repair.count) ?? 1,
    })),
    truncated: Array.isArray(from.truncated) ? from.truncated.filter((each) => typeof each === 'string') : [],
  };
}

/** Reads a board as it was received. */
export function readBoard(board: Fields, index: number): Board {
  return {
    id: String(numberIn(board.id) ?? textIn(board.id) ?? index),
    hashrateGhs: numberIn(board.hashrate),
    temp: numberIn(board.temp),
    chipTemp: numberIn(board.chip_temp),
    chipsOk: numberIn(board.chips_ok),
    chipsTotal: numberIn(board.chips_total),
    frequencyMhz: numberIn(board.frequency_mhz),
    hardwareErrors: numberIn(board.hardware_errors),
    serial: textIn(board.serial),
    health: textIn(board.health),
  };
}
