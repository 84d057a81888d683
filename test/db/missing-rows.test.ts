import path from 'node:path';
import { Pool } from 'pg';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { runDoctor } from '../../src/cli/doctor.ts';
import { refuseMissingRows } from '../../src/db/missing-rows.ts';
import { systemClock } from '../../src/kit/clock.ts';
import { recordedTerminal } from '../cli/recorded-terminal.ts';
import { hosts } from '../support/api.ts';
import { keepTables, putTablesBack } from '../support/kept-tables.ts';
import { asAdmin, describeWithPostgres } from '../support/postgres.ts';
import { standing } from '../support/standing.ts';

describeWithPostgres('a database whose chain is whole, and that lacks rows', () => {
  const on = standing({ inventory: { host: hosts('h', 4) } });
  let pool: Pool;
  beforeAll(async () => {
    pool = new Pool({ connectionString: on.database.url, max: 1 });
    await on.api.submit('test.act', ['h-001']);
    on.executor.behave({ type: 'answer', status: 500 });
    await on.api.submit('test.act', ['h-002']);
    // Refused, and so it is of the newest that were decided, and not of those that were allowed.
    await on.api.submit('test.act', ['nobody']);
    await on.gate.stop();
    await asAdmin(keepTables, on.database.name);
  });
  afterAll(async () => {
    await pool.end();
  });

  const spoil = async (statement: string): Promise<void> => {
    await asAdmin(`set session_replication_role = replica; ${statement}`, on.database.name);
  };

  it('is not what a gate leaves', async () => {
    await expect(refuseMissingRows(pool)).resolves.toBeUndefined();
  });

  it.each([
    ['decisions', 'delete from decisions', /decisions of entry \d+/],
    [
      'the newest decision',
      'delete from decisions where seq = (select max(seq) from decisions)',
      /decisions of entry/,
    ],
    ['operations', 'delete from operations', /operations of decision [0-9a-f-]+\./],
    ['spends', 'delete from spends', /spends of decision [0-9a-f-]+\./],
    ['holds', 'delete from holds', /holds of operation [0-9a-f-]+\./],
    [
      'holds of what is unknown',
      `delete from holds where target_id = 'h-002'`,
      /holds of operation [0-9a-f-]+\./,
    ],
    ['evidence', `update entries set type = 'evidence' where type = 'policy'`, /: evidence of entry \d+\./],
    ['asks', 'delete from asks', /asks of decision [0-9a-f-]+\./],
    ['head', 'delete from head', /: head of its last entry\./],
    ['inventory in force', 'delete from inventory_kinds', /: inventory_kinds of entry \d+\./],
    ['loads', 'delete from inventory_revisions', /: inventory_revisions of kind [a-z-]+\./],
  ])('is refused without its %s', async (_title, statement, lacking) => {
    await spoil(statement);
    try {
      await expect(refuseMissingRows(pool)).rejects.toThrow(lacking);
      await expect(refuseMissingRows(pool)).rejects.toThrow(
        'The database lacks rows that are written with others',
      );
    } finally {
      await asAdmin(putTablesBack, on.database.name);
    }
  });

  it('is refused at the start, and by doctor, and starts when they are there again', async () => {
    await spoil('delete from spends');
    const refused: unknown = await on.gate.restart().catch((thrown: unknown) => thrown);
    expect(String(refused)).toContain('spends of decision');
    expect((await on.gate.stop()).code).toBe(2);
    const terminal = recordedTerminal();
    const config = path.join(on.gate.folder, 'interlock.yaml');
    expect(await runDoctor({ config, json: true }, terminal, systemClock)).toBe(1);
    expect(terminal.said.join('')).toContain('spends of decision');
    await asAdmin(putTablesBack, on.database.name);
    await on.gate.restart();
  });
});
