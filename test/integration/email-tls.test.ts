import { mkdirSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import { sendEmail, type SmtpSettings } from '../../src/alerts/send/email.js';
import type { SendOutcome } from '../../src/alerts/send/outcome.js';
import type { Notice } from '../../src/domain/alerts.js';
import { makeCertificate } from '../support/certificate.js';
import { startMailReceiver, type MailReceiver } from '../support/receivers.js';

const folder = mkdtempSync(join(tmpdir(), 'headframe-mail-'));
const certificateIn = (name: string) => {
  const path = join(folder, name);
  mkdirSync(path);
  const { cert, keyFile } = makeCertificate(path);
  return { cert, key: readFileSync(keyFile, 'utf8') };
};
const own = certificateIn('own');
const another = certificateIn('another');
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const notice: Notice = {
  event: 'test',
  site_id: null,
  site: null,
  severity: 'warning',
  message: 'a test',
  time: '2026-01-01T00:00:00.000Z',
};

function send(mail: MailReceiver, changes: Partial<SmtpSettings>): Promise<SendOutcome> {
  const smtp: SmtpSettings = {
    host: '127.0.0.1',
    port: mail.port,
    security: 'starttls',
    username: 'headframe',
    password: 'mail-password',
    from: 'headframe@farm.example',
    ca: own.cert,
    ...changes,
  };
  const message = { to: ['a@farm.example'], notice, notificationId: crypto.randomUUID() };
  return sendEmail(smtp, message, 5_000, new AbortController().signal);
}

describe.each(['tls', 'starttls'] as const)('mail over %s', (mode) => {
  test('reaches a server whose certificate is trusted', async () => {
    const mail = await startMailReceiver({ mode, ...own });
    try {
      expect(await send(mail, { security: mode })).toEqual({ kind: 'sent' });
      expect(mail.mails).toMatchObject([{ user: 'headframe', to: ['a@farm.example'] }]);
    } finally {
      await mail.stop();
    }
  });

  test.each([
    ['of another', another.cert],
    ['nobody of the system signed', null],
  ])('tells nothing to a server with a certificate %s', async (_name, ca) => {
    const mail = await startMailReceiver({ mode, ...own });
    try {
      expect(await send(mail, { security: mode, ca })).toMatchObject({ kind: 'retry' });
      expect(mail.logins).toBe(0);
      expect(mail.mails).toEqual([]);
    } finally {
      await mail.stop();
    }
  });
});

test('mail that is to go over STARTTLS is not told to a server without it', async () => {
  const mail = await startMailReceiver();
  try {
    expect(await send(mail, { security: 'starttls' })).toMatchObject({ kind: 'retry' });
    expect(mail.logins).toBe(0);
    expect(mail.mails).toEqual([]);
  } finally {
    await mail.stop();
  }
});
