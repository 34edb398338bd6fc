import type { MinerIdentity } from '../../domain/telemetry.js';
import type { JsonObject, Replies } from '../reply.js';
import type { AntminerRecords } from './antminer-records.js';
import { cleanMac, cleanModel, cleanVersion, customFirmware, unknownFirmware } from './model-names.js';
import { descriptions, textOf } from './records.js';

const engineNames = ['BMMiner', 'CGMiner', 'Cgminer', 'LUXminer', 'BCFMiner', 'FDMiner'] as const;

/** Everything in which firmware in Bitmain's layout names itself, one a line. */
export function firmwareText(replies: Replies, { head, version }: AntminerRecords): string {
  const engines = engineNames.flatMap((name) => {
    const told = textOf(version, name) ?? textOf(head, name);
    return told === null ? [] : [`${name} ${told}`, told];
  });
  return [textOf(head, 'Type'), textOf(version, 'Type'), ...engines, descriptions(replies)]
    .filter((it) => it !== null)
    .join('\n');
}

/** Who the machine says it is. */
export function antminerIdentity(replies: Replies, records: AntminerRecords): MinerIdentity {
  const { head, version, info, config } = records;
  const type =
    textOf(head, 'Type') ??
    textOf(version, 'Type') ??
    textOf(info, 'type') ??
    textOf(config, 'Model', 'minertype');
  const custom =
    customFirmware(firmwareText(replies, records)) ??
    unknownFirmware(type, textOf(version, 'BMMiner', 'CGMiner') ?? textOf(head, 'BMMiner', 'CGMiner'));
  const vendor = vendorOf(type, custom !== null);
  return {
    vendor,
    model: cleanModel(type),
    firmware: custom?.firmware ?? (vendor === null ? null : 'stock'),
    firmwareVersion: custom?.firmwareVersion ?? stockVersion(records),
    ...hardwareIds(records),
  };
}

function stockVersion({ stats, head, version, info, config }: AntminerRecords): string | null {
  return cleanVersion(
    textOf(config, 'system_filesystem_version') ??
      textOf(stats, 'build_version') ??
      textOf(head, 'CompileTime') ??
      textOf(version, 'CompileTime') ??
      textOf(info, 'CompileTime', 'miner_version'),
  );
}

/**
 * MAC and serial. `miner_id` is the controller's serial of 16 hex digits on stock firmware, the MAC on
 * LuxOS, a host name on asicseer.
 */
function hardwareIds({
  stats,
  newStats,
  info,
  config,
}: AntminerRecords): Pick<MinerIdentity, 'mac' | 'serial'> {
  const minerId = textOf(stats, 'miner_id') ?? '';
  const isMac = /^[\da-f]{12}$/i.test(minerId);
  const isSerial = /^[\da-f]{16}$/i.test(minerId) && !/^0+$/.test(minerId);
  return {
    mac: cleanMac(textOf(config, 'MACAddr', 'macaddr', 'mac')) ?? (isMac ? cleanMac(minerId) : null),
    serial:
      textOf(config, 'SerialNumber', 'serinum') ??
      [info, stats, newStats]
        .map((record: JsonObject) => textOf(record, 'dev_sn', 'miner_sn'))
        .find((it) => it !== null) ??
      (isSerial ? minerId.toLowerCase() : null),
  };
}

/** Who builds machines on Bitmain's layout without being Bitmain; null where the type names none. */
export function otherVendor(type: string): string | null {
  if (/blackminer/i.test(type)) return 'HashAltcoin';
  if (/volcminer/i.test(type)) return 'VolcMiner';
  return /^hammer\b/i.test(type) ? 'Hammer' : null;
}

function vendorOf(type: string | null, isCustom: boolean): string | null {
  if (type === null) return null;
  const other = otherVendor(type);
  if (other !== null) return other;
  return isCustom || /antminer|^[STLDEKZ]\d/i.test(type) ? 'Bitmain' : null;
}
