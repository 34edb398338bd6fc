let waiting: Promise<void> | null = null;

/**
 * Resolves when the sockets that are ready now have been served; everybody who waits goes on in one go.
 *
 * Reading a reply takes longer than serving a socket. Put off like this it delays no other connection of
 * the turn, devices work while the thread reads, and each kind of work runs through its own code at a
 * stretch instead of the two evicting each other from the processor's caches.
 */
export function afterSockets(): Promise<void> {
  waiting ??= new Promise((resolve) => {
    setImmediate(() => {
      waiting = null;
      resolve();
    });
  });
  return waiting;
}
