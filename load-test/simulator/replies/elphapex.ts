import type { Answer } from '../answer.js';
import { hexOf, idealGhs, rawReply, type Replies, type Scene } from './common.js';

/** GH/s as the MH/s it counts in. */
const mh = (ghs: number): number => Math.round(ghs * 100_000) / 100;

function framed({ miner, whenS }: Scene, message: string, parts: object): Answer {
  return rawReply({
    STATUS: { STATUS: 'S', when: whenS, timestamp: whenS, api_version: '1.0.0', Msg: message },
    ...parts,
    INFO: {
      miner_version: miner.model.firmware,
      CompileTime: '',
      dev_sn: `HFE${hexOf(miner)}`,
      type: miner.model.type,
      hw_version: 'DG1+_HW_V1.0',
    },
  });
}

/** Chip map, board sensors and `hw` are alike on every board, as the firmware has them. */
function stats(scene: Scene): Answer {
  const { reading, miner } = scene;
  const ideal = idealGhs(scene);
  const milli = (temperatureC: number): string => String(temperatureC * 1000 + 125);
  const chain = reading.boards.map((board, index) => ({
    index,
    sn: board.isPresent ? `HFEB${hexOf(miner)}${index}` : '',
    freq_avg: 62_000,
    temp_chip: board.isPresent ? [milli(board.chipC - 4), milli(board.chipC), '', ''] : ['', '', '', ''],
    temp_pcb: [47, 46, 67, 66],
    temp_pic: [47, 46, 67, 66],
    asic: 'ooooooooo oooooooo oooooooo oooooooo oooo',
    asic_num: board.chips,
    hw: 204,
    rate_ideal: mh(ideal / reading.boards.length),
    rate_real: mh(board.ghs5s),
    hashrate: mh(board.ghs),
  }));
  return framed(scene, 'stats', {
    STATS: [
      {
        rate_unit: 'MH/s',
        elapsed: reading.elapsedS,
        rate_5s: mh(reading.ghs5s),
        rate_30m: 0,
        rate_avg: mh(reading.ghs),
        rate_ideal: mh(ideal),
        chain_num: reading.boards.length,
        fan_num: reading.fansRpm.length,
        fan: reading.fansRpm,
        hwp_total: 0.1155,
        'miner-mode': 0,
        'freq-level': 100,
        chain,
      },
    ],
  });
}

const summary = (scene: Scene): Answer =>
  framed(scene, 'summary', {
    SUMMARY: [
      {
        rate_unit: 'MH/s',
        elapsed: scene.reading.elapsedS,
        rate_5s: mh(scene.reading.ghs5s),
        rate_30m: 0,
        rate_15m: mh(scene.reading.ghs),
        rate_avg: mh(scene.reading.ghs),
        rate_ideal: mh(idealGhs(scene)),
        hw_all: scene.reading.hardwareErrors,
        bestshare: 0,
        status: ['rate', 'network', 'fans', 'temp'].map((type) => ({ type, status: 's', msg: '', code: 0 })),
      },
    ],
  });

const pools = (scene: Scene): Answer =>
  framed(scene, 'pools', {
    POOLS: scene.miner.listPools(scene.accepted).map((pool, index) => ({
      index,
      url: pool.url,
      user: pool.user,
      status: pool.isAlive ? 'Alive' : 'Unreachable',
      priority: index,
      accepted: pool.accepted,
      rejected: index === scene.miner.activePool ? scene.rejected : 0,
      stale: 0,
      lstime: index === scene.miner.activePool ? '00:00:07' : '0',
    })),
  });

/** Elphapex DG1+: Bitmain's newer layout on port 4028, chip temperatures in thousandths of a degree. */
export const elphapexReplies: Replies = {
  version: (scene) => framed(scene, 'version', { VERSION: [{ API: '1.0.0' }] }),
  summary,
  stats,
  pools,
};
