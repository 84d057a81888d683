import { readPieces, refuseEncoding } from './body.ts';
import { notAllowed, parameter, replyOf, type Exchange, type Handle, type Reply } from './exchange.ts';
import { inventoryFormat } from './headers.ts';
import type { LoadRequest } from '../inventory/inventory.ts';
import type { InventoryPort } from './ports.ts';
import { parseQuery } from './query.ts';
import { refused, Refused } from './refused.ts';

/** The two ways in for an inventory. Both stream: nothing of a load is held here. */
export function loadHandlers(inventory: InventoryPort): Record<'put' | 'patch', Handle> {
  return {
    put: async exchange => {
      const load = openLoad(exchange, ['expect', 'as_of', 'force', 'reason'], ['ndjson', 'csv']);
      return await answered(load, one => inventory.put(one));
    },
    patch: async exchange => {
      const load = openLoad(exchange, ['expect', 'force', 'reason'], ['ndjson']);
      return await answered(load, one => inventory.patch(one));
    },
  };
}

async function answered(
  load: LoadRequest | Refused,
  run: (load: LoadRequest) => ReturnType<InventoryPort['put']>,
): Promise<Reply> {
  return load instanceof Refused ? load : replyOf(await run(load));
}

function openLoad(
  exchange: Exchange,
  parameters: readonly string[],
  formats: readonly LoadRequest['format'][],
): LoadRequest | Refused {
  const { req, principal, query: text } = exchange;
  const query = parseQuery(text, parameters, 'request.invalid');
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
    format,
    content: readPieces(exchange),
    query,
  };
}
