import type { Client } from 'pg';
import type { Witness } from './throughput.ts';

const counted = `
  select count(*) filter (where mode = 'request' and decision = 'refused')::int as refused,
    count(*) filter (where mode = 'preflight')::int as preflight,
    (select count(*) from operations where outcome = 'delivered')::int as delivered
  from decisions`;

/** The rows of a gate's database, and what its executor says. */
export function witnessOf(client: Client, executor: { readonly url: string }): Witness {
  return {
    recorded: async () => {
      const { rows } = await client.query<{ refused: number; preflight: number; delivered: number }>(counted);
      const [row] = rows;
      if (row === undefined) throw new Error('a count without a row');
      return { refused: row.refused, 'pre-flight': row.preflight, delivered: row.delivered };
    },
    received: async () => Number(await (await fetch(executor.url)).text()),
  };
}
