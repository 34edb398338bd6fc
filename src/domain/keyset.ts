import { AppError } from './errors.js';

/**
 * A cursor: what a page was ordered by and where it ended, as opaque text for a URL. It holds values,
 * not a number of rows, so that rows which come or go before it shift nothing.
 */
export function writeCursor(order: string, position: readonly (string | null)[]): string {
  return Buffer.from(JSON.stringify([order, ...position])).toString('base64url');
}

/**
 * The position a cursor of `order` with `length` values holds. Throws `REQUEST_INVALID` for one of
 * another order or damaged.
 */
export function readCursor(text: string, order: string, length: number): (string | null)[] {
  const values = parse(text);
  const position = values?.slice(1) ?? [];
  const isWhole = position.every(
    (value) => value === null || (typeof value === 'string' && !value.includes('\0')),
  );
  if (values?.[0] !== order || position.length !== length || !isWhole) {
    throw new AppError('REQUEST_INVALID', 'Invalid cursor: it is not of this order');
  }
  return position as (string | null)[];
}

function parse(text: string): unknown[] | null {
  try {
    const value: unknown = JSON.parse(Buffer.from(text, 'base64url').toString());
    return Array.isArray(value) ? value : null;
  } catch {
    return null;
  }
}
