import type { PostgresServer } from '../support/postgres-server.ts';
import type { Taken } from '../support/windows.ts';

/** What a server has of one decision. */
export interface Known {
  readonly decision: string;
  readonly status: number;
  readonly outcome: string | undefined;
}

export interface Allowed extends Taken {
  readonly action: string;
  readonly principal: string;
}

/** Every decision that a server has, by its id. */
export async function readKnown(server: PostgresServer): Promise<ReadonlyMap<string, Known>> {
  const rows = await server.ask(
    'select d.id, d.decision, d.status, o.outcome from decisions d left join operations o on o.id = d.id',
    'gate',
  );
  return new Map(
    rows.map(row => [
      String(row['id']),
      {
        decision: String(row['decision']),
        status: Number(row['status']),
        outcome: typeof row['outcome'] === 'string' ? row['outcome'] : undefined,
      },
    ]),
  );
}

/** What was allowed, in the order of the chain. */
export async function readAllowed(server: PostgresServer): Promise<readonly Allowed[]> {
  const rows = await server.ask(
    `select (extract(epoch from decided_at) * 1000)::float8 as at, action, principal, target_count from decisions
     where mode = 'request' and decision = 'allowed' order by seq`,
    'gate',
  );
  return rows.map(row => ({
    atMs: Number(row['at']),
    action: String(row['action']),
    principal: String(row['principal']),
    count: Number(row['target_count']),
  }));
}
