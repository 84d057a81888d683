import path from 'node:path';
import { expect, it } from 'vitest';
import { runDoctor } from '../../src/cli/doctor.ts';
import { systemClock } from '../../src/kit/clock.ts';
import { recordedTerminal } from '../cli/recorded-terminal.ts';
import { expectProblem, hosts, withNothingForwarded } from '../support/api.ts';
import { asAdmin, describeWithPostgres } from '../support/postgres.ts';
import { standing } from '../support/standing.ts';

// A promoted logical replica has the rows, and sequences that begin at 1.

describeWithPostgres('a database that numbers its decisions from below those that are there', () => {
  const on = standing({ inventory: { host: hosts('h', 9) }, spoilsStore: true });

  it('is said by the decision that meets it, the start, and doctor, with the way out, which is one', async () => {
    for (const target of ['h-001', 'h-002', 'h-003'])
      expect((await on.api.submit('test.act', [target])).status).toBe(200);
    await asAdmin('alter table decisions alter position restart with 1', on.database.name);
    const answer = await withNothingForwarded(on.executor, () => on.api.submit('test.act', ['h-004']));
    expectProblem(answer, 503, 'gate.failed');
    const [, wayOut = ''] = /run: (.*;)/.exec(answer.body.detail ?? '') ?? [];
    expect(wayOut).toMatch(/^select setval/);

    const refused: unknown = await on.gate.restart().catch((thrown: unknown) => thrown);
    expect(String(refused)).toContain(wayOut);
    expect((await on.gate.stop()).code).toBe(2);
    const terminal = recordedTerminal();
    const config = path.join(on.gate.folder, 'interlock.yaml');
    expect(await runDoctor({ config, json: true }, terminal, systemClock)).toBe(1);
    expect(terminal.said.join('')).toContain('select setval');

    await asAdmin(wayOut, on.database.name);
    await on.gate.restart();
    expect((await on.api.submit('test.act', ['h-005'])).status).toBe(200);
  });
});
