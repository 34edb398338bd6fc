import { within } from '../actor/within.js';
import { AppError } from '../domain/errors.js';

/** The promise, or `DATABASE_UNAVAILABLE` once `ms` have passed; the late outcome is dropped. */
export function withDatabaseDeadline<T>(promise: Promise<T>, ms: number): Promise<T> {
  return within(
    promise,
    ms,
    () => new AppError('DATABASE_UNAVAILABLE', 'The database did not answer in time'),
  );
}
