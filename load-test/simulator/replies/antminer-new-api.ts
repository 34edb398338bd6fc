import type { Scene, Replies } from './common.js';
import { chipMap, hexOf, idealGhs, rawReply } from './common.js';
import { antminerS19Replies } from './antminer-s19.js';

/** The frame of the web interface, which the flag `new_api` brings to port 4028. */
function framed(scene: Scene, message: string, section: string, items: readonly object[]) {
  const { model } = scene.miner;
  return rawReply({
    STATUS: { STATUS: 'S', when: scene.whenS, Msg: message, api_version: '1.0.0' },
    INFO: {
      miner_version: model.firmware,
      CompileTime: model.build,
      dev_sn: `HFSN${hexOf(scene.miner)}`,
      type: model.type,
    },
    [section]: items,
  });
}

/** Rates of a machine under the names `stats` and `summary` share. */
const rates = ({ reading }: Scene, ideal: number) => ({
  elapsed: reading.elapsedS,
  rate_5s: reading.ghs5s,
  rate_30m: reading.ghs,
  rate_avg: reading.ghs,
  rate_ideal: ideal,
  rate_unit: 'GH/s',
});

function stats(scene: Scene) {
  const { reading, miner } = scene;
  const ideal = idealGhs(scene);
  const mhz = reading.state === 'sleeping' ? 0 : reading.frequencyMhz;
  const chain = reading.boards.map((board, index) => ({
    index,
    freq_avg: mhz,
    rate_ideal: ideal / miner.model.boards,
    rate_real: board.ghs5s,
    asic_num: board.chips,
    asic: chipMap(board.chips, 5),
    temp_pic: [board.pcbC - 8, board.pcbC - 8, board.pcbC - 6, board.pcbC - 6],
    temp_pcb: [board.pcbC - 4, board.pcbC - 4, board.pcbC, board.pcbC],
    temp_chip: [board.chipC - 5, board.chipC - 5, board.chipC, board.chipC - 1],
    hw: board.hardwareErrors,
    eeprom_loaded: board.isPresent,
    sn: `HFB${hexOf(miner)}${index}`,
  }));
  return framed(scene, 'stats', 'STATS', [
    {
      ...rates(scene, ideal),
      chain_num: reading.boards.filter((board) => board.isPresent).length,
      fan_num: reading.fansRpm.length,
      fan: reading.fansRpm,
      hwp_total: 0,
      'miner-mode': reading.state === 'sleeping' ? 1 : 0,
      'freq-level': 100,
      power: reading.powerW,
      chain,
    },
  ]);
}

const summary = (scene: Scene) =>
  framed(scene, 'summary', 'SUMMARY', [
    {
      ...rates(scene, idealGhs(scene)),
      hw_all: scene.reading.hardwareErrors,
      bestshare: scene.accepted * 7919,
      status: ['rate', 'network', 'fans', 'temp'].map((type) => ({ type, status: 's', code: 0, msg: '' })),
    },
  ]);

/** Firmware of July 2024 and later: as before, and with `new_api` beside the command the web layout, with power. */
export const antminerNewApiReplies: Replies = {
  ...antminerS19Replies,
  'stats new_api': stats,
  'summary new_api': summary,
};
