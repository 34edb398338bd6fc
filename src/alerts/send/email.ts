import { createTransport } from 'nodemailer';
import type { Notice } from '../../domain/alerts.js';
import { faultText, noAnswerInTime } from './fault.js';
import { refused, retryLater, type SendOutcome } from './outcome.js';
import { headline, plainText } from './text.js';

export interface SmtpSettings {
  readonly host: string;
  readonly port: number;
  /** `tls`: from the first byte; `starttls`: required before anything is said; `none`: in clear. */
  readonly security: 'tls' | 'starttls' | 'none';
  readonly username: string | null;
  /** Secret. */
  readonly password: string | null;
  readonly from: string;
  /** Certificates its own is held against in place of the system's, as PEM. */
  readonly ca: string | null;
}

/** Sends one mail on a connection of its own. Never throws. */
export async function sendEmail(
  smtp: SmtpSettings,
  message: { readonly to: readonly string[]; readonly notice: Notice; readonly notificationId: string },
  timeoutMs: number,
  signal: AbortSignal,
): Promise<SendOutcome> {
  const transport = createTransport({
    host: smtp.host,
    port: smtp.port,
    secure: smtp.security === 'tls',
    requireTLS: smtp.security === 'starttls',
    ignoreTLS: smtp.security === 'none',
    ...(smtp.ca === null ? {} : { tls: { ca: smtp.ca } }),
    ...(smtp.username === null ? {} : { auth: { user: smtp.username, pass: smtp.password ?? '' } }),
    connectionTimeout: timeoutMs,
    greetingTimeout: timeoutMs,
    socketTimeout: timeoutMs,
    disableFileAccess: true,
    disableUrlAccess: true,
  });
  const { notice, notificationId } = message;
  let giveUp = (): void => undefined;
  const late = new Promise<SendOutcome>((resolve) => {
    giveUp = () => resolve(retryLater(noAnswerInTime));
  });
  const timer = setTimeout(giveUp, timeoutMs);
  signal.addEventListener('abort', giveUp, { once: true });
  const sending = transport
    .sendMail({
      from: smtp.from,
      to: [...message.to],
      subject: headline(notice),
      text: plainText(notice),
      // The same mail sent again keeps its id, by which a mailbox can tell.
      messageId: `<${notificationId}@headframe>`,
      headers: { 'X-Headframe-Event': notice.event, 'Auto-Submitted': 'auto-generated' },
    })
    .then((): SendOutcome => ({ kind: 'sent' }), judge);
  try {
    return await Promise.race([sending, late]);
  } finally {
    clearTimeout(timer);
    // The signal lives as long as the process.
    signal.removeEventListener('abort', giveUp);
    transport.close();
  }
}

/** 4xx of SMTP is "not now", 5xx "no". */
function judge(error: unknown): SendOutcome {
  const { responseCode } = error as { responseCode?: unknown };
  if (typeof responseCode !== 'number') return retryLater(faultText(error));
  const detail = `answered ${responseCode}`;
  return responseCode >= 500 ? refused(detail) : retryLater(detail);
}
