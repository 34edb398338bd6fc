/**
 * Slot-aligned time: a sample's time is the slot it was scheduled for, not the instant of the answer,
 * so that whoever polls a slot, and however often, names the same row. All times in ms since the epoch.
 */
export interface SlotGrid {
  readonly intervalMs: number;
  readonly phaseMs: number;
}

/** The slot that `now` falls in. */
export function slotAt(now: number, grid: SlotGrid): number {
  return Math.floor((now - grid.phaseMs) / grid.intervalMs) * grid.intervalMs + grid.phaseMs;
}

/** The first slot that begins after `now`. */
export function nextSlot(now: number, grid: SlotGrid): number {
  return slotAt(now, grid) + grid.intervalMs;
}

/**
 * While other jobs wait, one that has waited for a quarter of the time since its shard was polled gives way to
 * shards that were polled longer ago: the order of their slots alone would leave out the same ones always.
 */
export function givesWay(slot: number, polledSlot: number, now: number): boolean {
  return (now - slot) * 4 > slot - polledSlot;
}

/** A job is late when its slot is over: the next one has begun. */
export function isLate(slot: number, now: number, grid: Pick<SlotGrid, 'intervalMs'>): boolean {
  return now >= slot + grid.intervalMs;
}
