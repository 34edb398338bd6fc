/** One believable reply and the ways it is damaged in the field. */
export interface ReplyFixture {
  readonly family: string;
  readonly command: string;
  /** As a device sends it, with the NUL behind. */
  readonly clean: string;
  readonly damaged: readonly { readonly how: string; readonly text: string }[];
}

const status = (code: number, message: string, description: string): unknown => [
  { STATUS: 'S', When: 1_700_000_123, Code: code, Msg: message, Description: description },
];

/** An even spread that looks measured: the same for the same arguments. */
const wobble = (base: number, spread: number, i: number): number =>
  base + ((i * 7919) % 1000) * (spread / 1000);

function antminerS9Stats(): string {
  const stats: Record<string, unknown> = {
    STATS: 0,
    ID: 'BC50',
    Elapsed: 86_400,
    Calls: 0,
    Wait: 0,
    Max: 0,
    Min: 99_999_999,
  };
  Object.assign(stats, {
    'GHS 5s': '13612.48',
    'GHS av': 13_588.71,
    miner_count: 3,
    frequency: '637',
    fan_num: 2,
  });
  for (let i = 1; i <= 8; i += 1) stats[`fan${String(i)}`] = i === 5 || i === 6 ? 5280 + i * 60 : 0;
  for (const prefix of ['temp', 'temp2_', 'temp3_', 'freq_avg', 'chain_rateideal', 'chain_hw']) {
    for (let i = 1; i <= 16; i += 1)
      stats[`${prefix}${String(i)}`] = i > 5 && i < 9 ? Math.round(wobble(60, 20, i)) : 0;
  }
  for (let i = 1; i <= 16; i += 1) {
    const isThere = i > 5 && i < 9;
    stats[`chain_acn${String(i)}`] = isThere ? 63 : 0;
    stats[`chain_acs${String(i)}`] = isThere ? ' oooooooo'.repeat(7) + ' ooooooo' : '';
    stats[`chain_rate${String(i)}`] = isThere ? wobble(4500, 60, i).toFixed(2) : '';
  }
  const version = {
    BMMiner: '2.0.0',
    Miner: '16.8.1.3',
    CompileTime: 'Fri Nov 17 17:37:49 CST 2017',
    Type: 'Antminer S9',
  };
  return JSON.stringify({
    STATUS: status(70, 'BMMiner stats', 'bmminer 1.0.0'),
    STATS: [version, stats],
    id: 1,
  });
}

function antminerS19Stats(): string {
  const stats: Record<string, unknown> = {
    STATS: 0,
    ID: 'BC50',
    Elapsed: 864_000,
    Calls: 0,
    Wait: 0,
    Max: 0,
    Min: 99_999_999,
  };
  Object.assign(stats, {
    'GHS 5s': 109_877.21,
    'GHS av': 110_102.4,
    rate_30m: 110_044.9,
    Mode: 2,
    miner_count: 3,
    frequency: 675,
  });
  for (let i = 1; i <= 4; i += 1) stats[`fan${String(i)}`] = 5880 + i * 30;
  for (let i = 1; i <= 4; i += 1) {
    const isThere = i < 4;
    stats[`chain_acn${String(i)}`] = isThere ? 76 : 0;
    stats[`chain_acs${String(i)}`] = isThere ? ' oooooooooo'.repeat(7) + ' oooooo' : '';
    stats[`chain_hw${String(i)}`] = isThere ? i * 3 : 0;
    stats[`chain_rate${String(i)}`] = isThere ? wobble(36_500, 300, i).toFixed(2) : '';
    stats[`freq${String(i)}`] = isThere ? 675 : 0;
    for (const part of ['temp_pcb', 'temp_chip', 'temp_pic'])
      stats[part + String(i)] = isThere ? '48-51-66-68' : '0-0-0-0';
  }
  Object.assign(stats, {
    total_rateideal: 110_000,
    rate_unit: 'GH',
    total_freqavg: 675,
    total_acn: 228,
    total_rate: 109_877.2,
  });
  const version = {
    BMMiner: '1.0.0',
    Miner: 'uart_trans.1.3',
    CompileTime: 'Fri Jan  7 14:22:11 CST 2022',
    Type: 'Antminer S19',
  };
  return JSON.stringify({
    STATUS: status(70, 'BMMiner stats', 'bmminer 1.0.0'),
    STATS: [version, stats],
    id: 1,
  });
}

function whatsminerSummary(): string {
  const summary = {
    Elapsed: 345_600,
    'MHS av': 88_123_456.12,
    'MHS 5s': 88_523_001.55,
    'MHS 1m': 88_240_550.31,
    'MHS 5m': 88_155_200.02,
    'MHS 15m': 88_101_777.4,
    'HS RT': 88_240_550.31,
    Accepted: 10_422,
    Rejected: 31,
    'Total MH': 30_456_789_012_345,
    Temperature: 78,
    freq_avg: 712,
    'Fan Speed In': 4920,
    'Fan Speed Out': 4980,
    Power: 3344,
    'Power Rate': 38.01,
    'Pool Rejected%': 0.2966,
    'Last getwork': 1_700_000_120,
    Uptime: 1_036_800,
    'Chip Data': 'HP3D05-21010701 BINV02-192104B',
    'Power Current': 233,
    'Power Fanspeed': 8720,
    'Error Code Count': 0,
    'Factory Error Code Count': 0,
    'Security Mode': 0,
    'Liquid Cooling': false,
    'Hash Stable': true,
    'Hash Deviation%': 0.1321,
    'Target Freq': 674,
    'Target MHS': 86_000_000,
    'Env Temp': 31.5,
    'Power Mode': 'Normal',
    'Firmware Version': "'20210322.22.REL'",
    'CB Platform': 'ALLWINNER_H6OS',
    'CB Version': 'V10',
    MAC: 'C6:07:20:00:11:22',
    'Factory GHS': 86_771,
    'Power Limit': 3600,
    'Chip Temp Min': 63.1,
    'Chip Temp Max': 94.8,
    'Chip Temp Avg': 82.4,
  };
  return JSON.stringify({ STATUS: status(11, 'Summary', 'btminer'), SUMMARY: [summary], id: 1 });
}

function avalonStats(): string {
  const list = (length: number, base: number): string =>
    Array.from({ length }, (_, i) => Math.round(wobble(base, 12, i))).join(' ');
  const module = (id: number): string =>
    `Ver[1066-19101244_fe411a8] DNA[02010000${String(id).padStart(8, '0')}] SYSTEMSTATU[Work: In Work, Hash Board: 3 ] Elapsed[6355] ` +
    `MW[${list(3, 1_443_554)}] LW[4330705] HW[2] DH[0.736%] Temp[25] TMax[74] TAvg[66] Fan1[3671] Fan2[3635] FanR[55%] PS[0 1217 1279 221 2834 1280] ` +
    `GHSmm[51062.40] GHSavg[50291.83] WU[702568.70] Freq[632.65] MGHS[16645.36 16761.64 16884.83] MTmax[74 72 74] MTavg[65 63 66] TA[342] ECHU[0 0 0] ECMM[0] ` +
    [0, 1, 2]
      .map((board) => `PVT_T${String(board)}[${list(114, 60)}] PVT_V${String(board)}[${list(114, 310)}]`)
      .join(' ');
  const stats = {
    STATS: 0,
    ID: 'AVA100',
    Elapsed: 6354,
    Calls: 0,
    Wait: 0,
    Max: 0,
    Min: 99_999_999,
    'MM ID0': module(1),
    'MM Count': 1,
    'Smart Speed': 1,
  };
  return JSON.stringify({ STATUS: status(70, 'CGMiner stats', 'cgminer 4.11.1'), STATS: [stats], id: 1 });
}

const cut = (text: string): string => text.slice(0, Math.floor(text.length * 0.9));

/** A reply of each family, its text as sent and damaged as that family's firmware damages it. */
export function replyFixtures(): ReplyFixture[] {
  const end = '\0';
  const s9 = antminerS9Stats();
  const s19 = antminerS19Stats();
  const whatsminer = whatsminerSummary();
  const avalon = avalonStats();
  return [
    {
      family: 'antminer S9',
      command: 'stats',
      clean: s9 + end,
      damaged: [
        { how: 'missing comma', text: s9.replace('},{"STATS"', '}{"STATS"') + end },
        { how: 'cut', text: cut(s9) },
      ],
    },
    {
      family: 'antminer S19',
      command: 'stats',
      clean: s19 + end,
      damaged: [
        { how: 'missing comma', text: s19.replace('},{"STATS"', '}{"STATS"') + end },
        { how: 'cut', text: cut(s19) },
      ],
    },
    {
      family: 'whatsminer',
      command: 'summary',
      clean: whatsminer + end,
      damaged: [
        { how: 'invalid escape', text: whatsminer.replaceAll("'", "\\'") + end },
        { how: 'trailing comma', text: whatsminer.replace('}],', ',}],') + end },
        { how: 'cut', text: cut(whatsminer) },
      ],
    },
    {
      family: 'avalon',
      command: 'stats',
      clean: avalon + end,
      damaged: [
        { how: 'bare nan', text: avalon.replace('"Wait":0', '"Wait":nan') + end },
        { how: 'cut', text: cut(avalon) },
      ],
    },
  ];
}
