import { rejected } from './outcome.js';
import type { Writer } from './writer.js';

const reason = 'how this firmware is written to is not known for certain; use its own page';

/**
 * Firmware of which only the reading is known: nothing is sent on a guess. Families that are read over HTTP
 * and have no writer of their own come here too.
 */
export const unwritten: Writer = {
  families: ['elphapex'],
  refuse: () => reason,
  run: async () => rejected(reason),
};
