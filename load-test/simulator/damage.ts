import type { GarbageShape, Quirk } from './faults.js';

const nul = '\0';

/** Damages a reply's JSON and gives it its ending. The text is latin1: one character is one byte. */
export function malform(json: string, quirk: Quirk): string {
  switch (quirk) {
    case 'missing_comma':
      return (json.includes('},{') ? json.replace('},{', '}{') : json.replace(/","/, '""')) + nul;
    case 'trailing_comma':
      return json.replace('}', ',}') + nul;
    case 'leading_comma':
      return json.replace('[{', '[,{') + nul;
    case 'nan':
      return withNan(json) + nul;
    case 'control_char':
      return json.replace(/"Description":"[^"]*/, '$&\n') + nul;
    case 'invalid_escape':
      return json.replace(/"Description":"([^"]*)"/, `"Description":"\\'$1\\'"`) + nul;
    case 'trailing_text':
      return `${json}"}${nul}`;
    case 'leading_text':
      return `btminer: log rotated\n${json}${nul}`;
    case 'duplicate_keys':
      return json.replace(/"When":\d+/, '$&,$&') + nul;
    case 'invalid_utf8':
      return json.replace(/"Description":"[^"]*/, '$&\xff\xfe') + nul;
    case 'no_nul':
      return json;
    case 'newline_end':
      return `${json}\n`;
    case 'nul_newline_end':
      return `${json}${nul}\n`;
  }
}

/** cgminer prints 0/0 as nan: averages that are mere diagnostics, so that no reading is lost by it. */
function withNan(json: string): string {
  const damaged = json.replace(
    /"(Utility|Work Utility|Device Hardware%|Wait|Pool Stale%)":[\d.]+/,
    '"$1":nan',
  );
  return damaged === json ? json.replace(/"When":\d+/, '$&,"Load":nan') : damaged;
}

/** Bytes of the `oversized` answer. */
export const oversizedBytes = 10 * 1024 * 1024;
let oversized: Buffer | null = null;

/** 10 MiB that begin like a summary; one buffer, shared by everyone it is sent to. */
export function oversizedReply(): Buffer {
  oversized ??= Buffer.concat([
    Buffer.from('{"STATUS":[{"STATUS":"S","When":0,"Code":11,"Msg":"Summary","Description":"'),
    Buffer.alloc(oversizedBytes, 'x'),
    Buffer.from('"}],"SUMMARY":[],"id":1}\0'),
  ]);
  return oversized;
}

/** Nesting of the `nested` answer. */
const nestingDepth = 10_000;
const nested = `{"STATUS":${'['.repeat(nestingDepth)}${']'.repeat(nestingDepth)},"id":1}${nul}`;
const html =
  '<!DOCTYPE html>\n<html><head><title>502 Bad Gateway</title></head>\n<body><h1>502 Bad Gateway</h1></body></html>\n';
/** Every byte value, 0x00 left out of the front so that it is no empty reply; not UTF-8, not JSON. */
const binary = String.fromCharCode(...Array.from({ length: 512 }, (_, i) => (i * 73 + 131) & 0xff));

/** An answer that is no reply. */
export function garbage(shape: GarbageShape): string {
  switch (shape) {
    case 'html':
      return html;
    case 'binary':
      return binary;
    case 'nul':
      return nul;
    case 'nested':
      return nested;
    case 'text':
      return 'Socket connect failed: Connection refused\n';
  }
}
