import { Buffer } from 'node:buffer';
import process from 'node:process';

/** An ingest thread that does what the body says: exit, throw, loop, or answer an empty upload. */
export default function ingest(task) {
  const words = Buffer.from(task.body).toString('utf8');
  if (words === 'exit') process.exit(3);
  if (words === 'throw') throw new Error('thrown on purpose');
  while (words === 'loop');
  return {
    kind: 'parsed',
    batchId: '00000000-0000-8000-8000-000000000000',
    rows: Buffer.from('[]'),
    rowCount: 0,
    onlineCount: 0,
    indexes: new Uint32Array(0),
    online: new Uint8Array(0),
    rejected: [],
    newestMs: null,
  };
}
