import type { MinerIdentity, MinerSample } from '../domain/telemetry.js';
import type { HealthThresholds } from '../domain/health.js';
import type { WebAccess } from './http/web-access.js';
import type { JsonObject, Replies } from './reply.js';

/** What reading needs beside the replies. */
export interface ReadContext {
  /** Identity learned earlier, when this poll did not ask for it. */
  readonly identity: MinerIdentity | null;
  readonly thresholds: HealthThresholds;
}

/**
 * How a family's commands travel: `cgminer` is one JSON or text request per TCP connection; `http` is a
 * request line (`GET /summary`) and, below it, a body if there is one; `whatsminer-v3` frames JSON by
 * length.
 */
export type Transport = 'cgminer' | 'http' | 'whatsminer-v3';

/**
 * Where a family finds the fields of the upload contract: for each the candidates `command/key`, the one
 * that counts first. A key may be a path (`miner.hr_realtime`, `slots.*.ghs`), a web interface's command what
 * `webKey` makes of it. Told to people beside the value; nothing is read by it.
 */
export type FieldSources = Readonly<Record<string, readonly string[]>>;

/**
 * One firmware family: how to recognise it, what to ask, how to read it. A new family is one file
 * in `families/` and one line in `registry.ts`.
 */
export interface Family {
  readonly name: string;
  readonly transport: Transport;
  /** The port it answers on; `null`: the site's CGMiner port. */
  readonly port: number | null;
  /** What a full reading asks every slot, most important first. */
  readonly commands: readonly string[];
  /** What is asked in addition when the identity is learned, and about once an hour. */
  readonly identityCommands: readonly string[];
  /** Whether trying joined commands (`summary+stats+pools`) is worth one probe. */
  readonly mayJoin: boolean;
  /** The request text for a command, or several joined with `+`. */
  request(command: string): string;
  /**
   * What to ask besides, one by one, seeing the answers to `commands`: what tells a sleeping machine from
   * a broken one, or stands in for an answer that came back empty. Absent: nothing.
   */
  followUp?(replies: Replies): readonly string[];
  /** Web interfaces alone: how an address is known for one, and how it is logged into. */
  readonly web?: WebAccess;
  /** True when the replies (normally `version`, perhaps `summary` or `stats`) are of this family. */
  matches(replies: Replies): boolean;
  readonly sources?: FieldSources;
  /**
   * What `read` may find by going through a record instead of asking for a name, with `value` for each
   * figure: a reading of a cut reply is tried with it. Absent: hashrates alone.
   */
  listed?(value: string): JsonObject;
  /** Never throws; what is missing is null. */
  read(replies: Replies, context: ReadContext): MinerSample;
}
