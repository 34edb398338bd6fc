import type { CommandOrder, PoolParams } from '../../domain/commands.js';

/** A pool that is given by its address. */
export type NewPool = Extract<PoolParams, { readonly pool_url: string }>;

/** The pool of an order; `null` when it names one the miner has. */
export const newPool = (params: PoolParams): NewPool | null => ('pool_url' in params ? params : null);

/** What pools take for a password when they ask for none. */
export const noPassword = 'x';

/** True when none of the texts holds what a list with commas, read as text, would split at or end at. */
export function isUnsplit(...texts: readonly string[]): boolean {
  return texts.every((text) => !/[,|\\\p{Cc}]/u.test(text));
}

/** Why a pool cannot be written by a protocol without escapes. */
export const splitReason =
  'this firmware cannot take a comma, a bar or a backslash in a pool or its password';

/** The secrets of an order. */
export function secretsOf(order: CommandOrder): string[] {
  if (order.kind !== 'set_pool' || !('pool_url' in order.params)) return [];
  return order.params.pool_password === undefined ? [] : [order.params.pool_password];
}

/** A parameter of a list with commas as CGMiner reads it back: backslash before comma and backslash. */
export const escapeComma = (text: string): string => text.replace(/[\\,]/g, '\\$&');

/** Pools that are the same for a miner: address and user. */
export const isSamePool = (
  a: { readonly url: string; readonly user: string },
  b: { readonly url: string; readonly user: string },
): boolean => bare(a.url) === bare(b.url) && a.user === b.user;

/** Firmware drops the scheme, or adds it. */
const bare = (url: string): string => url.replace(/^stratum\+tcp:\/\//, '').replace(/\/+$/, '');
