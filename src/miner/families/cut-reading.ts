import type { Replies, Reply } from '../reply.js';

/** Commands whose replies were cut, or were behind the cut of a joined one. */
export function truncatedOf(replies: Replies): string[] {
  const truncated: string[] = [];
  for (const reply of replies.values()) if (isCut(reply)) truncated.push(reply.command);
  return truncated;
}

/** Whether a reply lost its end: all of it, where nothing but blanks came. */
export function isCut(reply: Reply): boolean {
  if (reply.kind === 'ok') return reply.isTruncated;
  if (reply.kind === 'unreadable')
    return reply.errorClass === 'truncated' || reply.errorClass === 'empty_reply';
  return reply.kind === 'device_error' && reply.repairs.some((repair) => repair.kind === 'unterminated');
}

/**
 * Commands of which something is missing: cut ones, and those whose connection was closed without a byte,
 * which may be a refusal and may be a loss.
 */
export function lostOf(replies: Replies): string[] {
  const lost: string[] = [];
  for (const [command, reply] of replies)
    if (isCut(reply) || (reply.kind === 'denied' && reply.bytes === 0)) lost.push(command);
  return lost;
}
