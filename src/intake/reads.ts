import { inOrder } from '../api/order.ts';
import { formatCursor, parseCursor } from '../audit/cursor.ts';
import { CSV_HEADER, csvCell, csvLine } from '../audit/csv.ts';
import { isQueryProblem, parseSearch, SEARCH_PARAMETERS } from '../audit/search.ts';
import { sightOf, type Sight } from '../audit/sight.ts';
import type { Page, PageRequest } from '../audit/views.ts';
import {
  idOf,
  json,
  notAllowed,
  notFound,
  only,
  type Exchange,
  type Handle,
  type Reply,
} from './exchange.ts';
import { parseLimit, parseQuery } from './query.ts';
import type { ReadsPort } from './ports.ts';
import { refused, Refused } from './refused.ts';

const DEFAULT_PAGE = 100;
/** Decisions can be large: so many are held while they are streamed. */
const STREAM_PAGE = 200;
const STREAM_TARGETS_PAGE = 10_000;

type Format = 'json' | 'ndjson' | 'csv';

const types: Readonly<Record<Format, string>> = {
  json: 'application/json',
  ndjson: 'application/x-ndjson',
  csv: 'text/csv',
};

/** What auditors read, requesters of their own, and operators of what they settle. */
export function readHandlers(reads: ReadsPort): Record<'search' | 'one' | 'targets' | 'trail', Handle> {
  const search = sighted(async (exchange, sight) => {
    const listing = openListing(exchange, [...SEARCH_PARAMETERS], ['json', 'ndjson', 'csv']);
    if (listing instanceof Refused) return listing;
    const wanted = parseSearch(listing.query);
    if (isQueryProblem(wanted)) return refused('request.query', wanted.detail);
    const fetch = (page: PageRequest) => reads.search(wanted, sight, page);
    return await reply(listing, fetch, {
      pageSize: STREAM_PAGE,
      shown: inOrder,
      csvHead: CSV_HEADER,
      csvLine,
    });
  });

  const one = sighted(async (exchange, sight) => {
    const query = parseQuery(exchange.query, []);
    if (query instanceof Refused) return query;
    const id = idOf(exchange);
    const view = id === undefined ? undefined : await reads.one(id, sight);
    return view === undefined ? notFound() : json(inOrder(view));
  });

  const targets = sighted(async (exchange, sight) => {
    const listing = openListing(exchange, [], ['json', 'ndjson', 'csv']);
    if (listing instanceof Refused) return listing;
    const id = idOf(exchange);
    const first = id === undefined ? undefined : await reads.targets(id, sight, { limit: 1 });
    if (id === undefined || first === undefined) return notFound();
    if (first === 'unresolved') {
      return notFound('This request has no target set: it was refused before its targets were resolved.');
    }
    const fetch = async (page: PageRequest): Promise<Page<string>> => {
      const ids = await reads.targets(id, sight, page);
      return ids === undefined || ids === 'unresolved' ? { items: [] } : ids;
    };
    const options = {
      pageSize: STREAM_TARGETS_PAGE,
      csvHead: 'id\r\n',
      csvLine: (name: string) => `${csvCell(name)}\r\n`,
    };
    return await reply(listing, fetch, options);
  });

  const trail: Handle = async exchange => {
    const listing = openListing(exchange, [], ['json', 'ndjson']);
    if (listing instanceof Refused) return listing;
    return await reply(listing, page => reads.trail(page), { pageSize: STREAM_PAGE });
  };

  return { search, one, targets, trail: only(['auditor'], trail) };
}

const sighted =
  (handle: (exchange: Exchange, sight: Sight) => Promise<Reply>): Handle =>
  async exchange => {
    const sight = sightOf(exchange.principal);
    return sight === undefined
      ? notAllowed(exchange.principal, 'the roles auditor, requester and operator')
      : await handle(exchange, sight);
  };

interface Listing {
  readonly query: ReadonlyMap<string, string>;
  readonly format: Format;
  /** As asked for. */
  readonly limit?: number;
  readonly from?: number;
  /** What a cursor belongs to: the path and the filters. */
  readonly cursorOf: string;
}

function openListing(
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
  return format ?? refused('request.not_acceptable', `This can be had as ${offered}.`);
}

interface StreamOptions<Item> {
  readonly pageSize: number;
  /** An item as JSON shows it, where that is not as it came. */
  readonly shown?: (item: Item) => object;
  readonly csvHead?: string;
  readonly csvLine?: (item: Item) => string;
}

async function reply<Item extends object | string>(
  listing: Listing,
  fetch: (page: PageRequest) => Promise<Page<Item>>,
  options: StreamOptions<Item>,
): Promise<Reply> {
  const { format, limit, from, cursorOf } = listing;
  const shown = options.shown ?? ((item: Item): object | string => item);
  if (format === 'json') {
    const page = await fetch({ limit: limit ?? DEFAULT_PAGE, ...(from !== undefined && { from }) });
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
  return { type: 'stream', headers, pieces: pieces(listing, fetch, options.pageSize, { head, line }) };
}

const ndjsonLine = (item: object | string): string => `${JSON.stringify(item)}\n`;

/** All of it, or as much as `limit` says, in pages that each begin where the one before ended. */
async function* pieces<Item>(
  { limit, from: start }: Listing,
  fetch: (page: PageRequest) => Promise<Page<Item>>,
  pageSize: number,
  text: { readonly head: string | undefined; readonly line: (item: Item) => string },
): AsyncGenerator<string, void> {
  let left = limit ?? Number.POSITIVE_INFINITY;
  let from = start;
  let head = text.head ?? '';
  do {
    const page = await fetch({ limit: Math.min(left, pageSize), ...(from !== undefined && { from }) });
    yield head + page.items.map(item => text.line(item)).join('');
    head = '';
    left -= page.items.length;
    from = page.next;
  } while (from !== undefined && left > 0);
}
