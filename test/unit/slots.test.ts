import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { isLate, nextSlot, slotAt } from '../../src/domain/slots.js';

const grid = fc
  .record({
    intervalMs: fc.integer({ min: 1000, max: 3_600_000 }),
    phase: fc.double({ min: 0, max: 0.999, noNaN: true }),
  })
  .map(({ intervalMs, phase }) => ({ intervalMs, phaseMs: Math.floor(intervalMs * phase) }));
const instant = fc.integer({ min: 0, max: 4e12 });

describe('slots', () => {
  it('hold the instant they are of, on the grid, one interval long', () => {
    fc.assert(
      fc.property(instant, grid, (now, g) => {
        const slot = slotAt(now, g);
        expect(slot).toBeLessThanOrEqual(now);
        expect(slot + g.intervalMs).toBeGreaterThan(now);
        expect(Math.abs((slot - g.phaseMs) % g.intervalMs)).toBe(0);
        expect(nextSlot(now, g)).toBe(slot + g.intervalMs);
        expect(isLate(slot, now, g)).toBe(false);
        expect(isLate(slot, slot + g.intervalMs, g)).toBe(true);
      }),
    );
  });
});
