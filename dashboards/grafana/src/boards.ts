import { clusterBoard } from './cluster.js';
import { commandsBoard } from './commands.js';
import { fleetBoard } from './fleet.js';
import { ingestBoard } from './ingest.js';
import type { Board } from './kit/board.js';
import { minerBoard } from './miner.js';
import { poolsBoard } from './pools.js';
import { siteBoard } from './site.js';

/** Every dashboard, in the order of docs/grafana.md. */
export const boards: readonly Board[] = [
  fleetBoard,
  siteBoard,
  minerBoard,
  poolsBoard,
  clusterBoard,
  ingestBoard,
  commandsBoard,
];
