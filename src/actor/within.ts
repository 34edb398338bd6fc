/** The promise, or the failure that `late` makes once `ms` have passed; what comes after is dropped. */
export async function within<T>(promise: PromiseLike<T>, ms: number, late: () => Error): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const over = new Promise<never>((_resolve, reject) => {
    timer = setTimeout(() => reject(late()), ms);
  });
  try {
    return await Promise.race([promise, over]);
  } finally {
    clearTimeout(timer);
  }
}

/** Waits for `work`, at the longest until the deadline: then it is aborted, and waited for no more. */
export async function untilDeadline(
  work: Promise<unknown>,
  deadlineMs: number,
  abort: AbortController,
): Promise<void> {
  let timer: NodeJS.Timeout | undefined;
  const over = new Promise<void>((resolve) => {
    timer = setTimeout(() => {
      abort.abort();
      setImmediate(resolve);
    }, deadlineMs);
  });
  try {
    await Promise.race([work, over]);
  } finally {
    clearTimeout(timer);
  }
}
