import { connect as connectTcp, isIP, type Socket } from 'node:net';
import { connect as connectTls } from 'node:tls';

export const isSecure = (url: URL): boolean => url.protocol === 'https:';

/** A plain or TLS connection, straight to where the URL says. */
export function openSocket(url: URL): Socket {
  const host = url.hostname.startsWith('[') ? url.hostname.slice(1, -1) : url.hostname;
  const secure = isSecure(url);
  const port = url.port === '' ? (secure ? 443 : 80) : Number(url.port);
  const socket = secure
    ? connectTls({
        host,
        port,
        ALPNProtocols: ['http/1.1'],
        // Said, or NODE_TLS_REJECT_UNAUTHORIZED in the environment would decide.
        rejectUnauthorized: true,
        ...(isIP(host) === 0 ? { servername: host } : {}),
      })
    : connectTcp({ host, port });
  return socket.setNoDelay(true);
}
