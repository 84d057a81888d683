import { writeFileSync } from 'node:fs';
import path from 'node:path';
import { afterAll, afterEach, beforeAll, expect, test, vi } from 'vitest';
import { runProgram } from '../../src/cli/program.ts';
import { apiOf, until, type Api } from '../support/api.ts';
import { startForwarder, type Forwarder } from '../support/forwarder.ts';
import { keyOf, startGate, type Gate } from '../support/gate.ts';
import { describeWithPostgres, freshDatabase, type FreshDatabase } from '../support/postgres.ts';
import { recordedTerminal } from './recorded-terminal.ts';

/** A call waits so long for a database that is away, and a machine that is busy adds to it. */
const ANSWERED_WITHIN_MS = 30_000;

describeWithPostgres('the commands of whoever was paged, with the database away', () => {
  let database: FreshDatabase;
  let line: Forwarder;
  let gate: Gate;
  let api: Api;

  beforeAll(async () => {
    database = await freshDatabase();
    line = await startForwarder(Number(new URL(database.url).port));
    gate = await startGate({ store: line.through(database.url) });
    api = apiOf(gate);
    expect((await api.engage({ scope: { action: 'test.act' }, reason: 'before' })).status).toBe(201);
    await line.cut();
    const ready = async () => (await api.get('/readyz', { as: null })).status;
    expect(await until(ready, status => status === 503, ANSWERED_WITHIN_MS)).toBe(503);
  });
  afterAll(async () => {
    await gate.close();
    await line.close();
    await database.drop();
  });
  afterEach(() => vi.unstubAllEnvs());

  async function run(...args: string[]) {
    vi.stubEnv('INTERLOCK_URL', gate.url);
    vi.stubEnv('INTERLOCK_KEY', keyOf('operator'));
    const terminal = recordedTerminal();
    const code = await runProgram(args, terminal);
    return { code, said: terminal.said.join('\n'), complained: terminal.complained.join('\n') };
  }
  const killFile = (): string => path.join(gate.folder, 'KILL');

  test('kill names the kill file and what it does, and says that nothing was engaged', async () => {
    const { code, complained } = await run('kill', '--reason', 'now');
    expect(code).toBe(3);
    expect(complained).toContain(`make ${killFile()}, and this gate forwards nothing.`);
    expect(complained).toContain('Nothing was engaged.');
    expect(complained).toContain('Every other machine that runs a gate has a kill file of its own');
    const named = await run('kill', '--config', path.join(gate.folder, 'interlock.yaml'));
    expect(named.complained).toContain(`on each machine that runs a gate,\n  touch ${killFile()}`);
  });

  test('kill status names it too, and does not say that nothing is engaged', async () => {
    const { code, said, complained } = await run('kill', 'status');
    expect({ code, said }).toEqual({ code: 3, said: '' });
    expect(complained).toContain(killFile());
    expect(complained).toContain('What is engaged cannot be told now');
    writeFileSync(killFile(), '');
    expect((await run('kill', 'status')).complained).toContain(`${killFile()} engages this gate now`);
  });

  test('doctor fails for the database, and for nothing that only cannot be told', async () => {
    const { code, said } = await run('doctor', '--url', gate.url);
    expect(code).toBe(1);
    expect(said).toMatch(/^fail {5}gate .*: database: the database does not answer, or takes no writes$/m);
    expect(said).toMatch(
      /^unknown {2}gate .*policy.*: not known until the database can be read\n +→ look again then/m,
    );
    expect(said).not.toContain('--activate');
    expect(said).toContain('takes the key, of the role operator');
  });
});
