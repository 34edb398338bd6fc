import { hexOf, macOf, type Scene } from './common.js';
import { errorCodes, stamp } from './whatsminer.js';

const ths = (ghs: number): number => Math.round(ghs) / 1000;

function summary({ reading, miner }: Scene) {
  const { boards } = reading;
  const hottestC = Math.max(0, ...boards.map((board) => board.chipC));
  return {
    elapsed: reading.elapsedS,
    'bootup-time': reading.uptimeS,
    'freq-avg': reading.frequencyMhz,
    'factory-hash': ths(miner.model.nominalGhs),
    'hash-average': ths(reading.ghs),
    'hash-1min': ths(reading.ghs),
    'hash-15min': ths(reading.ghs),
    'hash-realtime': ths(reading.ghs),
    'power-realtime': reading.powerW,
    'power-limit': miner.powerLimitW,
    'environment-temperature': reading.inletC,
    'board-temperature': boards.map((board) => board.pcbC),
    'chip-temp-min': hottestC - 14,
    'chip-temp-avg': hottestC - 6,
    'chip-temp-max': hottestC,
    'up-freq-finish': reading.state === 'mining' ? 1 : 0,
    'fan-speed-in': reading.fansRpm[0] ?? 0,
    'fan-speed-out': reading.fansRpm[1] ?? 0,
  };
}

const edevs = ({ reading, miner }: Scene) =>
  reading.boards.flatMap((board, slot) =>
    board.isPresent
      ? [
          {
            id: slot,
            slot,
            'hash-average': ths(board.ghs),
            'factory-hash': ths(miner.model.nominalGhs / reading.boards.length),
            freq: reading.frequencyMhz,
            'effective-chips': board.chips,
            'chip-temp-min': board.chipC - 14,
            'chip-temp-avg': board.chipC - 6,
            'chip-temp-max': board.chipC,
          },
        ]
      : [],
  );

const pools = ({ miner, accepted, whenS }: Scene) =>
  miner.listPools(accepted).map((pool, index) => ({
    id: index + 1,
    url: pool.url,
    account: pool.user,
    status: pool.isAlive ? 'alive' : 'dead',
    'stratum-active': index === miner.activePool,
    'reject-rate': 0,
    'last-share-time': index === miner.activePool ? whenS - 7 : 0,
  }));

/** What commands are signed with beside the password. */
export const saltV3 = (miner: Scene['miner']): string => hexOf(miner).toLowerCase();

function deviceInfo(scene: Scene) {
  const { miner, reading, whenS } = scene;
  const serials = reading.boards.map((_, slot) => [`pcbsn${slot}`, `HFM${hexOf(miner)}K${slot}`]);
  return {
    network: { ip: miner.address, mac: macOf(miner, ':').toUpperCase(), hostname: 'WhatsMiner' },
    miner: {
      working: String(reading.state !== 'sleeping'),
      type: miner.model.type,
      'miner-sn': `HF${hexOf(miner)}`,
      ...(Object.fromEntries(serials) as Record<string, string>),
    },
    system: { api: '3.0.1', platform: 'H616', fwversion: miner.model.firmware },
    power: { type: 'P464', vin: 229, iin: reading.powerW / 229, pin: reading.powerW, fanspeed: 6480 },
    salt: saltV3(miner),
    'error-code': errorCodes(scene).map((code) => ({ [code]: stamp(whenS - 600), reason: '' })),
  };
}

/** What API v3 of a Whatsminer answers to a command and its parameter; −4 is one it does not give. */
export function answerV3(scene: Scene, command: string, parameter: string): object {
  const messages: Readonly<Record<string, () => object>> = {
    'get.miner.status:summary': () => ({ summary: summary(scene) }),
    'get.miner.status:edevs': () => ({ edevs: edevs(scene) }),
    'get.miner.status:pools': () => ({ pools: pools(scene) }),
    'get.device.info:': () => deviceInfo(scene),
    'get.device.info:salt': () => ({ salt: saltV3(scene.miner) }),
  };
  const message = messages[`${command}:${parameter}`];
  const head = { when: scene.whenS, desc: command };
  return message === undefined
    ? { code: -4, msg: 'invalid command', ...head }
    : { code: 0, msg: message(), ...head };
}
