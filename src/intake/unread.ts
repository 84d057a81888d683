import type { IncomingMessage, Server } from 'node:http';

/** Hangs up on clients whose bodies are not whole yet: nothing of such a body was decided, or is in force. */
export type HangUpOnUnread = () => void;

/** Knows which requests of a server are still being sent, so that a client that stalls cannot keep a stopping gate. */
export function watchUnread(server: Server): HangUpOnUnread {
  const open = new Set<IncomingMessage>();
  const watch = (req: IncomingMessage): void => {
    open.add(req);
    req.once('close', () => open.delete(req));
  };
  server.on('request', watch).on('checkContinue', watch);
  return () => {
    for (const req of open) if (!req.complete) req.destroy();
  };
}
