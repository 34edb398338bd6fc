import type { Replies } from '../reply.js';
import { bitmainFirmware } from './antminer-family.js';
import { antminerRecords } from './antminer-records.js';
import { braiinsModel } from './model-names.js';
import { row, textOf } from './records.js';

/**
 * Braiins OS before bosminer (2018–2020): bmminer in Bitmain's layout, version `bOS_am1-s9-20190221-0_572dd48c`,
 * `Type` `braiins-am1-s9`.
 */
export const braiinsBmminer = {
  ...bitmainFirmware({
    name: 'braiins-bmminer',
    firmware: ['Braiins OS'],
    add: ({ head, version }) => ({
      identity: { vendor: 'Bitmain', model: braiinsModel(textOf(head, 'Type') ?? textOf(version, 'Type')) },
    }),
  }),
  matches: (replies: Replies) => {
    const { head, version } = antminerRecords(replies);
    const told = [head, version].flatMap((it) => [textOf(it, 'Type'), textOf(it, 'BMMiner', 'CGMiner')]);
    const description = textOf(row(replies, ['version'], 'STATUS'), 'Description');
    return [...told, description].some((it) => it !== null && /\bbos_|^braiins-/i.test(it));
  },
};
