import { inOrder } from '../api/order.ts';
import { CSV_HEADER, csvCell, csvLine } from '../audit/csv.ts';
import { isQueryProblem, parseSearch, SEARCH_PARAMETERS } from '../audit/search.ts';
import { isOutOfSight, sightOf, type Sight } from '../audit/sight.ts';
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
import { openListing, reply } from './listing.ts';
import { withoutParameters } from './query.ts';
import type { ReadsPort } from './ports.ts';
import { refused, Refused } from './refused.ts';

/** Decisions can be large: so many are held while they are streamed. */
const STREAM_PAGE = 200;
const STREAM_TARGETS_PAGE = 10_000;

/** What auditors read, requesters of their own, and operators of what they settle. */
export function readHandlers(reads: ReadsPort): Record<'search' | 'one' | 'targets' | 'trail', Handle> {
  const search = sighted(async (exchange, sight) => {
    const listing = openListing(exchange, [...SEARCH_PARAMETERS], ['json', 'ndjson', 'csv']);
    if (listing instanceof Refused) return listing;
    const wanted = parseSearch(listing.query);
    if (isQueryProblem(wanted)) return refused('request.query', wanted.detail);
    if (isOutOfSight(sight, wanted))
      return notAllowed(exchange.principal, 'the role auditor, which sees refusals and pre-flights,');
    const fetchPage = (page: PageRequest) => reads.search(wanted, sight, page);
    return await reply(exchange, listing, fetchPage, {
      pageSize: STREAM_PAGE,
      shown: inOrder,
      csvHead: CSV_HEADER,
      csvLine,
    });
  });

  const one = sighted(async (exchange, sight) => {
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
    const fetchPage = async (page: PageRequest): Promise<Page<string>> => {
      const ids = await reads.targets(id, sight, page);
      return ids === undefined || ids === 'unresolved' ? { items: [] } : ids;
    };
    const options = {
      pageSize: STREAM_TARGETS_PAGE,
      csvHead: 'id\r\n',
      csvLine: (name: string) => `${csvCell(name)}\r\n`,
    };
    return await reply(exchange, listing, fetchPage, options);
  });

  const trail: Handle = async exchange => {
    const listing = openListing(exchange, [], ['json', 'ndjson']);
    if (listing instanceof Refused) return listing;
    return await reply(exchange, listing, page => reads.trail(page), { pageSize: STREAM_PAGE });
  };

  return { search, one: withoutParameters(one), targets, trail: only(['auditor'], trail) };
}

const sighted =
  (handle: (exchange: Exchange, sight: Sight) => Promise<Reply>): Handle =>
  async exchange => {
    const sight = sightOf(exchange.principal);
    return sight === undefined
      ? notAllowed(exchange.principal, 'the roles auditor, requester and operator')
      : await handle(exchange, sight);
  };
