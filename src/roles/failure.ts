/** Where parts report that they have failed for good. */
export interface Failure {
  readonly failed: Promise<never>;
  readonly report: (error: unknown) => void;
}

/** A promise that rejects with the first failure reported; nobody need listen to it. */
export function createFailure(): Failure {
  let report: (error: unknown) => void = () => undefined;
  const failed = new Promise<never>((_resolve, reject) => (report = reject));
  failed.catch(() => undefined);
  return { failed, report };
}
