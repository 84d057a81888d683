import { readLines } from './read-lines.ts';
import type { Call } from './attempt.ts';
import { ClientMisuseError, NoAnswerError } from './errors.ts';
import { answerOf, noAnswer, send, sendForStream, type Line } from './send.ts';
import type { Answer, Listing } from './types.ts';
import { withQuery } from './write-json.ts';

/** The most that the gate gives in one page. */
const PAGE = 1000;

/** Which list, and how long an attempt at a page may take. */
export interface ListCall {
  readonly path: string;
  readonly filters: object;
  readonly withinMs: number;
}

interface Page<Item> {
  readonly items: readonly Item[];
  readonly next: string | null;
}

/**
 * A list, item by item; a no at its beginning is an answer.
 * @throws NoAnswerError, and while it is read too: what breaks off must not be taken for the end
 */
export async function listItems<Item>(
  line: Line,
  list: ListCall,
  { as = 'pages', limit = Number.POSITIVE_INFINITY, signal }: Listing,
): Promise<Answer<AsyncIterable<Item>>> {
  if (!(limit === Number.POSITIVE_INFINITY || (Number.isSafeInteger(limit) && limit >= 1)))
    throw new ClientMisuseError('`limit` is a whole number above 0.');
  const aborted = signal === undefined ? {} : { signal };
  const callFor = (parameters: object): Call => ({
    method: 'GET',
    path: withQuery(list.path, { ...list.filters, ...parameters }),
    repeatable: true,
    withinMs: list.withinMs,
    ...aborted,
    yes: { statuses: [200], members: ['items', 'next'] },
  });
  if (as === 'stream') return await streamItems(line, callFor(limit <= PAGE ? { limit } : {}), limit);
  const pageCall = (left: number, cursor?: string): Call =>
    callFor({ limit: Math.min(left, PAGE), ...(cursor !== undefined && { cursor }) });
  const first = await fetchPage<Item>(line, pageCall(limit));
  return first.ok ? { ...first, value: turnPages(line, first.value, pageCall, limit) } : first;
}

/** Only null is the end: a page that does not say whether there is more is none. */
async function fetchPage<Item>(line: Line, call: Call): Promise<Answer<Page<Item>>> {
  const answer = answerOf<Partial<Page<Item>>>(await send(line, call));
  if (!answer.ok) return answer;
  const { items, next } = answer.value;
  if (Array.isArray(items) && (next === null || (typeof next === 'string' && next !== '')))
    return { ...answer, value: { items, next } };
  const { status } = answer;
  throw noAnswer(line, call, `it answered ${status}, and with no page of a list`, { status });
}

async function* turnPages<Item>(
  line: Line,
  first: Page<Item>,
  callFor: (left: number, cursor: string) => Call,
  limit: number,
): AsyncGenerator<Item, void> {
  let page = first;
  let left = limit;
  for (;;) {
    yield* page.items;
    left -= page.items.length;
    if (page.next === null || left <= 0) return;
    const call = callFor(left, page.next);
    const answer = await fetchPage<Item>(line, call);
    if (!answer.ok) {
      const { status, problem } = answer;
      throw noAnswer(line, call, `it answered ${status} to a later page: ${problem.title}`, { status });
    }
    page = answer.value;
  }
}

async function streamItems<Item>(
  line: Line,
  call: Call,
  limit: number,
): Promise<Answer<AsyncIterable<Item>>> {
  const streamed = await sendForStream(line, { ...call, accept: 'application/x-ndjson' });
  if (!streamed.ok) return answerOf(streamed);
  return {
    ok: true,
    status: streamed.status,
    value: takeItems(line, call, readLines<Item>(streamed.pieces), limit),
  };
}

async function* takeItems<Item>(
  line: Line,
  call: Call,
  items: AsyncIterable<Item>,
  limit: number,
): AsyncGenerator<Item, void> {
  let left = limit;
  try {
    for await (const item of items) {
      yield item;
      left -= 1;
      if (left <= 0) return;
    }
  } catch (thrown) {
    call.signal?.throwIfAborted();
    if (thrown instanceof NoAnswerError) throw thrown;
    throw noAnswer(line, call, 'the answer is not the lines of JSON that a gate sends');
  }
}
