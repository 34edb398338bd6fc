import { describeReport, reportMiner, type MinerReport } from '../miner/report.js';
import { readCapturedReplies } from './decode-replies.js';
import { findMiners, type MinerFiles } from './decode-walk.js';

export interface DecodeOptions {
  /** One JSON line per miner instead of text. */
  readonly json: boolean;
}

/** What is written of one miner. */
interface Decoded {
  readonly report: MinerReport | null;
  readonly notes: readonly string[];
}

/**
 * `headframe decode`: reads captured replies offline and writes what they say.
 *
 * A file is one miner, its command the file's name, or told by what it holds; it may hold several replies.
 * A folder of files is one miner, and so is each folder in it, written with its `path`. Damage is
 * described, not an error. Returns the exit code: 1 when nothing could be decoded.
 */
export async function decodePaths(
  paths: readonly string[],
  options: DecodeOptions,
  out: (line: string) => void,
): Promise<number> {
  let hasDecoded = false;
  for (const start of paths) {
    for await (const miner of findMiners(start)) {
      const decoded = await decode(miner);
      hasDecoded ||= decoded.report !== null && isDecoded(decoded.report);
      const name = miner.isNamed || paths.length > 1 ? miner.path : null;
      if (options.json) out(JSON.stringify(toJson(name ?? undefined, decoded)));
      else for (const line of toText(name, decoded)) out(line);
    }
  }
  return hasDecoded ? 0 : 1;
}

async function decode(miner: MinerFiles): Promise<Decoded> {
  if (miner.files.length === 0) return { report: null, notes: miner.notes };
  const { replies, notes } = await readCapturedReplies(miner.files);
  const all = [...miner.notes, ...notes];
  return { report: replies.size === 0 ? null : reportMiner(replies), notes: all };
}

function toJson(path: string | undefined, { report, notes }: Decoded): object {
  const named = path === undefined ? {} : { path };
  if (report === null) return { ...named, error: notes.join('; ') || 'no replies here' };
  return { ...named, ...report, ...(notes.length === 0 ? {} : { notes }) };
}

function toText(path: string | null, { report, notes }: Decoded): string[] {
  const noted = notes.map((note) => `  note      ${note}`);
  if (report === null) return [`${path ?? 'decode'}: ${notes.join('; ') || 'no replies here'}`];
  return [...(path === null ? [] : [path]), ...describeReport(report), ...noted];
}

function isDecoded(report: MinerReport): boolean {
  return Object.values(report.replies).some((reply) => reply.status !== 'unreadable' && reply.bytes > 0);
}
