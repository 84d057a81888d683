import { Client } from 'pg';
import { expect, it } from 'vitest';
import { expectProblem, hosts, until } from '../support/api.ts';
import { principalsFor, type Doc } from '../support/gate.ts';
import { describeWithPostgres } from '../support/postgres.ts';
import { standing } from '../support/standing.ts';

// A key that is taken out while what was asked with it waits for its turn in the ledger.

describeWithPostgres('a key that is taken out', () => {
  const principals = principalsFor(['test.act']);
  const on = standing({ config: { principals }, inventory: { host: hosts('h', 4) } });

  async function load(list: readonly Doc[]): Promise<void> {
    const before = on.gate.logs().length;
    on.gate.rewrite({ executor: on.executor.url, config: { principals: list } });
    process.kill(on.gate.pid, 'SIGHUP');
    const isLoaded = ({ msg }: Doc): boolean => String(msg).startsWith('loaded again');
    await until(
      async () => await Promise.resolve(on.gate.logs().slice(before).some(isLoaded)),
      told => told,
    );
  }

  it('releases no switch, and loads no inventory, that wait for their turn', async () => {
    const engaged = await on.api.engage({ scope: { action: 'test.act' }, reason: 'a test' });
    const rows = new Client({ connectionString: on.database.url });
    await rows.connect();
    await rows.query('begin; select 1 from head for update');
    const released = on.api.release(String(engaged.body.id));
    const loaded = on.api.put('host', hosts('h', 4, { zone: 'elsewhere' }));
    const waits = async (): Promise<number> => {
      const found = await rows.query<{ count: number }>(
        "select count(*)::int as count from pg_locks where not granted and database = (select oid from pg_database where datname = current_database()) or (not granted and locktype in ('transactionid', 'tuple'))",
      );
      return found.rows[0]?.count ?? 0;
    };
    await until(waits, count => count > 0);
    await load(principals.filter(({ name }) => name !== 'operator' && name !== 'feed'));
    await rows.query('commit');
    await rows.end();
    expectProblem(await released, 401, 'request.unauthenticated');
    expectProblem(await loaded, 401, 'request.unauthenticated');
    await load(principals);
    expectProblem(await on.api.submit('test.act', ['h-001']), 423, 'kill_switch.engaged');
    const types = (await on.api.audit()).map(({ type }) => type);
    expect(types.filter(type => type === 'inventory')).toHaveLength(1);
  });
});
