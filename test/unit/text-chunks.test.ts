import { randomBytes } from 'node:crypto';
import { expect, it } from 'vitest';
import { TextChunks } from '../../workers/text-chunks.js';

it('gives back what was added, of any length and alphabet, and is empty then', () => {
  const chunks = new TextChunks();
  for (let round = 0; round < 3; round += 1) {
    const texts = [1, 10, 5_000, 50_000, 200_000, 0, 3].map(
      (bytes) => `${randomBytes(bytes).toString('hex')}°矿`,
    );
    for (const text of texts) chunks.add(text);
    expect(chunks.take().toString('utf8')).toBe(texts.join(''));
    expect(chunks.take().length).toBe(0);
  }
});

it('does not hand out memory that is written to again', () => {
  const chunks = new TextChunks();
  chunks.add('first');
  const first = chunks.take();
  chunks.add('other');
  chunks.take();
  expect(first.toString()).toBe('first');
});
