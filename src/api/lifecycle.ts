/** Whether the api still takes work. States: serving → draining, once. */
export interface Lifecycle {
  readonly isDraining: boolean;
  /** Aborts when draining begins: streams end, `/readyz` answers 503. */
  readonly draining: AbortSignal;
  /** Idempotent. */
  drain(): void;
}

/** Starts out serving. Shared by `createApp` and `startServer`. */
export function createLifecycle(): Lifecycle {
  const controller = new AbortController();
  return {
    get isDraining() {
      return controller.signal.aborted;
    },
    draining: controller.signal,
    drain: () => controller.abort(),
  };
}
