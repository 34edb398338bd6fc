import { model, type Model } from './model.js';
import { bitmainModels } from './models-bitmain.js';
import { otherModels } from './models-others.js';

/** The machines of the named mixes; their order decides who is picked where, so it stays. */
const farmModels = {
  'antminer-s9': model(
    'antminer-s9',
    ['Antminer S9', '16.8.1.3', 'Tue Jul 10 09:12:47 CST 2018', 'bmminer 1.0.0'],
    [3, 63, 650],
    [13_500, 1_350],
    [2, 6_200],
  ),
  'antminer-s19': model(
    'antminer-s19',
    ['Antminer S19', '49.0.1.3', 'Mon Nov 14 11:02:26 CST 2022', 'cgminer 1.0.0'],
    [3, 76, 675],
    [95_000, 3_250],
    [4, 6_000],
  ),
  'antminer-s19xp': model(
    'antminer-s19',
    ['Antminer S19 XP', '62.0.1.3', 'Wed Mar 15 17:40:03 CST 2023', 'cgminer 1.0.0'],
    [3, 110, 570],
    [140_000, 3_010],
    [4, 6_800],
  ),
  'antminer-s21': model(
    'antminer-s19',
    ['Antminer S21', 'uart_trans.1.3', 'Thu Jan 18 10:25:51 CST 2024', 'cgminer 1.0.0'],
    [3, 108, 490],
    [200_000, 3_500],
    [4, 6_600],
  ),
  'whatsminer-m30s': model(
    'whatsminer',
    ['M30S+_VE40', '20210722.16.REL', '2.0.3', 'btminer'],
    [3, 148, 740],
    [100_000, 3_400],
    [2, 7_200],
  ),
  'whatsminer-m50s': model(
    'whatsminer',
    ['M50S_VH50', '20230911.12.REL', '2.0.5', 'btminer'],
    [3, 135, 600],
    [126_000, 3_276],
    [2, 7_200],
  ),
  'avalon-1246': model(
    'avalon',
    ['1246-85', '21042001_4ec6bb0_61407fa', '', 'cgminer 4.11.1'],
    [3, 120, 502],
    [85_000, 3_420],
    [4, 7_200],
  ),
  cgminer: model('cgminer', ['', '4.12.1', 'HFX', 'cgminer 4.12.1'], [2, 72, 450], [7_300, 720], [1, 4_800]),
} as const satisfies Record<string, Model>;

const all = { ...farmModels, ...bitmainModels, ...otherModels };

/** Kinds of machine the simulator plays. */
export type ModelName = keyof typeof all;
/** Their names. */
export const modelNames = Object.keys(all) as ModelName[];
/** Every kind of machine, by name. Nominal figures are the makers' data sheets, rounded. */
export const models: Readonly<Record<ModelName, Model>> = all;
