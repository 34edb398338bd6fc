import type { MinerIdentity } from '../../domain/telemetry.js';
import { remember } from '../remember.js';

/** `02AABB…` or `C4-11-…` as lower case, colon separated; null when it is no address. */
export function cleanMac(text: string | null): string | null {
  if (text === null) return null;
  const digits = text.replace(/[^0-9a-fA-F]/g, '').toLowerCase();
  if (digits.length !== 12 || /^0+$/.test(digits)) return null;
  return digits.match(/../g)?.join(':') ?? null;
}

/** A firmware version without the quotes some put around it (`'20210109.22.REL'`). */
export function cleanVersion(text: string | null): string | null {
  return text === null ? null : unquoted(text);
}

const unquoted = remember((text) => {
  const clean = text.replace(/^[\s'"\\]+|[\s'"\\]+$/g, '');
  return clean === '' ? null : clean;
});

/** Custom firmware by what it writes into type, version or description; group 1 is its version. */
const customs: readonly (readonly [RegExp, string])[] = [
  [/\blux(?:miner|os)[ /]*v?([\d.]+)?/gi, 'LuxOS'],
  [/\bbos(?:miner|er)\+? *(?:[a-z][-\w]* +)?v?(\d[\d.]*[-\w]*)?/gi, 'Braiins OS'],
  [/\bbos_?(?:[a-z]+\d+-[a-z]+\d+\w*-)?(\d[-\w.]*)?/gi, 'Braiins OS'],
  [/vnish *v?([\d.]+[-\w.]*)?/gi, 'VNish'],
  [/hiveon *v?([\d.]+)?/gi, 'Hiveon'],
  [/asicseer[- ]*v?([\d.]+)?/gi, 'asicseer'],
  [/blissz *v?([\d.]+)?/gi, 'Blissz'],
  [/(?:kaonsu|marafw) *v?([\d.]+)?/gi, 'Marathon'],
  [/(?:bcf|fd)miner *v?(\d[\w.]*(?: [\w.]+)?)?/gi, 'FDMiner'],
  [/msk-?miner *v?\.?([\d.]+)?/gi, 'MSKMiner'],
  [/\bv\.?([\d.]+)[^]*rwglr/gi, 'MSKMiner'],
  [/(?:([\d.]+)[ -]*)?rwglr/gi, 'rwglr'],
  [/bixbit *v?([\d.]+)?/gi, 'Bixbit'],
];
const anyCustom =
  /lux|bos|vnish|hiveon|asicseer|blissz|kaonsu|marafw|bcfminer|fdminer|mskminer|msk-miner|rwglr|bixbit/i;

/** Who wrote a Bitmain machine's firmware, when not Bitmain. */
export const customFirmware = remember((text): Pick<MinerIdentity, 'firmware' | 'firmwareVersion'> | null => {
  if (!anyCustom.test(text)) return null;
  for (const [pattern, firmware] of customs) {
    const told = [...text.slice(0, 1000).matchAll(pattern)];
    if (told.length === 0) continue;
    const version = told.find((match) => match[1] !== undefined)?.[1];
    return { firmware, firmwareVersion: version?.replace(/[.-]+$/, '') ?? null };
  }
  return null;
});

/**
 * Firmware whose author is not known here: a name and a version in brackets behind the model
 * (`Antminer S9 (nano 1.2)`), a bare version there (`(v5.1)`, `V1.3.58`), which Bitmain never writes,
 * or a version of its own behind the engine's (`2.4.2-1.2.2-90ed`).
 */
export function unknownFirmware(
  type: string | null,
  engine: string | null,
): Pick<MinerIdentity, 'firmware' | 'firmwareVersion'> | null {
  const named = /\((?!hyd|imm|air)([a-z][a-z_+-]{2,20})[ -]*v?(\d[\w.-]*)?\s*\)/i.exec(type ?? '');
  if (named?.[1] !== undefined) return { firmware: named[1], firmwareVersion: named[2] ?? null };
  const version =
    versionInType(type) ?? /^\d+(?:\.\d+)+-(\d+(?:\.\d+)+)-[\da-f]{4,}$/i.exec(engine ?? '')?.[1];
  return version === undefined || version === null ? null : { firmware: 'custom', firmwareVersion: version };
}

/**
 * The model in a `Type` such as `Antminer S9 V1.3.58`, `Antminer S9 Pro (v5.1) `,
 * `Antminer S17+ (vnish 2.0.3)`, `S19-88 v.2.6.0.39 `; null when nothing is left.
 */
export function cleanModel(type: string | null): string | null {
  return type === null ? null : modelIn(type);
}

const modelIn = remember((type) => {
  const name = type
    .replace(/\([^]*$/, '')
    .replace(/\s+(?:hiveon|vnish|blissz|asicseer|bixbit|mskminer|v\.?\d)[^]*$/i, '')
    .replace(/\s+/g, ' ')
    .replace(/^(Antminer)(?=[A-Z]{1,2}\d)/i, '$1 ')
    .trim();
  return name === '' ? null : name;
});

/** A version written behind the model (`(v5.1)`, `V1.3.58`). */
export function versionInType(type: string | null): string | null {
  return /[\s(]v\.?(\d+(?:\.\d+)+)/i.exec(type ?? '')?.[1] ?? null;
}

/** Hash boards of an air-cooled Antminer; null where the model does not tell. */
export function antminerBoards(model: string | null): number | null {
  return model === null ? null : boardsOf(model);
}

const boardsOf = remember((model) => {
  if (/hyd|imm/i.test(model)) return null;
  if (/\bL3\b/i.test(model)) return 4;
  return /\b[ST](?:9|17|19|21)(?:[a-z]{0,2}|\b)/i.test(model) ? 3 : null;
});

/** The machine behind a `Type` of Braiins OS: `braiins-am1-s9` is an Antminer S9, `braiins-dm1-g19` a DragonMint. */
export function braiinsModel(type: string | null): string | null {
  const board = /^braiins-(?:am\d|xil)-([a-z]\d+\w*)/i.exec(type ?? '')?.[1];
  if (board !== undefined) return `Antminer ${board.toUpperCase()}`;
  return /^braiins-dm/i.test(type ?? '') ? 'DragonMint T1' : null;
}
