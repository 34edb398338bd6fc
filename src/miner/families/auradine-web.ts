import type { Family } from '../family.js';
import { tokenText } from '../http/web-access.js';
import { digList, isWebCommand, webKey } from '../http/web-replies.js';
import { readDeviceError } from '../reply-status.js';
import type { Replies } from '../reply.js';
import { auradine } from './auradine.js';
import { descriptions } from './records.js';
import { auradineSources } from './field-sources.js';

/**
 * Auradine's Teraflux (FluxOS) on port 8080: the same commands and answers as on 4028, a path each, with
 * a token in a header of its own.
 */
export const auradineWeb: Family = {
  name: 'auradine-web',
  transport: 'http',
  port: 8080,
  commands: [...auradine.commands, 'mode'].map((name) => `/${name}`),
  identityCommands: ['/ipreport', '/voltage'],
  mayJoin: false,
  request: (command) => `GET ${command}`,
  sources: auradineSources,
  web: {
    recognises: (page) => /auradine|fluxos|teraflux|gcminer/i.test(page.text),
    schemes: [],
    login: {
      request: ({ username, password }) =>
        `POST /token\n${JSON.stringify({ command: 'token', user: username, password })}`,
      token: (body) => {
        const token = tokenText(digList(body, 'Token')[0] ?? {}, 'Token');
        return token === null ? null : ['token', token];
      },
      isRefusal: (body) => /token|session|unauthor/i.test(readDeviceError(body)?.message ?? ''),
    },
  },
  matches: (replies) => {
    const overWeb = new Map([...replies].filter(([command]) => isWebCommand(command)));
    return /gcminer|fluxos/i.test(descriptions(overWeb));
  },
  read: (replies, context) => ({ ...auradine.read(underApiNames(replies), context), family: 'auradine-web' }),
};

function underApiNames(replies: Replies): Replies {
  return new Map([...replies].map(([command, reply]) => [webKey(command), reply]));
}
