import type { Config } from '../config/schema.js';
import { AppError } from '../domain/errors.js';
import { parseIp } from '../domain/ip-ranges.js';
import { describeReport, reportMiner } from '../miner/report.js';
import { pollLimitsOf, thresholdsOf } from '../roles/plan.js';
import { pollMiner } from '../../workers/miner-session.js';

export interface ProbeOptions {
  readonly address: string;
  readonly port: number;
  readonly isJson: boolean;
  readonly config: Config;
}

/** `headframe probe`: one poll of one miner as the pollers do it. Exit code 1 when nothing answered. */
export async function probe(options: ProbeOptions, print: (line: string) => void): Promise<number> {
  const { address, port, config } = options;
  if (parseIp(address) === null) throw new AppError('CONFIG_INVALID', `probe: "${address}" is no IPv4 address`);
  if (!Number.isInteger(port) || port < 1 || port > 65_535) {
    throw new AppError('CONFIG_INVALID', `probe: --port ${options.port} is no port (1 to 65535)`);
  }
  const session = await pollMiner({
    host: address,
    port,
    profile: {},
    limits: pollLimitsOf(config),
    wantsIdentity: true,
    now: Date.now,
  });
  const report = reportMiner(session.replies, thresholdsOf(config));
  const raw = Object.fromEntries([...session.raw].map(([command, bytes]) => [command, bytes.toString('utf8')]));
  const poll = {
    address,
    port,
    elapsed_ms: Math.round(session.elapsedMs),
    connections: session.connections,
    error_class: session.errorClass,
  };
  const hasAnswered = session.replies.size > 0;
  if (options.isJson) {
    print(JSON.stringify({ poll, ...(hasAnswered ? report : { state: 'unreachable' }), raw }));
    return hasAnswered ? 0 : 1;
  }
  for (const [command, text] of Object.entries(raw)) print(`── ${command}\n${text.replaceAll('\0', '').trimEnd()}`);
  if (raw && hasAnswered) print('── sample');
  if (hasAnswered) for (const line of describeReport(report)) print(line);
  print(
    `── ${address}:${port} ${hasAnswered ? 'answered' : `did not answer (${session.errorClass ?? 'unknown'})`} ` +
      `in ${poll.elapsed_ms} ms over ${poll.connections} connections` +
      (hasAnswered && session.errorClass !== null ? `; then: ${session.errorClass}` : ''),
  );
  return hasAnswered ? 0 : 1;
}
