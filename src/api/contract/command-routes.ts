import {
  commandAnswer,
  commandBody,
  commandIdPath,
  commandSiteQuery,
  createdAnswer,
  doneAnswer,
  historyAnswer,
  historyQuery,
  optionsAnswer,
  optionsQuery,
  pendingAnswer,
  pendingQuery,
  reportBody,
  statsAnswer,
} from './command-schemas.js';
import { emptyBody } from './alert-schemas.js';
import {
  batchAnswer,
  batchBody,
  batchCreated,
  batchIdPath,
  batchListAnswer,
  batchListQuery,
  maxBatchBytes,
} from './batch-schemas.js';
import type { RouteDoc } from './route-doc.js';

const group = 'Commands';

/** Routes of commands: first those of collectors, then those of people. */
export const commandRoutes = {
  'get /api/collector/commands/pending': {
    access: 'collector',
    group,
    summary: 'Commands to execute now, by priority, then age; 50 at most.',
    description:
      'What is handed out is `sent` and not handed out again unless its lease ends without a result and it may be done twice. One command at a time per miner. With `wait` the answer comes as soon as there is something.',
    query: pendingQuery,
    answer: pendingAnswer,
  },
  'post /api/collector/commands/:id/result': {
    access: 'collector',
    group,
    summary: 'What became of a command.',
    description:
      'Reporting again is harmless; after the end of a command a result is kept beside it and changes nothing.',
    path: commandIdPath,
    body: reportBody,
    answer: doneAnswer,
  },
  'post /api/collector/commands': {
    access: 'operator',
    sites: ['body'],
    group,
    summary: 'Tell one miner to do something.',
    body: commandBody,
    answer: createdAnswer,
  },
  'delete /api/collector/commands/:id': {
    access: 'operator',
    sites: ['command'],
    group,
    summary: 'Cancel a command that is pending or sent; 400 when it has ended.',
    path: commandIdPath,
    answer: doneAnswer,
  },
  'get /api/collector/commands/options': {
    access: 'viewer',
    sites: ['query'],
    group,
    summary: 'Which commands may be given, to one miner or at all, and why the others may not.',
    query: optionsQuery,
    answer: optionsAnswer,
  },
  'get /api/collector/commands/history': {
    access: 'viewer',
    sites: ['query'],
    group,
    summary: 'Commands, the newest first.',
    query: historyQuery,
    answer: historyAnswer,
  },
  'get /api/collector/commands/stats': {
    access: 'viewer',
    sites: ['query'],
    group,
    summary: 'How many commands there are of each status.',
    query: commandSiteQuery,
    answer: statsAnswer,
  },
  'post /api/collector/commands/batch': {
    access: 'operator',
    sites: ['body'],
    group,
    summary: 'Tell many miners of a site to do something.',
    description:
      'By a list of names or by a filter. Miners that cannot do it, and those that have the same command on its way, are left out and counted by reason. `dry_run` says what would happen.',
    body: batchBody,
    maxBodyBytes: maxBatchBytes,
    answer: batchCreated,
  },
  'get /api/collector/commands/batches': {
    access: 'viewer',
    sites: ['query'],
    group,
    summary: 'Batches, the newest first.',
    query: batchListQuery,
    answer: batchListAnswer,
  },
  'get /api/collector/commands/batches/:id': {
    access: 'viewer',
    sites: ['command_batch'],
    group,
    summary: 'One batch, and how its commands stand.',
    path: batchIdPath,
    answer: batchAnswer,
  },
  'delete /api/collector/commands/batches/:id': {
    access: 'operator',
    sites: ['command_batch'],
    group,
    summary: 'Cancel what is pending of a batch; what a collector has goes on.',
    path: batchIdPath,
    answer: doneAnswer,
  },
  'post /api/collector/commands/batches/:id/approve': {
    access: 'operator',
    sites: ['command_batch'],
    group,
    summary: 'Release a batch that waits for a second person.',
    path: batchIdPath,
    body: emptyBody,
    answer: doneAnswer,
  },
  'get /api/collector/commands/:id': {
    access: 'viewer',
    sites: ['command'],
    group,
    summary: 'One command, and all that happened to it.',
    path: commandIdPath,
    answer: commandAnswer,
  },
} as const satisfies Record<string, RouteDoc>;
