import { createHash, createPublicKey, verify } from 'node:crypto';
import {
  appendFileSync,
  mkdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import canonicalize from 'canonicalize';
import { afterEach, expect, it } from 'vitest';
import { z } from 'zod';
import { apiOf, expectRefusal, forwardedFor, hosts, untilItListensNoMore, type Api } from '../support/api.ts';
import { startExecutor } from '../support/executor.ts';
import { startGate, type Gate, type GateOptions } from '../support/gate.ts';
import { asAdmin, describeWithPostgres, freshDatabase, type FreshDatabase } from '../support/postgres.ts';

// Issue 4, "The audit chain": signed checkpoints in a file outside the database, and a database that was put back. A folder that was put
// back is in test/cli/audit-verify-restored.

interface Standing {
  readonly gate: Gate;
  readonly api: Api;
  readonly file: string;
  readonly database: FreshDatabase;
}

const closing: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const close of closing.splice(0).toReversed()) await close();
});

async function standing(options: GateOptions = {}): Promise<Standing> {
  const database = await freshDatabase();
  closing.push(async () => await database.drop());
  const gate = await startGate({ store: database.url, ...options });
  closing.push(async () => await gate.close());
  return { gate, api: apiOf(gate), file: join(gate.folder, 'checkpoints.ndjson'), database };
}

const lineSchema = z.strictObject({
  at: z.iso.datetime(),
  seq: z.int(),
  hash: z.string(),
  key: z.string(),
  signature: z.base64(),
});
/** The lines that are whole. */
const linesOf = (file: string) =>
  readFileSync(file, 'utf8')
    .split('\n')
    .filter(line => line.endsWith('"}'))
    .map(line => lineSchema.parse(JSON.parse(line)));

/** What is said of a loss: the name of the newest checkpoint. */
const wordOf = (file: string): string => linesOf(file).at(-1)?.hash.slice('sha256:'.length, 15) ?? '';

/** Decides something that is an entry: a switch that is engaged. */
async function engage(api: Api): Promise<void> {
  expect((await api.engage({ reason: 'smoke' })).status).toBe(201);
}

/** Why the gate does not start with these arguments. */
async function refusalOf(gate: Gate, args: readonly string[] = []): Promise<string> {
  const refused: unknown = await gate.restart(args).catch((thrown: unknown) => thrown);
  expect((await gate.stop()).code).toBe(2);
  return String(refused);
}

describeWithPostgres('the checkpoint at exit', () => {
  it('holds the end of the chain, and anybody can verify it with the public key', async () => {
    const { gate, api, file } = await standing();
    await api.put('host', hosts('host', 2));
    await engage(api);
    const last = (await api.audit()).at(-1);
    expect((await gate.stop()).code).toBe(0);
    const checkpoint = linesOf(file).at(-1);
    expect([checkpoint?.seq, checkpoint?.hash]).toEqual([last?.seq, last?.hash]);
    const publicKey = createPublicKey(readFileSync(`${file}.pub`, 'utf8'));
    const raw = publicKey.export({ type: 'spki', format: 'der' }).subarray(-32);
    expect(checkpoint?.key).toBe(createHash('sha256').update(raw).digest('hex').slice(0, 16));
    const { signature = '', ...signed } = { ...checkpoint };
    const text = canonicalize(signed) ?? '';
    expect(verify(null, Buffer.from(text), publicKey, Buffer.from(signature, 'base64'))).toBe(true);
    expect(statSync(`${file}.key`).mode & 0o777).toBe(0o600);
    // Nothing moved since, but for what a start writes: the same key signs on.
    await gate.restart();
    await engage(api);
    await gate.stop();
    expect(linesOf(file).at(-1)?.key).toBe(checkpoint?.key);
    expect(linesOf(file).at(-1)?.seq).toBeGreaterThan(checkpoint?.seq ?? 0);
  });

  it('that cannot be written keeps nobody from deciding, and from ending well', async () => {
    const { gate, api, file } = await standing();
    rmSync(file);
    mkdirSync(file);
    await engage(api);
    expect((await gate.stop()).code).toBe(0);
    expect(gate.logs().filter(({ msg }) => String(msg).startsWith('no checkpoint is written'))).toHaveLength(
      1,
    );
  });
});

describeWithPostgres('a database that was put back', () => {
  it('starts only when it is told so, and then needs it no more', async () => {
    const { gate, api, file, database } = await standing();
    const copy = `${database.name}_copy`;
    await engage(api);
    const kept = (await api.audit()).at(-1)?.seq ?? 0;
    await gate.stop();
    await asAdmin(`create database ${copy} template ${database.name} owner gate`);
    await gate.restart();
    await engage(api);
    await gate.stop();
    const newest = linesOf(file).at(-1)?.seq ?? 0;
    expect(newest).toBeGreaterThan(kept);
    await database.drop();
    await asAdmin(`alter database ${copy} rename to ${database.name}`);
    // As after a crash: half a line hides nothing.
    appendFileSync(file, '{"at":"2026-');
    const before = readFileSync(file, 'utf8');

    const said = await refusalOf(gate);
    const word = wordOf(file);
    expect(said).toContain(`\`serve --restored ${word}\`, settle`);
    expect(said).toContain(`${file} holds entry ${newest} of `);
    expect(said).toContain(`the database ends with entry ${kept}`);
    expect(said).not.toContain('    at ');
    for (const wrong of ['00000000', 'unsigned'])
      expect(await refusalOf(gate, ['--restored', wrong])).toContain('is not of this loss');
    expect(readFileSync(file, 'utf8')).toBe(before);

    // Without the kill file, what was forgotten is warned of. It was without it until now.
    const warned = () =>
      gate.logs().filter(({ msg }) => String(msg).startsWith('started on a restored database without'))
        .length;
    expect(warned()).toBe(2);
    writeFileSync(join(gate.folder, 'KILL'), '');
    await gate.restart(['--restored', word]);
    expect(warned()).toBe(2);
    rmSync(join(gate.folder, 'KILL'));
    const last = (await api.audit()).at(-1);
    expect(last).toMatchObject({
      seq: kept + 1,
      type: 'clock',
      body: { event: 'restored', given_up: word },
    });
    await gate.kill9();
    expect(
      linesOf(file)
        .slice(-2)
        .map(({ seq }) => seq),
    ).toEqual([newest, kept + 1]);
    await gate.restart();
    await engage(api);
    expect((await gate.stop()).code).toBe(0);
    expect(linesOf(file).at(-1)?.seq).toBe(kept + 2);
  });

  it('starts only when its key is moved where all that was signed is lost with the database, but for the key', async () => {
    const { gate, api, file } = await standing();
    await engage(api);
    // At once, not in a minute: a gate that is killed now leaves more than its key.
    expect(linesOf(file).length).toBeGreaterThan(0);
    await gate.kill9();
    await gate.restart();
    await gate.stop();
    rmSync(file);
    const said = await refusalOf(gate);
    expect(said).toContain(`${file} holds no checkpoint`);
    expect(said).toContain('`serve --restored unsigned`');
    expect(await refusalOf(gate, ['--restored', 'unsigned'])).toContain(`${file} holds no checkpoint`);
    for (const one of ['key', 'pub']) renameSync(`${file}.${one}`, `${file}.${one}.old`);
    await gate.restart(['--restored', 'unsigned']);
    await gate.kill9();
    await gate.restart(['--restored', 'unsigned']);
    expect((await gate.stop()).code).toBe(0);
  });

  it('has nothing sent a second time that waited in it, and holds that until somebody says what became of it', async () => {
    const executor = await startExecutor({ type: 'hold' });
    closing.push(async () => await executor.close());
    const actions = {
      'test.once': { irreversible: true, executor: { concurrency: 1 } },
      'test.again': { irreversible: true, executor: { concurrency: 1, idempotent: true } },
    };
    const { gate, api, file, database } = await standing({ executor: executor.url, config: { actions } });
    await api.put('host', hosts('h', 5));
    const submit = async (action: string, id: string) =>
      await api.submit(action, [id], { prefer: 'respond-async' });
    // Of each action one is on the wire, and one waits behind it, when the gate is stopped and the copy made.
    await submit('test.once', 'h-001');
    await submit('test.again', 'h-002');
    await executor.receivedAtLeast(2);
    const { id: once = '' } = (await submit('test.once', 'h-003')).body;
    const { id: again = '' } = (await submit('test.again', 'h-004')).body;
    const stopping = gate.stop();
    await untilItListensNoMore(api);
    executor.release();
    await stopping;
    expect(executor.received()).toHaveLength(2);
    const copy = `${database.name}_copy`;
    await asAdmin(`create database ${copy} template ${database.name} owner gate`);
    const held = linesOf(file).at(-1)?.seq;

    // The history that is lost: what waited is sent.
    await gate.restart();
    await executor.receivedAtLeast(4);
    await gate.stop();
    await database.drop();
    await asAdmin(`alter database ${copy} rename to ${database.name}`);
    writeFileSync(join(gate.folder, 'KILL'), '');
    const word = /`serve --restored (\w+)`/.exec(await refusalOf(gate))?.[1] ?? '';
    await gate.restart(['--restored', word]);
    for (const id of [once, again]) {
      const { outcome } = await api.request(id);
      expect(outcome).toMatchObject({ status: 'unknown', detail: expect.stringContaining('put back') });
    }
    rmSync(join(gate.folder, 'KILL'));
    await api.untilOutcome(again, 'delivered');
    // The executor that is idempotent knows it by its key, and gets it again.
    expect(forwardedFor(executor, { id: again })).toHaveLength(2);
    await expectRefusal(api, await api.submit('test.once', ['h-003']), 409, [
      'targets.already_done',
      'targets.in_operation',
    ]);
    expect((await api.outcome(once, { status: 'delivered', reason: 'seen at the tool' })).status).toBe(200);
    await expectRefusal(api, await api.submit('test.once', ['h-003']), 409, ['targets.already_done']);
    // Said again, it ends nothing that was allowed since.
    executor.behave({ type: 'hold' });
    await submit('test.once', 'h-005');
    await executor.receivedAtLeast(6);
    await gate.kill9();
    await gate.restart(['--restored', word]);
    const restored = async () => (await api.audit()).filter(({ body }) => body?.['event'] === 'restored');
    expect((await restored()).map(({ body }) => body?.['given_up'] ?? body?.['request'])).toEqual([
      word,
      once,
      again,
    ]);
    expect(forwardedFor(executor, { id: once })).toHaveLength(1);
    await gate.stop();
    const { code, stdout } = await gate.verify();
    expect(stdout).toContain(`given up at entry ${held}`);
    expect(code, stdout).toBe(0);
  });

  it('does not start beside a checkpoint or a key that was altered, whatever it is told', async () => {
    const { gate, api, file } = await standing();
    await engage(api);
    await gate.stop();
    const before = readFileSync(file, 'utf8');
    writeFileSync(file, before.replace('"seq":', '"seq":1'));
    expect(await refusalOf(gate, ['--restored', '0a1b2c3d'])).toContain(
      'has a signature that is not its own',
    );
    writeFileSync(file, before);
    const key = readFileSync(`${file}.key`, 'utf8');
    writeFileSync(`${file}.key`, key.slice(0, 40));
    expect(await refusalOf(gate)).toContain(`${file}.key does not hold an Ed25519 key`);
    writeFileSync(`${file}.key`, key);
    await gate.restart();
    await engage(api);
  });
});

it('sends nothing a second time that waits in an embedded store where all that was signed is lost, the key too, and no word is said', async () => {
  const executor = await startExecutor({ type: 'hold' });
  closing.push(async () => await executor.close());
  const actions = { 'test.once': { irreversible: true, executor: { concurrency: 1 } } };
  const gate = await startGate({ executor: executor.url, config: { actions } });
  closing.push(async () => await gate.close());
  const api = apiOf(gate);
  await api.put('host', hosts('h', 2));
  await api.submit('test.once', ['h-001'], { prefer: 'respond-async' });
  await executor.receivedAtLeast(1);
  const { id = '' } = (await api.submit('test.once', ['h-002'], { prefer: 'respond-async' })).body;
  await gate.kill9();
  for (const one of ['', '.key', '.pub']) rmSync(join(gate.folder, `checkpoints.ndjson${one}`));
  await gate.restart();
  expect((await api.request(id)).outcome).toMatchObject({ status: 'unknown', attempts: 1 });
  expect(executor.received()).toHaveLength(1);
});
