import { connect } from 'node:net';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { pino } from 'pino';
import { bearer, listen, serving } from './fake-ports.ts';

// An id of a request comes from whoever asks, and stands in the log, on the answer and in a URN: only one plain word may.

const lines: string[] = [];
let listening: Awaited<ReturnType<typeof listen>>;
beforeAll(async () => {
  const logger = pino({ base: null }, { write: line => void lines.push(line) });
  listening = await listen(serving({}, {}, { logger }).server);
});
afterAll(async () => {
  await listening.close();
});

const FRESH = /^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;

interface Heard {
  readonly status: number;
  readonly head: string;
  /** Every `X-Request-Id` of the answer. */
  readonly ids: readonly string[];
  readonly body: string;
  /** What the log says of it. */
  readonly log: string;
}

/** Sends a request with these header lines, as bytes: most of them no client's library would send. */
async function send(start: string, ...headers: string[]): Promise<Heard> {
  lines.length = 0;
  const authorization = `Authorization: ${bearer('operator')}`;
  const bytes = [start, 'Host: x', authorization, 'Connection: close', ...headers, '\r\n'].join('\r\n');
  const answer = await new Promise<string>(resolve => {
    const socket = connect(listening.port, '127.0.0.1');
    let text = '';
    socket.setEncoding('latin1');
    socket.on('data', (chunk: string) => (text += chunk));
    socket.on('error', () => undefined);
    socket.on('close', () => resolve(text));
    socket.write(Buffer.from(bytes, 'latin1'));
  });
  const [head = '', body = ''] = answer.split('\r\n\r\n');
  const ids = [...head.matchAll(/^x-request-id: (.*)$/gim)].map(([, id = '']) => id.trim());
  return { status: Number(/^HTTP\/1\.1 (\d{3})/.exec(head)?.[1]), head, ids, body, log: lines.join('') };
}

const NOTHING = 'GET /v1/nothing HTTP/1.1';
const EVIL = 'evil-7f3c';

describe('a request id from outside', () => {
  it.each([
    ['one letter', 'a'],
    ['128 characters', 'a'.repeat(128)],
    ['one with blanks around it, which are not of the value', ' \t ci.build-1188_a \t'],
  ])('is kept if it is one plain word: %s', async (_what, given) => {
    const { status, ids, body, log } = await send(NOTHING, `X-Request-Id:${given}`);
    expect({ status, ids }).toEqual({ status: 404, ids: [given.trim()] });
    expect(JSON.parse(body)).toMatchObject({ instance: `urn:x-request-id:${given.trim()}` });
    expect(JSON.parse(log)).toMatchObject({ request_id: given.trim() });
  });

  it.each([
    ['nothing', ''],
    ['blanks', ' \t '],
    ['129 characters', `${EVIL}${'a'.repeat(120)}`],
    ['12 KB', EVIL.repeat(1_300)],
    ['a tab within', `${EVIL}\tx`],
    ['a list', `${EVIL}, ${EVIL}`],
    ['bytes beyond ASCII', `${EVIL}\u00ff\u0080`],
    ['JSON', `{"${EVIL}":1}`],
    ['markup', `<script>${EVIL}`],
    ['an option', `-${EVIL}`],
    ['a format of the console', `%s%d${EVIL}`],
    ['a command', `$(${EVIL})`],
    ['a path', `../${EVIL}`],
    ['a workflow command of CI', `::error::${EVIL}`],
  ])('is a fresh one on the answer and in the log, and nothing of it is kept: %s', async (_what, given) => {
    const { status, head, ids, body, log } = await send(NOTHING, `X-Request-Id: ${given}`);
    expect(status).toBe(404);
    expect(ids).toEqual([expect.stringMatching(FRESH)]);
    expect(JSON.parse(body)).toMatchObject({ instance: `urn:uuid:${ids[0]}` });
    expect(JSON.parse(log)).toMatchObject({ request_id: ids[0] });
    expect(head + body + log).not.toContain('evil');
  });

  it('that is sent twice makes the request a 400, with a fresh id', async () => {
    const { status, head, ids, body, log } = await send(
      NOTHING,
      `X-Request-Id: ${EVIL}`,
      `x-request-id: ${EVIL}`,
    );
    expect(status).toBe(400);
    expect(ids).toEqual([expect.stringMatching(FRESH)]);
    expect(JSON.parse(log)).toMatchObject({ request_id: ids[0], rule: 'request.malformed' });
    expect(head + body + log).not.toContain('evil');
  });

  it('that is sent twice does not stand in the way of stopping, nor of a look at the health', async () => {
    const twice = [`X-Request-Id: ${EVIL}`, `X-Request-Id: ${EVIL}2`];
    for (const [start, status] of [
      ['POST /v1/kill-switch HTTP/1.1', 201],
      ['GET /livez HTTP/1.1', 200],
    ] as const) {
      const answer = await send(start, ...twice);
      expect(answer.status, answer.head + answer.body).toBe(status);
      expect(answer.ids).toEqual([expect.stringMatching(FRESH)]);
      expect(answer.head + answer.body + answer.log).not.toContain('evil');
    }
  });

  it.each([
    ['NUL', `X-Request-Id: ${EVIL}\0`],
    ['an escape', `X-Request-Id: \u001b[2J${EVIL}`],
    ['DEL', `X-Request-Id: ${EVIL}\u007f`],
    ['a carriage return alone', `X-Request-Id: ${EVIL}\rX-Other: 1`],
    ['a line feed alone, and a header behind it', `X-Request-Id: ${EVIL}\nX-Other: 1`],
    ['a folded line', `X-Request-Id: ${EVIL}\r\n folded`],
    ['17 KB', `X-Request-Id: ${EVIL.repeat(1_900)}`],
  ])('with %s is never written anywhere, whatever becomes of the request', async (_what, header) => {
    const { status, head, ids, body, log } = await send(NOTHING, header);
    expect([400, 404, 431]).toContain(status);
    expect(ids).toEqual([expect.stringMatching(FRESH)]);
    expect(JSON.parse(body)).toMatchObject({ instance: `urn:uuid:${ids[0]}` });
    // By the id that the client was told, the line is found: there is no other trace.
    expect(JSON.parse(log)).toMatchObject({ request_id: ids[0], status });
    expect(head + body + log).not.toContain('evil');
    expect(head).not.toMatch(/x-other/i);
  });
});

it('a line of the log has the beginning of a path, however long one that anybody may ask for is', async () => {
  const { status, log } = await send(`GET /v1/${'x'.repeat(12_000)} HTTP/1.1`);
  expect(status).toBe(404);
  expect(log).toContain(`"path":"/v1/${'x'.repeat(196)}"`);
  expect(log.length).toBeLessThan(1_000);
});
