/** Lock of a shard under poll; a string, the holder's token. */
export const busyKeyOf = (shardId: string): string => `headframe:busy:${shardId}`;
/** The slot of a shard polled last; a string. */
export const doneKeyOf = (shardId: string): string => `headframe:done:${shardId}`;
/** Addresses of a shard that commands hold; a hash, each with the end of its time, ms by Redis's clock. */
export const heldKeyOf = (shardId: string): string => `headframe:held:${shardId}`;
/** Who holds each of them; a hash of addresses and tokens. */
export const holdersKeyOf = (shardId: string): string => `headframe:holders:${shardId}`;
/** What pollers have learned of a shard's miners; a hash of `slot` and `gz`. */
export const profilesKeyOf = (shardId: string): string => `headframe:profiles:${shardId}`;
