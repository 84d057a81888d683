import { readPieces, refuseEncoding } from './body.ts';
import {
  notAllowed,
  notFound,
  parameter,
  replyUnlessKeyGone,
  type Exchange,
  type Handle,
  type Reply,
} from './exchange.ts';
import { inventoryFormat } from './headers.ts';
import { grownFrom } from '../inventory/grown.ts';
import type { LoadRequest } from '../inventory/inventory.ts';
import { isTrialLoad, LOAD_PARAMETERS } from '../inventory/load-query.ts';
import type { Logger } from '../kit/logger.ts';
import { isRefusal } from '../kit/refusal.ts';
import { quote } from '../kit/text.ts';
import type { Metrics } from '../metrics/metrics.ts';
import type { InventoryPort } from './ports.ts';
import { parseQuery } from './query.ts';
import { refused, Refused } from './refused.ts';
import { requestIdOf } from './write-reply.ts';

interface LoadPorts {
  readonly inventory: InventoryPort;
  readonly logger: Logger;
  readonly metrics: Metrics;
}

/** The two ways in for an inventory. Both stream: nothing of a load is held here. */
export function loadHandlers({ inventory, logger, metrics }: LoadPorts): Record<'put' | 'patch', Handle> {
  const answered = async (
    exchange: Exchange,
    method: 'put' | 'patch',
    load: LoadRequest | Refused,
  ): Promise<Reply> => {
    if (load instanceof Refused) return load;
    const result = await inventory[method](load);
    // A kind that is not declared is no label: a client makes it up.
    if (result === undefined)
      return notFound(`No kind ${quote(load.kind)} is declared: GET /readyz/decide lists those that are.`);
    const isLoaded = !isRefusal(result);
    const isTrial = !isLoaded && isTrialLoad(load.query);
    // Of a gate that is stale it says nothing of the source, and the kind may be one that a client made up.
    if (isLoaded || result.status !== 503)
      metrics.loadObserved(load.kind, method, isLoaded ? 'loaded' : isTrial ? 'trial' : 'refused');
    const told = { request_id: requestIdOf(exchange.res), kind: load.kind, method, by: load.by.name };
    const before = isLoaded ? grownFrom(result) : undefined;
    if (before !== undefined)
      logger.warn(
        { ...told, ...result, before },
        'an inventory was loaded, and made its kind more than twice as large: each share of it has grown with it',
      );
    else if (isLoaded) logger.info({ ...told, ...result }, 'an inventory was loaded');
    else if (isTrial)
      logger.info({ ...told, reasons: result.reasons }, 'an inventory was compared, and not loaded');
    else logger.warn({ ...told, reasons: result.reasons }, 'a load of an inventory was refused');
    return replyUnlessKeyGone(exchange, result);
  };
  return {
    put: async exchange => await answered(exchange, 'put', openLoad(exchange, ['ndjson', 'csv'])),
    patch: async exchange => await answered(exchange, 'patch', openLoad(exchange, ['ndjson'])),
  };
}

function openLoad(exchange: Exchange, formats: readonly LoadRequest['format'][]): LoadRequest | Refused {
  const { req, principal, query: text } = exchange;
  const query = parseQuery(text, LOAD_PARAMETERS, 'request.invalid');
  // Who may: the role `inventory`; and to force, an operator, with or without that role.
  const forces = query instanceof Refused ? text.includes('force') : query.has('force');
  if (forces && !principal.roles.has('operator')) return notAllowed(principal, 'an operator');
  if (!forces && !principal.roles.has('inventory')) {
    return notAllowed(principal, 'the role inventory, or an operator with `force`,');
  }
  if (query instanceof Refused) return query;
  const format = inventoryFormat(req.headers['content-type'] ?? '');
  if (format === undefined || !formats.includes(format)) {
    const types = formats.map(one => (one === 'csv' ? 'text/csv' : 'application/x-ndjson')).join(' or ');
    return refused('request.media_type', `The body must be of the type ${types}, in UTF-8.`);
  }
  const encoded = refuseEncoding(req);
  if (encoded !== undefined) return encoded;
  return {
    kind: parameter(exchange, 'kind'),
    by: principal,
    isStillKnown: exchange.isStillKnown,
    format,
    content: readPieces(exchange),
    query,
  };
}
