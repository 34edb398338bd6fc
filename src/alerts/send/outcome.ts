/**
 * What became of one attempt to tell. Details name no secret: an address may be one.
 *
 * - `sent`: the receiver took it.
 * - `retry`: not now; `afterMs` when the receiver said how long.
 * - `refused`: trying again would not help.
 */
export type SendOutcome =
  | { readonly kind: 'sent' }
  | { readonly kind: 'retry'; readonly detail: string; readonly afterMs: number | null }
  | { readonly kind: 'refused'; readonly detail: string };

/** The receiver said no for good. */
export const refused = (detail: string): SendOutcome => ({ kind: 'refused', detail });

/** It may work later. */
export const retryLater = (detail: string, afterMs: number | null = null): SendOutcome => ({
  kind: 'retry',
  detail,
  afterMs,
});
