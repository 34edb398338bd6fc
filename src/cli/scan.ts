import { readFile, stat } from 'node:fs/promises';
import type { Config } from '../config/schema.js';
import { AppError } from '../domain/errors.js';
import { addressesOf, countAddresses, parseIp, parseRanges, type IpRange } from '../domain/ip-ranges.js';
import { pollLimitsOf, siteOf, thresholdsOf, webSettingsOf } from '../roles/plan.js';
import { sweep, type SweepSummary } from '../../workers/scan-sweep.js';
import { Semaphore } from '../../workers/semaphore.js';
import { furtherPorts, identifyHost, type Finding } from './scan-identify.js';
import { freeDescriptors, planBudget } from './scan-limits.js';
import type { ScanProgress } from './scan-progress.js';
import { formatFinding, heading, type ScanFormat } from './scan-rows.js';

export interface ScanOptions {
  /** Range expressions, as the settings take them. */
  readonly ranges: readonly string[];
  /** A file with more of them. */
  readonly ipFile: string | null;
  /** The CGMiner port, tried everywhere; others only where a machine is. */
  readonly port: number;
  /** The port of web interfaces. */
  readonly httpPort: number;
  readonly format: ScanFormat;
  /** Connections tried at once. */
  readonly concurrency: number;
  readonly connectTimeoutMs: number;
  /** Total for all questions to one miner, ms. */
  readonly minerDeadlineMs: number;
  readonly config: Config;
}

/** Where a scan writes. */
export interface ScanOutput {
  /** Results, a line each. */
  readonly print: (line: string) => void;
  /** What the scan did, for the person who waited. */
  readonly tell: (line: string) => void;
  readonly progress: ScanProgress;
}

/**
 * `headframe scan`: tries every address of the ranges, reads what answers and writes it when it is read.
 * Returns the exit code: 1 when nothing was found.
 *
 * @throws AppError RANGE_INVALID for ranges that cannot be read or are refused, CONFIG_INVALID for a file
 * that cannot be read.
 */
export async function scan(options: ScanOptions, output: ScanOutput): Promise<number> {
  const { format } = options;
  const ranges = await readRanges(options);
  const total = countAddresses(ranges);
  const title = heading(format);
  if (title !== null) output.print(title);
  output.progress.start(total);
  const beganMs = performance.now();
  let found = 0;
  const summary = await search(ranges, options, {
    found: (finding) => {
      found += 1;
      output.progress.around(() => output.print(formatFinding(finding, format)));
    },
    progress: (done, reading) => output.progress.update(done, found, reading),
  });
  output.progress.stop();
  output.tell(farewell(total, found, summary, performance.now() - beganMs));
  return found === 0 ? 1 : 0;
}

interface SearchEvents {
  readonly found: (finding: Finding) => void;
  /** Addresses done with, and miners being read. */
  readonly progress: (done: number, reading: number) => void;
}

/** Tries the addresses and reads what takes connections, both at once and each within its own bound. */
async function search(
  ranges: readonly IpRange[],
  options: ScanOptions,
  events: SearchEvents,
): Promise<SweepSummary> {
  const { config, connectTimeoutMs, minerDeadlineMs, port, httpPort } = options;
  const budget = planBudget(options.concurrency, freeDescriptors());
  const limits = { ...pollLimitsOf(config), connectTimeoutMs, minerDeadlineMs };
  const gate = new Semaphore(budget.identify);
  const reading = new Set<Promise<void>>();
  let done = 0;
  const thresholds = thresholdsOf(config);
  const read = async (host: string, open: readonly number[]): Promise<void> => {
    await gate.acquire(1);
    try {
      const { credentials } = webSettingsOf(config, siteOf(config, parseIp(host) ?? 0));
      const access = { port, httpPort, limits, thresholds, credentials };
      for (const finding of await identifyHost(host, open, access)) events.found(finding);
    } finally {
      gate.release();
    }
  };
  const summary = await sweep({
    addresses: addressesOf(ranges),
    ports: [port, ...furtherPorts(port, httpPort)],
    connectTimeoutMs,
    concurrency: budget.sweep,
    onOpen: (host, open) => {
      const task: Promise<void> = read(host, open).finally(() => {
        reading.delete(task);
        events.progress(done, reading.size);
      });
      reading.add(task);
    },
    onProgress: (count) => {
      done = count;
      events.progress(done, reading.size);
    },
  });
  await Promise.all(reading);
  return summary;
}

async function readRanges({ ranges, ipFile, config }: ScanOptions): Promise<IpRange[]> {
  const expressions = [...ranges, ...(ipFile === null ? [] : await readIpFile(ipFile))];
  const read = parseRanges(expressions, { allowLoopback: config.allow_loopback });
  if (read.length > 0) return read;
  throw new AppError('RANGE_INVALID', 'there is no address to scan: name ranges, or a file with --ip-file');
}

/** Largest file of ranges, bytes. */
const maxIpFileBytes = 16 * 1024 * 1024;

/** Expressions of a file: any number a line, apart by blanks, commas or semicolons; `#` begins a remark. */
async function readIpFile(file: string): Promise<string[]> {
  try {
    const { size } = await stat(file);
    if (size > maxIpFileBytes) throw new Error(`${size} bytes are more than ${maxIpFileBytes}`);
    const lines = (await readFile(file, 'utf8')).replace(/^\ufeff/, '').split(/\r\n|\r|\n/);
    return lines.flatMap((line) => line.replace(/#.*$/, '').split(/[\s,;]+/)).filter((it) => it !== '');
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    throw new AppError('CONFIG_INVALID', `--ip-file ${file}: ${why}`, { cause: error });
  }
}

function farewell(total: number, found: number, summary: SweepSummary, elapsedMs: number): string {
  const { silent, unreachable, refused, failed } = summary;
  const count = (value: number): string => value.toLocaleString('en-US');
  return [
    `${count(found)} found at ${count(total)} addresses in ${(elapsedMs / 1000).toFixed(1)} s`,
    `${count(silent + unreachable)} did not answer`,
    `${count(refused)} refused`,
    ...(failed === 0 ? [] : [`${count(failed)} could not be tried for want of sockets`]),
  ].join(', ');
}
