import { rejected } from './outcome.js';
import type { Writer } from './writer.js';

const reason = 'how this firmware is written to is not known for certain; use its own page';

/** Firmware of which only the reading is known: nothing is sent on a guess. */
export const unwritten: Writer = {
  families: ['elphapex', 'goldshell', 'proto', 'obelisk', 'bitfury'],
  refuse: () => reason,
  run: async () => rejected(reason),
};
