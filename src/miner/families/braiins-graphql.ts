import type { PoolSample } from '../../domain/telemetry.js';
import type { Family, ReadContext } from '../family.js';
import { emptyPool } from '../http/web-pools.js';
import { dig, digList, digObject, finishWeb, webList, webObject } from '../http/web-replies.js';
import { hasCgminerReading } from '../http/web-replies.js';
import { toCount, toNumber, toTemperature } from '../numbers.js';
import type { JsonObject, Replies } from '../reply.js';
import { positive } from './antminer-chains.js';
import { cleanMac, cleanModel } from './model-names.js';
import { deriveState, emptyBoard, emptyReading, withIdentity, type BoardReading } from './reading.js';
import { mean, own, sum, textOf } from './records.js';
import { times } from './units.js';
import { braiinsGraphqlSources } from './web-field-sources.js';

/** The questions, by command. Firmware refuses a whole query for one unknown field, hence few fields each. */
const queries: Readonly<Record<string, string>> = {
  gql_system:
    '{ bos { hostname info { version { full } } uptime { durationS } } bosminer { info { fans { name rpm } summary { power { approxConsumptionW limitW } } workSolver { nominalMhs realHashrate { mhs5S } } } } }',
  gql_boards:
    '{ bosminer { info { workSolver { childSolvers { name nominalMhs realHashrate { mhs5S } hwDetails { chips frequencyMhz voltageV } temperatures { name degreesC } } } } } }',
  gql_pools:
    '{ bosminer { info { poolGroups { name pools { url user active status shares { acceptedSolutions rejectedSolutions } } } } } }',
  gql_model: '{ bosminer { info { modelName } } }',
};
const login =
  'mutation ($username: String!, $password: String!) { auth { login(username: $username, password: $password) { __typename } } }';

/** Braiins OS 21.09 to 25.05: GraphQL. Rates in MH/s, volts in V. */
export const braiinsGraphql: Family = {
  name: 'braiins-graphql',
  transport: 'http',
  port: 80,
  commands: ['gql_system', 'gql_boards', 'gql_pools'],
  identityCommands: ['gql_model'],
  mayJoin: false,
  request: (command) => post({ query: queries[command] ?? '{ __typename }' }),
  sources: braiinsGraphqlSources,
  web: {
    recognises: (page) => /braiins|\bbos\b/i.test(page.text),
    schemes: [],
    login: {
      request: (credentials) => post({ query: login, variables: { ...credentials } }),
      // What it answers says little; the session cookie is the proof.
      token: (_body, cookies) => {
        const session = cookies
          .map((it) => it.split(';')[0] ?? '')
          .find((it) => /^session[\w-]*=.+/.test(it));
        return session === undefined ? null : ['cookie', session];
      },
      isRefusal: (body) => own(body, 'data') === null && Array.isArray(own(body, 'errors')),
    },
  },
  matches: (replies) =>
    ['gql_system', 'gql_boards', 'gql_pools'].some(
      (name) => Object.keys(digObject(webObject(replies, name), 'data', 'bosminer')).length > 0,
    ) && !hasCgminerReading(replies),
  read,
};

const post = (body: object): string => `POST /graphql\n${JSON.stringify(body)}`;

function read(replies: Replies, context: ReadContext) {
  const system = digObject(webObject(replies, 'gql_system'), 'data');
  const info = digObject(system, 'bosminer', 'info');
  const solver = digObject(info, 'workSolver');
  const boards = digList(
    webObject(replies, 'gql_boards'),
    'data',
    'bosminer',
    'info',
    'workSolver',
    'childSolvers',
  ).map(readBoard);
  const pools = readPools(replies);
  const hashrateGhs =
    times(toNumber(dig(solver, 'realHashrate', 'mhs5S')), 1e-3) ??
    sum(boards.map((board) => board.hashrateGhs));
  const nominal =
    times(positive(toNumber(own(solver, 'nominalMhs'))), 1e-3) ??
    sum(boards.map((board) => board.nominalGhs));
  const acceptedShares = sum(pools.map((pool) => pool.accepted));
  const uptimeS = toNumber(dig(system, 'bos', 'uptime', 'durationS'));
  return finishWeb(
    {
      ...emptyReading,
      family: 'braiins-graphql',
      identity: withIdentity(readIdentity(replies, system), context),
      hashrateGhs,
      hashrate5sGhs: hashrateGhs,
      hashrateExpectedGhs: nominal,
      nominalSource: nominal === null ? null : 'device',
      boards,
      // Sockets without a fan are listed with 0 rpm.
      fans: digList(info, 'fans')
        .map((fan, index) => ({ index: toCount(own(fan, 'name')) ?? index, rpm: toNumber(own(fan, 'rpm')) }))
        .filter((fan) => fan.rpm !== 0),
      pools,
      acceptedShares,
      rejectedShares: sum(pools.map((pool) => pool.rejected)),
      uptimeS,
      frequencyAvgMhz: mean(boards.map((board) => board.frequencyMhz)),
      powerW: positive(toNumber(dig(info, 'summary', 'power', 'approxConsumptionW'))),
      powerSource: 'estimated',
      state: deriveState({
        told: null,
        hashrateGhs,
        averageGhs: null,
        acceptedShares,
        uptimeS,
        neverHashed: 'stopped',
      }),
    },
    replies,
    context,
  );
}

/** `MAX_BOARD`, `MAX_CHIP`, `INLET`, `OUTLET`; on an S9 `Board` and `Chip`. */
function readBoard(board: JsonObject, position: number): BoardReading {
  const sensors = digList(board, 'temperatures');
  const matching = (name: RegExp) =>
    sensors
      .filter((it) => name.test(textOf(it, 'name') ?? ''))
      .map((it) => toTemperature(own(it, 'degreesC')))
      .filter((it) => it !== null);
  const boardTempsC = matching(/board|inlet|outlet/i);
  const chipTempsC = matching(/chip/i);
  const details = digObject(board, 'hwDetails');
  return {
    ...emptyBoard(toCount(own(board, 'name')) ?? position),
    hashrateGhs: times(toNumber(dig(board, 'realHashrate', 'mhs5S')), 1e-3),
    nominalGhs: times(positive(toNumber(own(board, 'nominalMhs'))), 1e-3),
    boardTempsC,
    boardTempC: boardTempsC.length === 0 ? null : Math.max(...boardTempsC),
    chipTempsC,
    chipTempC: chipTempsC.length === 0 ? null : Math.max(...chipTempsC),
    chipsTotal: positive(toCount(own(details, 'chips'))),
    frequencyMhz: positive(toNumber(own(details, 'frequencyMhz'))),
    voltageMv: times(positive(toNumber(own(details, 'voltageV'))), 1e3),
    serial: textOf(details, 'hbSerialNumber'),
  };
}

/** Groups share the work: the first pool at work is the active one. */
function readPools(replies: Replies): PoolSample[] {
  const groups = digList(webObject(replies, 'gql_pools'), 'data', 'bosminer', 'info', 'poolGroups');
  const pools = groups.flatMap((group) => digList(group, 'pools')).slice(0, 32);
  const active = pools.find((pool) => own(pool, 'active') === true);
  return pools.map((pool, index) => ({
    ...emptyPool(index),
    url: textOf(pool, 'url') ?? '',
    user: textOf(pool, 'user') ?? '',
    status: textOf(pool, 'status'),
    isActive: pool === active,
    accepted: toCount(dig(pool, 'shares', 'acceptedSolutions')),
    rejected: toCount(dig(pool, 'shares', 'rejectedSolutions')),
  }));
}

function readIdentity(replies: Replies, system: JsonObject) {
  const full = textOf(digObject(system, 'bos', 'info', 'version'), 'full');
  const network = webList(replies, 'web_net_conf')[0] ?? {};
  const model = cleanModel(
    textOf(digObject(webObject(replies, 'gql_model'), 'data', 'bosminer', 'info'), 'modelName'),
  );
  return {
    vendor: model !== null && /antminer/i.test(model) ? 'Bitmain' : null,
    model,
    firmware: 'Braiins OS',
    // `2025-06-25-0-45f356ea-25.05.1-plus`: the release is behind date and revision.
    firmwareVersion: /-(\d\d\.\d\d(?:\.\d+)*(?:-plus)?)$/.exec(full ?? '')?.[1] ?? full,
    mac: cleanMac(textOf(network, 'macaddr')),
    serial: null,
  };
}
