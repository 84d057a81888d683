import { formatCursor, parseCursor } from '../audit/cursor.ts';
import type { Page, PageRequest } from '../audit/views.ts';
import { json, type Exchange, type Reply } from './exchange.ts';
import { parseLimit, parseQuery } from './query.ts';
import { refused, Refused } from './refused.ts';

/* Lists in pages, or whole as lines: how they are asked for and answered. */

const DEFAULT_PAGE = 100;

type Format = 'json' | 'ndjson' | 'csv';

const types: Readonly<Record<Format, string>> = {
  json: 'application/json',
  ndjson: 'application/x-ndjson',
  csv: 'text/csv',
};

export interface Listing {
  readonly query: ReadonlyMap<string, string>;
  readonly format: Format;
  /** As asked for. */
  readonly limit?: number;
  readonly from?: number;
  /** What a cursor belongs to: the path and the filters. */
  readonly cursorOf: string;
}

export function openListing(
  exchange: Exchange,
  parameters: readonly string[],
  formats: readonly Format[],
): Listing | Refused {
  const query = parseQuery(exchange.query, [...parameters, 'limit', 'cursor']);
  if (query instanceof Refused) return query;
  const limit = parseLimit(query);
  if (limit instanceof Refused) return limit;
  const format = accepted(exchange, formats);
  if (format instanceof Refused) return format;
  const filters = [...query]
    .filter(([name]) => name !== 'limit' && name !== 'cursor')
    .toSorted(([a], [b]) => (a < b ? -1 : 1));
  const cursorOf = JSON.stringify([exchange.req.path, filters]);
  const cursor = query.get('cursor');
  const from = cursor === undefined ? undefined : parseCursor(cursor, cursorOf);
  if (cursor !== undefined && from === undefined) {
    return refused('request.query', 'The cursor is not one that this very search gave.');
  }
  return {
    query,
    format,
    cursorOf,
    ...(limit !== undefined && { limit }),
    ...(from !== undefined && { from }),
  };
}

/** By `Accept`, with its qualities; among equals JSON first. */
function accepted({ req }: Exchange, formats: readonly Format[]): Format | Refused {
  const best = req.accepts(formats.map(format => types[format]));
  const format = formats.find(one => types[one] === best);
  const offered = formats.map(one => types[one]).join(', ');
  if (format === undefined) return refused('request.not_acceptable', `This can be had as ${offered}.`);
  // By any other its end is the end of the connection, and so is a gate that dies: half a trail would be taken for the whole.
  if (format !== 'json' && req.httpVersion !== '1.1')
    return refused(
      'request.not_acceptable',
      `By HTTP/${req.httpVersion} this can be had as ${types.json} only: of lines nobody could tell the end from a connection that broke. A proxy that asks so may be told to use HTTP/1.1.`,
    );
  return format;
}

export interface StreamOptions<Item> {
  readonly pageSize: number;
  /** An item as JSON shows it, where that is not as it came. */
  readonly shown?: (item: Item) => object;
  readonly csvHead?: string;
  readonly csvLine?: (item: Item) => string;
}

export async function reply<Item extends object | string>(
  exchange: Pick<Exchange, 'isStillKnown'>,
  listing: Listing,
  fetchPage: (page: PageRequest) => Promise<Page<Item>>,
  options: StreamOptions<Item>,
): Promise<Reply> {
  const { format, limit, from, cursorOf } = listing;
  const shown = options.shown ?? ((item: Item): object | string => item);
  if (format === 'json') {
    const page = await fetchPage({ limit: limit ?? DEFAULT_PAGE, ...(from !== undefined && { from }) });
    const next = page.next === undefined ? null : formatCursor(page.next, cursorOf);
    return json({ items: page.items.map(item => shown(item)), next });
  }
  const head = format === 'csv' ? options.csvHead : undefined;
  const line =
    format === 'csv' && options.csvLine !== undefined
      ? options.csvLine
      : (item: Item) => ndjsonLine(shown(item));
  const charset = format === 'csv' ? '; charset=utf-8; header=present' : '; charset=utf-8';
  const headers = { 'content-type': types[format] + charset };
  const fetchWhileKnown = async (page: PageRequest): Promise<Page<Item>> => {
    // A trail can take as long as its reader likes: the answer breaks off, as where the database is lost.
    if (!exchange.isStillKnown()) throw new Error('the key was taken out');
    return await fetchPage(page);
  };
  return {
    type: 'stream',
    headers,
    pieces: pieces(listing, fetchWhileKnown, options.pageSize, { head, line }),
  };
}

const ndjsonLine = (item: object | string): string => `${JSON.stringify(item)}\n`;

/** All of it, or as much as `limit` says, in pages that each begin where the one before ended. */
async function* pieces<Item>(
  { limit, from: start }: Listing,
  fetchPage: (page: PageRequest) => Promise<Page<Item>>,
  pageSize: number,
  text: { readonly head: string | undefined; readonly line: (item: Item) => string },
): AsyncGenerator<string, void> {
  let left = limit ?? Number.POSITIVE_INFINITY;
  let from = start;
  let size = pageSize;
  let head = text.head ?? '';
  do {
    const page = await fetchPage({ limit: Math.min(left, size), ...(from !== undefined && { from }) });
    // A page of large ones ends sooner: the next one looks for few, for each that is looked for is read.
    size = Math.min(pageSize, 2 * Math.max(1, page.items.length));
    yield head + page.items.map(item => text.line(item)).join('');
    head = '';
    left -= page.items.length;
    from = page.next;
  } while (from !== undefined && left > 0);
}
