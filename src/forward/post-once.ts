import type { Socket } from 'node:net';
import { crashPoint } from '#crash-point';
import { Client, type buildConnector, type Dispatcher } from 'undici';
import { asError, codeOf } from '../kit/fault.ts';
import type { LateAnswers } from './late-answers.ts';
import { isSecure, openSocket } from './open-socket.ts';
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
  /** Where the connection is kept while a late answer may come on it. */
  readonly late: LateAnswers;
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
const NO_ANSWER = 'no answer came in time';
/** Made once: an error of its own for each attempt that ended well would cost as much as writing it. */
const ATTEMPT_IS_OVER = new Error('the attempt is over');
/** What a timer of node can hold, milliseconds. */
export const MAX_TIMER_MS = 2 ** 31 - 1;

/**
 * Sends one POST over a connection of its own and resolves with the first final head, or how far it came. Never rejects, never
 * sends twice, follows nothing, knows no proxy, and leaves no connection behind but the one that a late answer may come on.
 */
export function postOnce(post: Post): Promise<Exchange> {
  return new Promise(resolve => new Sending(post, resolve).begin());
}

/** One POST under way. */
class Sending {
  readonly #post: Post;
  readonly #client: Client;
  #reached: 'nothing' | 'connection' | 'sent' = 'nothing';
  #socket: Socket | undefined;
  /** Whoever waits: first the caller, after the time-out the `late` of what the caller was told. */
  #tell: (exchange: Exchange) => void;
  #told = false;
  #bodyBytes = 0;
  /** The one timer there is: for the answer, then for one that comes late, or for the rest of a body. */
  #timer: NodeJS.Timeout | undefined;

  constructor(post: Post, tell: (exchange: Exchange) => void) {
    this.#post = post;
    this.#tell = tell;
    this.#client = new Client(post.url.origin, {
      connect: (_options, callback) => this.#connect(callback),
      pipelining: 1,
      allowH2: false,
      maxHeaderSize: MAX_HEAD_BYTES,
      // Our own timer is for the whole exchange; these begin anew with each phase, or byte.
      headersTimeout: 0,
      bodyTimeout: 0,
    });
  }

  begin(): void {
    const { url, headers, body, timeoutMs } = this.#post;
    this.#timer = setTimeout(() => this.#expire(), Math.min(timeoutMs, MAX_TIMER_MS));
    this.#client.dispatch(
      {
        method: 'POST',
        path: `${url.pathname}${url.search}`,
        headers: { ...headers },
        body,
        idempotent: false,
        reset: true,
      },
      {
        onRequestStart: controller => this.#write(controller),
        onResponseStart: (_controller, httpStatus, head) => this.#hear(httpStatus, head),
        onResponseData: (_controller, chunk) => {
          this.#bodyBytes += chunk.length;
          if (this.#bodyBytes > MAX_BODY_BYTES) this.#hangUp();
        },
        onResponseEnd: this.#hangUp,
        onRequestUpgrade: () => this.#breakOff('the executor changed the protocol'),
        onResponseError: (_controller, error) => {
          const what = this.#reached === 'sent' ? 'no whole answer came' : 'the request could not be made';
          this.#breakOff(`${what} (${sayKind(error)})`);
        },
      },
    );
  }

  /** A second connection could only carry the request a second time. */
  #connect(callback: buildConnector.Callback): void {
    if (this.#socket !== undefined) {
      this.#breakOff('the connection broke');
      callback(new Error('one connection an attempt'), null);
      return;
    }
    const { url } = this.#post;
    const made = openSocket(url);
    this.#socket = made;
    const failed = (error: Error): void => {
      this.#breakOff(`no connection was made (${sayKind(error)})`);
      callback(error, null);
    };
    // undici listens for errors once the connection is its own; until then, and after it is ended, nobody would.
    made.on('error', () => undefined);
    made.once('error', failed);
    made.once(isSecure(url) ? 'secureConnect' : 'connect', () => {
      made.off('error', failed);
      callback(null, made);
    });
  }

  /** Called by undici in the same turn in which it writes, with nothing in between. */
  #write(controller: Dispatcher.DispatchController): void {
    if (this.#reached !== 'nothing' || this.#told) {
      controller.abort(new Error('one request an attempt'));
      return;
    }
    this.#reached = 'connection';
    const no = speak(this.#post.mayNotWrite);
    if (no === undefined) {
      crashPoint('forward.unsent');
      this.#reached = 'sent';
      queueMicrotask(() => crashPoint('forward.sent'));
      return;
    }
    this.#settle({ reached: this.#reached, why: no });
    controller.abort(new Error(no));
    this.#hangUp();
  }

  #hear(httpStatus: number, headers: AnswerHeaders): void {
    if (httpStatus < 200) return;
    this.#settle({ reached: 'answer', httpStatus, headers });
    this.#timer = setTimeout(this.#hangUp, MAX_BODY_MS).unref();
  }

  /** The time is over. What was sent may still be answered: the connection stays, and nobody waits for it. */
  #expire(): void {
    if (this.#reached !== 'sent') {
      this.#breakOff('no connection was made in time');
      return;
    }
    const tellInTime = this.#tell;
    const late = new Promise<Exchange>(answered => {
      this.#tell = answered;
    });
    this.#told = true;
    tellInTime({ reached: 'sent', why: NO_ANSWER, late });
    this.#timer = setTimeout(() => this.#breakOff(NO_ANSWER), LATE_MS).unref();
    this.#socket?.unref();
    const { stopped, late: others } = this.#post;
    others.add(this.#giveUp);
    if (stopped.aborted) this.#stop();
    else stopped.addEventListener('abort', this.#stop, { once: true });
  }

  readonly #stop = (): void => this.#breakOff('the gate stopped');

  readonly #giveUp = (): void => this.#breakOff('the gate listened for too many others');

  #settle(exchange: Exchange): void {
    clearTimeout(this.#timer);
    this.#told = true;
    // Only the first word counts: it resolves a promise.
    this.#tell(exchange);
  }

  #breakOff(why: string): void {
    this.#settle({ reached: this.#reached, why });
    this.#hangUp();
  }

  /** Ends the connection in whatever state it is; the client does not know one that is still being made. */
  readonly #hangUp = (): void => {
    clearTimeout(this.#timer);
    this.#post.stopped.removeEventListener('abort', this.#stop);
    this.#post.late.delete(this.#giveUp);
    this.#socket?.destroy();
    this.#client.destroy(ATTEMPT_IS_OVER, () => undefined);
  };
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
function sayKind(error: Error): string {
  const code = codeOf(error);
  return code === '' ? error.name : code;
}
