import type { Notice, Notifier } from '../../domain/alerts.js';
import { sendEmail, type SmtpSettings } from './email.js';
import { postJson, type HttpLimits } from './http.js';
import { refused, type SendOutcome } from './outcome.js';
import { slackBody, telegramBody } from './text.js';
import { signatureHeaders } from './webhook.js';

/** A secret of the settings. */
export interface NamedSecret {
  readonly value: string;
  /** Origins a bot's token may be sent to beside Telegram's own. */
  readonly servers: readonly string[];
}

export interface SenderOptions extends HttpLimits {
  /** Secrets of the settings by name. */
  readonly secrets: ReadonlyMap<string, NamedSecret>;
  /** Null: no mail can be sent. */
  readonly smtp: SmtpSettings | null;
  /** Wall clock, ms since the epoch. */
  readonly now: () => number;
}

/** Of Telegram's own server of the Bot API. */
const telegramOrigin = 'https://api.telegram.org';

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
    const urlSecret = target.kind === 'webhook' ? target.url_secret : undefined;
    const missing = [notifier.secret, urlSecret].find((name) => name != null && !options.secrets.has(name));
    if (missing != null) return refused(`the settings have no secret "${missing}"`);
    const named = notifier.secret === null ? undefined : options.secrets.get(notifier.secret);
    const secret = named?.value ?? null;
    const headers = { 'idempotency-key': notificationId, 'x-headframe-event': notice.event };
    const post = (url: string, body: string, more: Record<string, string> = {}): Promise<SendOutcome> =>
      postJson(url, body, { ...headers, ...more }, options, signal);
    switch (target.kind) {
      case 'webhook': {
        const body = JSON.stringify({ id: notificationId, ...notice });
        const url = urlSecret === undefined ? target.url : options.secrets.get(urlSecret)?.value;
        if (!isHttpUrl(url)) return refused('its address is none of a webhook');
        return post(url, body, secret === null ? {} : signatureHeaders(body, secret, options.now()));
      }
      case 'slack':
        if (!isHttpUrl(secret)) return refused('its secret is no address of an incoming webhook');
        return post(secret, slackBody(notice));
      case 'telegram': {
        // Nothing but a token may become part of an address: other secrets of the settings are no business of its server.
        if (secret === null || !/^\d{1,20}:[\w-]{1,200}$/.test(secret))
          return refused('its secret is no token of a bot');
        const url = `${target.url}/bot${secret}/sendMessage`;
        const { origin } = new URL(url);
        // Whoever may change a notifier is not thereby trusted with the token: its server is named by the settings.
        if (origin !== telegramOrigin && named?.servers.includes(origin) !== true)
          return refused(`its secret may not be sent to ${origin}: the settings do not name it as a server`);
        return post(url, telegramBody(notice, target.chat_id));
      }
      case 'email':
        if (options.smtp === null) return refused('the settings name no SMTP server (alerts.smtp_host)');
        return sendEmail(options.smtp, { to: target.to, notice, notificationId }, options.timeoutMs, signal);
    }
  };
}

function isHttpUrl(text: string | null | undefined): text is string {
  return text != null && URL.canParse(text) && /^https?:$/.test(new URL(text).protocol);
}
