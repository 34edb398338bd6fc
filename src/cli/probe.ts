import type { Config } from '../config/schema.js';
import { parseIp } from '../domain/ip-ranges.js';
import { describeReport, reportMiner } from '../miner/report.js';
import { pollLimitsOf, siteOf, thresholdsOf, webSettingsOf } from '../roles/plan.js';
import { pollMiner, type SessionResult } from '../../workers/miner-session.js';

export interface ProbeOptions {
  /** IPv4. */
  readonly address: string;
  readonly port: number;
  readonly isJson: boolean;
  readonly config: Config;
}

/** `headframe probe`: one poll of one miner as the pollers do it. Exit code 1 when nothing answered. */
export async function probe(options: ProbeOptions, print: (line: string) => void): Promise<number> {
  const { address, port, config } = options;
  const session = await pollMiner({
    host: address,
    port,
    profile: {},
    limits: pollLimitsOf(config),
    wantsIdentity: true,
    now: Date.now,
    ...webSettingsOf(config, siteOf(config, parseIp(address) ?? 0)),
  });
  const hasAnswered = session.replies.size > 0;
  const report = hasAnswered ? reportMiner(session.replies, thresholdsOf(config)) : null;
  const raw = Object.fromEntries(
    [...session.raw].map(([command, bytes]) => [command, bytes.toString('utf8')]),
  );
  if (options.isJson) {
    print(JSON.stringify({ poll: pollOf(options, session), ...(report ?? { state: 'unreachable' }), raw }));
  } else {
    for (const [command, text] of Object.entries(raw))
      print(`── ${command}\n${text.replaceAll('\0', '').trimEnd()}`);
    if (report !== null) print(['── sample', ...describeReport(report)].join('\n'));
    print(outcomeText(options, session));
  }
  return hasAnswered ? 0 : 1;
}

function pollOf({ address, port }: ProbeOptions, session: SessionResult): Record<string, unknown> {
  return {
    address,
    port,
    elapsed_ms: Math.round(session.elapsedMs),
    connections: session.connections,
    error_class: session.errorClass,
  };
}

function outcomeText({ address, port }: ProbeOptions, session: SessionResult): string {
  const { replies, errorClass, connections } = session;
  const took = `in ${Math.round(session.elapsedMs)} ms over ${connections} connection${connections === 1 ? '' : 's'}`;
  if (replies.size === 0) return `── ${address}:${port} did not answer (${errorClass ?? 'unknown'}) ${took}`;
  return `── ${address}:${port} answered ${took}${errorClass === null ? '' : `; then: ${errorClass}`}`;
}
