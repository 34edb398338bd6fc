import type { Notice } from '../../domain/alerts.js';

/** Of a chat: Telegram takes 4,096 characters, Slack more. */
const maxTextLength = 3_500;

/** One line: what a subject is and a chat begins with. */
export function headline(notice: Notice): string {
  const mark = { warning: 'WARNING', critical: 'CRITICAL' }[notice.severity];
  const head = {
    'alert.opened': mark,
    'alert.resolved': 'RESOLVED',
    'incident.opened': mark,
    'incident.resolved': 'RESOLVED',
    held_back: 'HELD BACK',
    test: 'TEST',
  }[notice.event];
  // Names come from miners and collectors: a line must stay one.
  return `[${head}] ${notice.message}`.replace(/[\p{Cc}\p{Zl}\p{Zp}]+/gu, ' ').slice(0, 300);
}

/** The whole as plain text. */
export function plainText(notice: Notice): string {
  const { site, alert, incident, held } = notice;
  const lines = [
    headline(notice),
    ...(site === null ? [] : [`site: ${site}`]),
    ...(incident === undefined ? [] : [`alerts in this incident: ${incident.alerts}`]),
    ...(alert === undefined ? [] : [`since: ${alert.triggered_at}`]),
    ...Object.entries(held ?? {}).map(([event, count]) => `${event}: ${count}`),
    `time: ${notice.time}`,
  ];
  return lines.join('\n').slice(0, maxTextLength);
}

/** Slack reads `&`, `<` and `>` as markup. */
export function slackBody(notice: Notice): string {
  const text = plainText(notice).replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;');
  return JSON.stringify({ text });
}

/** Plain text: without a parse mode Telegram reads no markup. */
export function telegramBody(notice: Notice, chatId: string): string {
  return JSON.stringify({
    chat_id: chatId,
    text: plainText(notice),
    link_preview_options: { is_disabled: true },
  });
}
