import type { DeviceError, FanSample, MinerIdentity, MinerState } from '../../domain/telemetry.js';
import type { Family, ReadContext } from '../family.js';
import { toCount, toNumber } from '../numbers.js';
import { isObject } from '../reply-status.js';
import type { JsonObject, Replies } from '../reply.js';
import { positive } from './antminer-chains.js';
import { noPower, type PowerReading } from './antminer-power.js';
import { isOverheat } from './antminer-state.js';
import { readBraiinsBoards } from './braiins-boards.js';
import { braiinsSources } from './field-sources.js';
import { antminerBoards, braiinsModel, cleanMac, customFirmware } from './model-names.js';
import { readPools, sumShares } from './pools.js';
import { deriveState, emptyReading, finish, startupS, withIdentity } from './reading.js';
import { descriptions, mean, own, row, rows, sum, textOf } from './records.js';
import { ratesOf, scaleToNominal, times } from './units.js';

/**
 * Braiins OS on S9 to S21: `bosminer` (2019 on) and `boser` (2022 on), cgminer's plain layout with commands of
 * its own. While it is paused most of them answer "Unavailable".
 */
export const braiins: Family = {
  name: 'braiins',
  transport: 'cgminer',
  port: null,
  commands: ['summary', 'devs', 'pools', 'temps', 'fans', 'tunerstatus', 'devdetails'],
  identityCommands: ['version'],
  mayJoin: true,
  request: (command) => JSON.stringify({ command }),
  sources: braiinsSources,
  listed: (value) => ({ 'BOSminer+': value }),
  matches,
  read,
};

function matches(replies: Replies): boolean {
  const version = row(replies, ['version'], 'VERSION');
  return /bos(?:miner|er)/i.test(`${descriptions(replies)} ${Object.keys(version).join(' ')}`);
}

function read(replies: Replies, context: ReadContext) {
  const summary = row(replies, ['summary'], 'SUMMARY');
  const identity = withIdentity(readIdentity(replies), context);
  const boards = readBraiinsBoards(replies);
  const told = ratesOf(summary);
  const nominalGhs = sum(boards.map((board) => board.nominalGhs));
  const uptimeS = toNumber(own(summary, 'Elapsed'));
  const boardSum = sum(boards.map((board) => board.hashrateGhs));
  const rates = { nowGhs: told.nowGhs ?? boardSum, averageGhs: told.averageGhs, nominalGhs, uptimeS };
  const factor = scaleToNominal(rates);
  const hashrateGhs = times(rates.nowGhs ?? rates.averageGhs, factor);
  const pools = readPools(replies);
  const acceptedShares = toCount(own(summary, 'Accepted')) ?? sumShares(pools, 'accepted');
  const deviceErrors = errorsOf(replies);
  return finish(
    {
      ...emptyReading,
      family: 'braiins',
      identity,
      hashrateGhs,
      hashrate5sGhs: times(told.nowGhs, factor),
      hashrateExpectedGhs: nominalGhs,
      nominalSource: nominalGhs === null ? null : 'device',
      boards,
      boardsExpected: antminerBoards(identity.model),
      fans: readFans(replies, identity.model),
      pools,
      acceptedShares,
      rejectedShares: toCount(own(summary, 'Rejected')) ?? sumShares(pools, 'rejected'),
      hardwareErrors: toCount(own(summary, 'Hardware Errors')) ?? sum(boards.map((it) => it.hardwareErrors)),
      uptimeS,
      frequencyAvgMhz: mean(boards.map((board) => board.frequencyMhz)),
      ...readPower(replies),
      deviceErrors,
      repairs: factor === 1 ? [] : [{ command: 'summary', kind: 'unit_scale', count: 1 }],
      state: deriveState({
        told: (hashrateGhs ?? 0) > 0 ? null : toldState(replies, uptimeS, deviceErrors),
        hashrateGhs,
        averageGhs: told.averageGhs,
        acceptedShares,
        uptimeS,
        neverHashed: 'stopped',
      }),
    },
    replies,
    context,
  );
}

const unavailable = /\bunavailable\b|\bpaused?\b/i;
const notReady = /not ready|initiali[sz]|starting/i;

/** "Unavailable" is how it words being paused; in the first minutes it may still be starting. */
function toldState(
  replies: Replies,
  uptimeS: number | null,
  errors: readonly DeviceError[],
): MinerState | null {
  if (errors.some((it) => isOverheat(it.text))) return 'overheated';
  const words = statusWords(replies);
  if (words.some((it) => unavailable.test(it)))
    return uptimeS !== null && uptimeS < startupS ? 'starting' : 'sleeping';
  if (words.some((it) => notReady.test(it))) return 'starting';
  const stages = tunerChains(replies).map((it) => textOf(it, 'Status') ?? '');
  if (stages.some((it) => /test|tun|measur|preheat|start/i.test(it))) return 'starting';
  const devs = replies.get('devs');
  const isSettled = uptimeS !== null && uptimeS >= startupS;
  const isEmpty = devs?.kind === 'ok' && !devs.isTruncated && Array.isArray(devs.value.DEVS);
  return isEmpty && isSettled && rows(replies, ['devs'], 'DEVS').length === 0 ? 'no_boards' : null;
}

function statusWords(replies: Replies): string[] {
  const words: string[] = [];
  for (const reply of replies.values()) {
    if (reply.kind === 'device_error') words.push(reply.message);
    if (reply.kind === 'ok') words.push(textOf(row(replies, [reply.command], 'STATUS'), 'Msg') ?? '');
  }
  return words;
}

function tunerChains(replies: Replies): JsonObject[] {
  const chains = own(row(replies, ['tunerstatus'], 'TUNERSTATUS'), 'TunerChainStatus');
  return Array.isArray(chains) ? chains.filter(isObject).slice(0, 16) : [];
}

/** What the tuner says is wrong with a chain, `Error …` in its status. */
function errorsOf(replies: Replies): DeviceError[] {
  return tunerChains(replies).flatMap((chain, position) => {
    const status = textOf(chain, 'Status') ?? '';
    const index = toCount(own(chain, 'HashchainIndex')) ?? position;
    return /error|fail|fault|over-?heat/i.test(status) ? [{ code: `chain${index}`, text: status }] : [];
  });
}

/** The tuner's approximation, or its boards'. */
function readPower(replies: Replies): PowerReading {
  const tuner = row(replies, ['tunerstatus'], 'TUNERSTATUS');
  const watts =
    positive(toNumber(own(tuner, 'ApproximateMinerPowerConsumption'))) ??
    positive(toNumber(own(tuner, 'ApproximateChainPowerConsumption'))) ??
    sum(tunerChains(replies).map((it) => positive(toNumber(own(it, 'ApproximatePowerConsumptionWatt')))));
  return watts === null ? noPower : { powerW: watts, powerSource: 'estimated' };
}

/**
 * Four slots, whatever is plugged in: one at 0 is a fan that stands still only on a model with four fans
 * of which another turns (immersed machines have none).
 */
function readFans(replies: Replies, model: string | null): FanSample[] {
  const fans = rows(replies, ['fans'], 'FANS')
    .slice(0, 16)
    .map((it, index) => ({ index: toCount(own(it, 'FAN', 'ID')) ?? index, rpm: toNumber(own(it, 'RPM')) }));
  const turning = fans.filter((fan) => fan.rpm !== 0);
  return turning.length > 0 && /\b[ST](?:17|19|2\d)/i.test(model ?? '') ? fans : turning;
}

function readIdentity(replies: Replies): Partial<MinerIdentity> {
  const version = row(replies, ['version'], 'VERSION');
  const name = Object.keys(version).find((key) => /^bos/i.test(key));
  const told = name === undefined ? '' : `${name} ${textOf(version, name) ?? ''}`;
  const firmwareVersion =
    customFirmware(told)?.firmwareVersion ?? customFirmware(descriptions(replies))?.firmwareVersion ?? null;
  const model = rows(replies, ['devdetails'], 'DEVDETAILS')
    .map((it) => textOf(it, 'Model'))
    .find((it) => it !== null && !/^\d+$/.test(it));
  return {
    vendor: 'Bitmain',
    model: model ?? braiinsModel(textOf(version, 'Type')),
    firmware: 'Braiins OS',
    firmwareVersion,
    mac: cleanMac(textOf(row(replies, ['config'], 'CONFIG'), 'MACAddr')),
  };
}
