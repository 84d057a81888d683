import { Server as TlsServer } from 'node:tls';
import type { AddressInfo } from 'node:net';
import type { HttpServer } from './server.ts';

/** A server that listens. */
export interface Serving {
  /** `http://host:port`, or https. */
  readonly address: string;
  /** Takes no new connection; ends when `drain` has, and every answer is written. */
  close(drain: () => Promise<void>): Promise<void>;
}

/** A head or a body that is on its way when the gate stops has this long to arrive. */
const LAST_BYTES_MS = 5_000;
/** Between two looks for connections on which nothing is under way. */
const IDLE_MS = 50;

/** @throws the system's error when the address cannot be had */
export async function serveOn(
  { server, connections }: HttpServer,
  { host, port }: { readonly host: string; readonly port: number },
  lastBytesMs = LAST_BYTES_MS,
): Promise<Serving> {
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(port, host, resolve);
  });
  return {
    address: `${server instanceof TlsServer ? 'https' : 'http'}://${addressOf(server.address())}`,
    close: async drain => {
      const closed = new Promise(resolve => server.close(resolve));
      const idle = setInterval(() => server.closeIdleConnections(), IDLE_MS);
      let waiting: NodeJS.Timeout | undefined;
      const late = setTimeout(() => {
        waiting = setInterval(() => connections.hangUpOnWaiting(), IDLE_MS);
      }, lastBytesMs);
      await drain();
      await closed;
      clearInterval(idle);
      clearTimeout(late);
      clearInterval(waiting);
    },
  };
}

function addressOf(address: AddressInfo | string | null): string {
  if (address === null || typeof address === 'string') throw new Error('the server listens on no port');
  const host = address.family === 'IPv6' ? `[${address.address}]` : address.address;
  return `${host}:${address.port}`;
}
