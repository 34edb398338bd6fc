import type { Family } from '../family.js';
import type { Replies } from '../reply.js';
import { firmwareText } from './antminer-identity.js';
import { readAntminer, type Additions } from './antminer-layout.js';
import { antminerRecords, type AntminerRecords } from './antminer-records.js';
import { antminerSources } from './field-sources.js';
import { customFirmware } from './model-names.js';

/** What sets a firmware in Bitmain's layout apart from the others. */
export interface FirmwareOptions {
  /** Family name. */
  readonly name: string;
  /** The names under which `model-names.ts` knows the firmware. */
  readonly firmware: readonly string[];
  /** What it is asked; absent: `summary`, `stats`, `pools`. */
  readonly commands?: readonly string[];
  readonly identityCommands?: readonly string[];
  readonly followUp?: (replies: Replies) => readonly string[];
  readonly add?: (records: AntminerRecords, replies: Replies) => Additions;
}

/** A family of custom firmware that answers in Bitmain's layout and names itself. */
export function bitmainFirmware(options: FirmwareOptions): Family {
  const { name, firmware, add, followUp } = options;
  return {
    name,
    transport: 'cgminer',
    port: null,
    commands: options.commands ?? ['summary', 'stats', 'pools'],
    identityCommands: options.identityCommands ?? ['version'],
    mayJoin: true,
    request: (command) => JSON.stringify({ command }),
    ...(followUp === undefined ? {} : { followUp }),
    sources: antminerSources,
    matches: (replies) => {
      const told = customFirmware(firmwareText(replies, antminerRecords(replies)))?.firmware;
      return told !== undefined && told !== null && firmware.includes(told);
    },
    read: (replies, context) =>
      readAntminer(name, replies, context, (records) => add?.(records, replies) ?? {}),
  };
}
