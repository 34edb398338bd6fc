import type { Family, ReadContext } from '../family.js';
import { tokenText } from '../http/web-access.js';
import { digList, digObject, webObject, webReply } from '../http/web-replies.js';
import type { Replies, Reply } from '../reply.js';
import { toBoard } from './generic-boards.js';
import { deviceUptimeS, readLayout } from './generic-reading.js';
import { cleanMac } from './model-names.js';
import { own, textOf } from './records.js';
import { ratesOf } from './units.js';
import { innosiliconWebSources } from './web-field-sources.js';

/**
 * The web interface that Innosilicon (T2, T3, A9, A10) and Halong (DragonMint T1) share: cgminer's own
 * `DEVS` and `POOLS` in one page, rates in MH/s. Fans are told as a duty alone.
 */
export const innosiliconWeb: Family = {
  name: 'innosilicon-web',
  transport: 'http',
  port: 80,
  commands: ['/api/summary'],
  identityCommands: ['/api/overview'],
  mayJoin: false,
  request: (command) => `POST ${command}\n{}`,
  sources: innosiliconWebSources,
  web: {
    recognises: (page) => /innosilicon|innominer|dragonmint|halong/i.test(page.text),
    schemes: [],
    login: {
      request: ({ username, password }) => `POST /api/auth\n${JSON.stringify({ username, password })}`,
      token: (body) => {
        const token = tokenText(body, 'jwt');
        return token === null ? null : ['authorization', `Bearer ${token}`];
      },
    },
  },
  matches: (replies) => {
    const page = webReply(replies, 'summary', { onlyWeb: true })?.value ?? {};
    const version = digObject(webObject(replies, 'overview'), 'version');
    return (
      (own(page, 'success') !== undefined && Array.isArray(own(page, 'DEVS'))) ||
      own(version, 'ethaddr', 'hwver') !== undefined
    );
  },
  read,
};

function read(replies: Replies, context: ReadContext) {
  const page = webReply(replies, 'summary', { onlyWeb: true });
  const devices = digList(page?.value ?? {}, 'DEVS');
  const identity = readIdentity(replies, devices.map((it) => textOf(it, 'Name') ?? '').join(' '));
  const layout = {
    boards: devices.map((device, position) => toBoard(device, position, {})),
    boardRates: devices.map(ratesOf),
    fans: [],
    identity,
    uptimeS: deviceUptimeS(devices),
  };
  return readLayout('innosilicon-web', layout, underApiNames(replies, page), context);
}

/** The page's sections as replies of their own, beside what came. */
function underApiNames(replies: Replies, page: Extract<Reply, { kind: 'ok' }> | null): Replies {
  if (page === null) return replies;
  const told = new Map(replies);
  for (const [command, section] of [
    ['devs', 'DEVS'],
    ['pools', 'POOLS'],
  ] as const)
    if (!told.has(command))
      told.set(command, {
        ...page,
        command,
        repairs: [],
        value: { [section]: own(page.value, section) ?? [] },
      });
  return told;
}

function readIdentity(replies: Replies, names: string) {
  const overview = webObject(replies, 'overview');
  const version = digObject(overview, 'version');
  const type = textOf(overview, 'type');
  const isHalong = /\bDT1\b/i.test(names) || /dragonmint/i.test(type ?? '');
  return {
    vendor: isHalong ? 'Halong' : 'Innosilicon',
    model: isHalong ? 'DragonMint T1' : type,
    firmware: 'stock',
    firmwareVersion: textOf(version, 'build_date', 'platform_v'),
    mac: cleanMac(textOf(version, 'ethaddr')),
  };
}
