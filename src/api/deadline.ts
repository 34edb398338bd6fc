import { AppError } from '../domain/errors.js';

/** The promise, or `DATABASE_UNAVAILABLE` once `ms` have passed; the late outcome is dropped. */
export async function withDatabaseDeadline<T>(promise: Promise<T>, ms: number): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_resolve, reject) => {
    timer = setTimeout(
      () => reject(new AppError('DATABASE_UNAVAILABLE', 'The database did not answer in time')),
      ms,
    );
  });
  try {
    return await Promise.race([promise, late]);
  } finally {
    clearTimeout(timer);
  }
}
