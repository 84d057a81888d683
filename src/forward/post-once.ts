import { connect as connectTcp, isIP, type Socket } from 'node:net';
import { connect as connectTls } from 'node:tls';
import { Client, type buildConnector } from 'undici';
import { asError } from '../kit/fault.ts';
import type { AnswerHeaders } from './read-answer.ts';

/** One POST to be sent at most once. */
export interface Post {
  readonly url: URL;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
  /** For the whole exchange, the connection included, milliseconds. */
  readonly timeoutMs: number;
  /** Aborted when nobody waits for late answers any more: the gate is stopping. */
  readonly stopped: AbortSignal;
  /** Asked right before the first byte is written to the connection that is up. A text says why nothing may be written. */
  readonly mayNotWrite: () => string | undefined;
}

/** How far one POST came. */
export type Exchange =
  | { readonly reached: 'answer'; readonly httpStatus: number; readonly headers: AnswerHeaders }
  /** Written, perhaps only in part; no final head came in time. `late` is what came after all, where the connection is still up. */
  | { readonly reached: 'sent'; readonly why: string; readonly late?: Promise<Exchange> }
  /** `mayNotWrite` spoke; nothing was written. */
  | { readonly reached: 'connection'; readonly why: string }
  | { readonly reached: 'nothing'; readonly why: string };

/** An answer's head may be so large, bytes. */
const MAX_HEAD_BYTES = 16 * 1024;
/** After the head, so much of a body is read and thrown away before the connection is closed over the executor's head. */
const MAX_BODY_BYTES = 64 * 1024;
const MAX_BODY_MS = 1_000;
/** So long after the time-out a late answer is still listened for. */
const LATE_MS = 10 * 60_000;
/** What a timer of node can hold, milliseconds. */
export const MAX_TIMER_MS = 2 ** 31 - 1;

/**
 * Sends one POST over a connection of its own and resolves with the first final head, or how far it came. Never rejects, never
 * sends twice, follows nothing, knows no proxy, and leaves no connection behind but the one that a late answer may come on.
 */
export function postOnce(post: Post): Promise<Exchange> {
  return new Promise(resolve => {
    let reached: 'nothing' | 'connection' | 'sent' = 'nothing';
    let socket: Socket | undefined;
    let settled = false;
    let bodyBytes = 0;
    let settleLate: ((exchange: Exchange) => void) | undefined;

    const client = new Client(post.url.origin, {
      connect: connectOnce,
      pipelining: 1,
      allowH2: false,
      maxHeaderSize: MAX_HEAD_BYTES,
      // The one timer below is for the whole exchange; these begin anew with each phase, or byte.
      headersTimeout: 0,
      bodyTimeout: 0,
    });

    /** Ends the connection in whatever state it is; the client does not know one that is still being made. */
    const hangUp = (): void => {
      clearTimeout(timer);
      post.stopped.removeEventListener('abort', stop);
      socket?.destroy();
      client.destroy(null, () => undefined);
    };
    const stop = (): void => breakOff('the gate stopped');
    const settle = (exchange: Exchange): void => {
      settleLate?.(exchange);
      if (settled) return;
      settled = true;
      clearTimeout(timer);
      resolve(exchange);
    };
    const breakOff = (why: string): void => {
      settle({ reached, why });
      hangUp();
    };
    /** The time is over. What was sent may still be answered: the connection stays, and nobody waits for it. */
    const expire = (): void => {
      if (reached !== 'sent') {
        breakOff('no connection was made in time');
        return;
      }
      const why = 'no answer came in time';
      const late = new Promise<Exchange>(answered => {
        settleLate = answered;
      });
      settled = true;
      resolve({ reached, why, late });
      timer = setTimeout(() => breakOff(why), LATE_MS).unref();
      socket?.unref();
      if (post.stopped.aborted) stop();
      else post.stopped.addEventListener('abort', stop, { once: true });
    };
    let timer = setTimeout(expire, Math.min(post.timeoutMs, MAX_TIMER_MS));

    /** A second connection could only carry the request a second time. */
    function connectOnce(_options: buildConnector.Options, callback: buildConnector.Callback): void {
      if (socket !== undefined) {
        breakOff('the connection broke');
        callback(new Error('one connection an attempt'), null);
        return;
      }
      const made = openSocket(post.url);
      socket = made;
      const connected = (): void => {
        made.off('error', failed);
        callback(null, made);
      };
      const failed = (error: Error): void => {
        breakOff(`no connection was made (${codeOf(error)})`);
        callback(error, null);
      };
      // undici listens for errors once the connection is its own; until then, and after it is ended, nobody would.
      made.on('error', () => undefined);
      made.once('error', failed);
      made.once(isSecure(post.url) ? 'secureConnect' : 'connect', connected);
    }

    client.dispatch(
      {
        method: 'POST',
        path: `${post.url.pathname}${post.url.search}`,
        headers: { ...post.headers },
        body: post.body,
        idempotent: false,
        reset: true,
      },
      {
        // Called by undici in the same turn in which it writes, with nothing in between.
        onRequestStart(controller) {
          if (reached !== 'nothing' || settled) {
            controller.abort(new Error('one request an attempt'));
            return;
          }
          reached = 'connection';
          const no = speak(post.mayNotWrite);
          if (no === undefined) {
            reached = 'sent';
            return;
          }
          settle({ reached, why: no });
          controller.abort(new Error(no));
          hangUp();
        },
        onResponseStart(_controller, httpStatus, headers) {
          if (httpStatus < 200) return;
          settle({ reached: 'answer', httpStatus, headers });
          timer = setTimeout(hangUp, MAX_BODY_MS).unref();
        },
        onResponseData(_controller, chunk) {
          bodyBytes += chunk.length;
          if (bodyBytes > MAX_BODY_BYTES) hangUp();
        },
        onResponseEnd: hangUp,
        onRequestUpgrade: () => breakOff('the executor changed the protocol'),
        onResponseError(_controller, error) {
          breakOff(
            reached === 'sent'
              ? `no whole answer came (${codeOf(error)})`
              : `the request could not be made (${codeOf(error)})`,
          );
        },
      },
    );
  });
}

const isSecure = (url: URL): boolean => url.protocol === 'https:';

/** A plain or TLS connection, straight to where the URL says. */
function openSocket(url: URL): Socket {
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

/** A guard that throws has not said yes. */
function speak(mayNotWrite: () => string | undefined): string | undefined {
  try {
    return mayNotWrite();
  } catch (thrown) {
    return `the last look before sending failed: ${asError(thrown).message}`;
  }
}

/** The code of an error, or its kind: its message may hold addresses or bytes that the executor sent. */
function codeOf(error: Error): string {
  return 'code' in error && typeof error.code === 'string' ? error.code : error.name;
}
