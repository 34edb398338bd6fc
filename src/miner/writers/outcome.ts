import type { CommandKind } from '../../domain/commands.js';
import type { MinerAnswer, WriteOutcome } from './writer.js';

/** The device's code for a command it may not be told. */
export const accessDenied = 45;
/** Code of a refused password, over whatever it was asked. */
export const wrongPassword = 401;
/** Longest message of a device that is passed on, characters. */
const maxMessage = 300;

type More = Pick<WriteOutcome, 'before' | 'after'>;
type None = Extract<MinerAnswer, { kind: 'none' }>;

/** The device acknowledged. */
export const completed = (message: string, more: More = {}): WriteOutcome => ({
  status: 'completed',
  code: 0,
  message: clip(message),
  ...more,
});

/** The device refused, with its own code, or could not be reached; nothing was changed. */
export const failed = (code: number | null, message: string, errorClass: string): WriteOutcome => ({
  status: 'failed',
  code: code === null || code === 0 ? 1 : code,
  message: clip(message),
  errorClass,
});

/** It cannot do this; nothing was changed. */
export const rejected = (message: string): WriteOutcome => ({
  status: 'rejected',
  code: 1,
  message: clip(message),
  errorClass: 'unsupported',
});

/** It may or may not have been done. */
export const uncertain = (message: string, errorClass: string): WriteOutcome => ({
  status: 'unknown',
  code: 1,
  message: clip(message),
  errorClass,
});

/** A miner that asks for a password and gets none or the wrong one. */
export const passwordRefused = (hasCredentials: boolean, told = ''): WriteOutcome =>
  failed(
    wrongPassword,
    `${hasCredentials ? 'wrong password' : 'asks for a password; none is configured'}${told === '' ? '' : `: ${told}`}`,
    'wrong_password',
  );

/** True for commands a machine may obey by going away. */
export const endsConnections = (kind: CommandKind): boolean => kind === 'restart' || kind === 'reboot';

/**
 * The end of a command to which nothing was answered. Not reached: it failed. A connection that was closed
 * in good order by a restart or a reboot is how those succeed; anything else is not known.
 */
export function withoutAnswer(kind: CommandKind, answer: None): WriteOutcome {
  if (!answer.hasConnected)
    return failed(1, `could not be reached (${answer.errorClass})`, answer.errorClass);
  if (endsConnections(kind) && answer.errorClass === 'empty_reply')
    return completed('closed the connection without an answer, as a restart does');
  return uncertain(`no answer (${answer.errorClass}); it may have been done`, answer.errorClass);
}

const clip = (text: string): string => {
  const clean = text.replace(/\p{Cc}+/gu, ' ').trim();
  return clean.length > maxMessage ? `${clean.slice(0, maxMessage)}…` : clean;
};

/** An outcome in which none of the secrets stands: devices repeat in their refusals what they were sent. */
export function withoutSecrets(outcome: WriteOutcome, secrets: readonly string[]): WriteOutcome {
  const hidden = secrets.filter((secret) => secret.length >= minSecret).sort((a, b) => b.length - a.length);
  if (hidden.length === 0) return outcome;
  const clean = (text: string) => hidden.reduce((left, secret) => left.replaceAll(secret, '***'), text);
  const cleanAll = (values: Readonly<Record<string, unknown>>) =>
    Object.fromEntries(
      Object.entries(values).map(([key, value]) => [key, typeof value === 'string' ? clean(value) : value]),
    );
  return {
    ...outcome,
    message: clean(outcome.message),
    ...(outcome.before === undefined ? {} : { before: cleanAll(outcome.before) }),
    ...(outcome.after === undefined ? {} : { after: cleanAll(outcome.after) }),
  };
}

/** Shorter ones (`x`, `12`) protect nothing and would blot out half of every message. */
const minSecret = 3;
