import type { Notice, Notifier } from '../../domain/alerts.js';
import { sendEmail, type SmtpSettings } from './email.js';
import { postJson, type HttpLimits } from './http.js';
import { refused, type SendOutcome } from './outcome.js';
import { slackBody, telegramBody } from './text.js';
import { signatureHeaders } from './webhook.js';

export interface SenderOptions extends HttpLimits {
  /** Secrets of the settings by name. */
  readonly secrets: ReadonlyMap<string, string>;
  /** Null: no mail can be sent. */
  readonly smtp: SmtpSettings | null;
  /** Wall clock, ms since the epoch. */
  readonly now: () => number;
}

/** Tells a notifier of something, once. Never throws. */
export type Send = (
  notifier: Pick<Notifier, 'target' | 'secret'>,
  notice: Notice,
  /** The same at every attempt, by which a receiver knows what it has. */
  notificationId: string,
  signal: AbortSignal,
) => Promise<SendOutcome>;

/** Sends to every kind of notifier. */
export function createSender(options: SenderOptions): Send {
  return async (notifier, notice, notificationId, signal) => {
    const { target } = notifier;
    const secret = notifier.secret === null ? null : (options.secrets.get(notifier.secret) ?? null);
    if (notifier.secret !== null && secret === null)
      return refused(`the settings have no secret "${notifier.secret}"`);
    const headers = { 'idempotency-key': notificationId, 'x-headframe-event': notice.event };
    const post = (url: string, body: string, more: Record<string, string> = {}): Promise<SendOutcome> =>
      postJson(url, body, { ...headers, ...more }, options, signal);
    switch (target.kind) {
      case 'webhook': {
        const body = JSON.stringify({ id: notificationId, ...notice });
        return post(target.url, body, secret === null ? {} : signatureHeaders(body, secret, options.now()));
      }
      case 'slack':
        if (!isHttpUrl(secret)) return refused('its secret is no address of an incoming webhook');
        return post(secret, slackBody(notice));
      case 'telegram':
        // Nothing but a token may become part of an address: other secrets of the settings are no business of its server.
        if (secret === null || !/^\d{1,20}:[\w-]{1,200}$/.test(secret))
          return refused('its secret is no token of a bot');
        return post(`${target.url}/bot${secret}/sendMessage`, telegramBody(notice, target.chat_id));
      case 'email':
        if (options.smtp === null) return refused('the settings name no SMTP server (alerts.smtp_host)');
        return sendEmail(options.smtp, { to: target.to, notice, notificationId }, options.timeoutMs, signal);
    }
  };
}

function isHttpUrl(text: string | null): text is string {
  return text !== null && URL.canParse(text) && /^https?:$/.test(new URL(text).protocol);
}
