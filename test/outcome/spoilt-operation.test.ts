import { expect, it } from 'vitest';

import { hosts, until } from '../support/api.ts';
import { asAdmin, describeWithPostgres } from '../support/postgres.ts';
import { standing } from '../support/standing.ts';

describeWithPostgres(
  'an operation that was sent, and that somebody has made wait again in the database',
  () => {
    const on = standing({
      spoilsStore: true,
      inventory: { host: hosts('h', 2) },
      script: { type: 'answer', status: 500 },
    });

    it('is not sent again to an executor that is not idempotent, and is unknown', async () => {
      const { status, body } = await on.api.submit('test.act', ['h-001']);
      expect([status, body.type]).toEqual([504, '/problems/executor.unknown']);
      await on.gate.stop();
      await asAdmin(
        `set session_replication_role = replica; update operations set phase = 'waiting'`,
        on.database.name,
      );
      const sent = on.executor.received().length;
      expect(sent).toBe(1);
      await on.gate.restart();
      await until(
        async () => JSON.stringify(await on.api.audit()),
        entries => entries.includes('"event":"lost"'),
        15_000,
      );
      expect((await on.api.get(`/v1/requests/${body.id}`)).body.outcome).toMatchObject({ status: 'unknown' });
      expect(on.executor.received()).toHaveLength(sent);
    });
  },
);
