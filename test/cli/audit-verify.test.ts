import { createHash, generateKeyPairSync, sign, type KeyObject } from 'node:crypto';
import { rmSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { afterEach, beforeAll, expect, it } from 'vitest';
import { z } from 'zod';
import { runProgram } from '../../src/cli/program.ts';
import { canonicalJson } from '../../src/kit/canonical-json.ts';
import { hosts } from '../support/api.ts';
import { keyOf } from '../support/gate.ts';
import { keepTables, putTablesBack } from '../support/kept-tables.ts';
import { asAdmin, describeWithPostgres } from '../support/postgres.ts';
import { standing } from '../support/standing.ts';
import { recordedTerminal } from './recorded-terminal.ts';

const verdictSchema = z.object({
  verdict: z.string(),
  entries: z.number(),
  head: z.object({ seq: z.number(), hash: z.string() }),
  anchored: z.object({ seq: z.number() }).nullable(),
  findings: z.array(
    z.object({
      table: z.string(),
      message: z.string(),
      how: z.string().optional(),
      seq: z.number().optional(),
    }),
  ),
  notes: z.array(z.string()),
});

async function verify(...args: string[]) {
  const terminal = recordedTerminal();
  const code = await runProgram(['audit', 'verify', '--json', ...args], terminal);
  const parsed = verdictSchema.safeParse(JSON.parse(terminal.said.join('\n')));
  return { code, verdict: parsed.data, complained: terminal.complained.join('\n') };
}

/** A line of the checkpoints, by whoever has the key. */
function checkpoint(key: KeyObject, id: string, seq: number, hash: string): string {
  const at = '2026-11-22T10:00:00.000Z';
  const signature = sign(null, Buffer.from(canonicalJson({ at, hash, key: id, seq })), key).toString(
    'base64',
  );
  return `${JSON.stringify({ at, seq, hash, key: id, signature })}\n`;
}

const pair = generateKeyPairSync('ed25519');
const raw = Buffer.from(pair.publicKey.export({ format: 'jwk' }).x ?? '', 'base64url');
const keyId = createHash('sha256').update(raw).digest('hex').slice(0, 16);
const pem = pair.publicKey.export({ type: 'spki', format: 'pem' });

describeWithPostgres('a store on a server', () => {
  const on = standing({
    spoilsStore: true,
    config: { actions: { 'test.act': {}, 'test.odd': {} } },
    inventory: { host: hosts('host', 10) },
    script: ({ body }) => ({ type: 'answer', status: body.includes('"test.odd"') ? 500 : 200 }),
  });
  const file = (name: string): string => path.join(on.gate.folder, name);
  const write = (name: string, text: string): string => {
    writeFileSync(file(name), text);
    return file(name);
  };
  const config = (): string[] => ['--config', file('interlock.yaml')];
  const exported = async (): Promise<string> => {
    const headers = { authorization: `Bearer ${keyOf('auditor')}`, accept: 'application/x-ndjson' };
    const text = await (await fetch(`${on.gate.url}/v1/audit`, { headers })).text();
    return write('export.ndjson', text);
  };
  const spoil = async (sql: string): Promise<void> =>
    await asAdmin(`set session_replication_role = replica; ${sql}`, on.database.name);
  let spoilt = false;

  beforeAll(async () => {
    const fields = { reason: 'r\u00e4um auf, "jetzt" \u{1f4a5}' };
    await on.api.submit('test.act', ['host-001', 'host-002'], { fields });
    await on.api.submit('test.act', {});
    await on.api.submit('test.act', ['nowhere']);
    await on.api.submit('test.odd', ['host-003']);
    const { body } = await on.api.engage({ reason: 'smoke' });
    await on.api.submit('test.act', ['host-004']);
    await on.api.release(body.id ?? '', 'steam');
    await on.api.put('host', hosts('host', 9));
    await asAdmin(keepTables, on.database.name);
    // What the gate has signed at its start: it signs no more for a minute.
    rmSync(file('checkpoints.ndjson'));
  });
  afterEach(async () => {
    if (!spoilt) return;
    spoilt = false;
    await asAdmin(putTablesBack, on.database.name);
  });

  it('is whole while its gate runs, and not anchored without a checkpoint', async () => {
    const { code, verdict } = await verify(...config());
    expect(verdict).toMatchObject({ verdict: 'whole', anchored: null, findings: [] });
    expect(verdict?.entries).toBe(verdict?.head.seq);
    expect(code).toBe(0);
  });

  it.each(['', undefined])('is not enough for --anchored with checkpoints of %j', async text => {
    const files =
      text === undefined
        ? []
        : ['--checkpoints', write('empty.ndjson', text), '--key', write('empty.pub', String(pem))];
    const { code, verdict } = await verify(...config(), '--anchored', ...files);
    expect(verdict).toMatchObject({ verdict: 'whole', anchored: null });
    expect(code).toBe(3);
    const isEmpty =
      verdict?.notes.some(note => note.includes('empty.ndjson is there and empty; a gate signs')) === true;
    expect(isEmpty).toBe(text === '');
  });

  it('says that --anchored needs the checkpoints beside an export, and else nothing of them', async () => {
    const file = await exported();
    const lacking = await verify('--export', file, '--anchored');
    expect(lacking.code).toBe(3);
    expect(lacking.verdict?.notes.join()).toMatch(/--anchored needs the checkpoints too: --checkpoints FILE/);
    expect((await verify('--export', file)).verdict?.notes.join()).not.toContain('--checkpoints');
  });

  it('is enough for --anchored with one checkpoint', async () => {
    const { head } = (await verify(...config())).verdict ?? expect.unreachable();
    const checkpoints = write('one.ndjson', checkpoint(pair.privateKey, keyId, head.seq, head.hash));
    const { code, verdict } = await verify(
      ...config(),
      '--anchored',
      '--checkpoints',
      checkpoints,
      '--key',
      write('one.pub', String(pem)),
    );
    expect(verdict?.anchored?.seq).toBe(head.seq);
    expect(code).toBe(0);
  });

  it('is verified by the real program, in a few lines', async () => {
    const ran = await on.gate.verify();
    expect(ran.stdout).toMatch(
      /^Whole: \d+ entries, from \S+Z to \S+Z\.\nHead: \d+ sha256:\w{64}\nNot anchored: /,
    );
    expect(ran.code).toBe(0);
  });

  // Each column of each table: test/audit/.
  it.each<[string, string, string]>([
    ['entries', 'a body', `update entries set body = '{}' where seq = 2`],
    [
      'entries',
      'a time, by a microsecond',
      `update entries set at = at + interval '1 microsecond' where seq = 2`,
    ],
    ['entries', 'white space in a body', `update entries set body = (body::text || ' ')::json where seq = 2`],
    ['entries', 'the last one gone', 'delete from entries where seq = (select max(seq) from entries)'],
    [
      'entries',
      'two swapped',
      'update entries set seq = 1003 where seq = 3; update entries set seq = 3 where seq = 4; update entries set seq = 4 where seq = 1003',
    ],
    ['entries', 'the head', 'update head set seq = seq - 1'],
    ['entries', 'a decision gone', `delete from decisions where decision = 'allowed'`],
    ['operations', 'an outcome', `update operations set outcome = 'refused' where outcome = 'delivered'`],
  ])('that was tampered with is found: %s, %s', async (table, _, sql) => {
    spoilt = true;
    await spoil(sql);
    const { code, verdict } = await verify(...config());
    expect(verdict?.findings.map(finding => finding.table)).toContain(table);
    expect(verdict?.verdict).toBe('tampered');
    expect(code).toBe(1);
  });

  it('is no less whole for empty lines at its end, and not whole for one in it, or where it was cut off', async () => {
    const text = readFileSync(await exported(), 'utf8');
    expect((await verify('--export', write('ends-empty.ndjson', `${text}\n \n`))).code).toBe(0);
    const within = await verify('--export', write('holds-empty.ndjson', text.replace('\n', '\n\n')));
    expect(within.verdict?.findings[0]?.message).toBe('Line 2 of the export is empty.');
    expect(within.code).toBe(1);
    const cut = await verify('--export', write('cut-off.ndjson', text.slice(0, -20)));
    expect(cut.complained).toContain('is cut off. Fetch the export again.');
    expect(cut.code).toBe(3);
  });

  it('is exported and verified offline, and an export that was altered is found', async () => {
    const file = await exported();
    const whole = await verify('--export', file);
    expect(whole.verdict).toMatchObject({ verdict: 'whole', anchored: null, findings: [] });
    expect(whole.code).toBe(0);
    const text = readFileSync(file, 'utf8');
    for (const [spoilt, how] of [
      [text.replace('"decision":"allowed"', '"decision":"refused"'), 'altered'],
      // Of two equal keys, others may read the first.
      [text.replace('"decision":"allowed"', '"decision":"refused","decision":"allowed"'), 'altered'],
      [text.replace('\n', '\nnonsense\n'), 'altered'],
      [text.slice(text.indexOf('\n') + 1), 'removed'],
      // Behind it are entries, so it was one: a first line that is spoilt is no wrong use.
      [`@@@${text.slice(text.indexOf('\n'))}`, 'altered'],
    ] as const) {
      const found = await verify('--export', write('spoilt.ndjson', spoilt));
      expect(found.verdict?.findings).toMatchObject([{ table: 'entries', how }]);
      expect(found.code).toBe(1);
    }
  });

  it('is not called whole where there is nothing to verify, or it is named wrongly', async () => {
    const empty = write('empty.ndjson', '');
    const page = write('page.json', '{"items":[],"next":null}\n');
    const yaml = file('interlock.yaml');
    const other = write('other.txt', 'of something\nelse\n');
    for (const [args, code, said] of [
      [['--export', empty], 3, /is empty/],
      [['--export', page], 2, /is no export: .*x-ndjson/],
      [['--export', other], 2, /is no export: .*x-ndjson/],
      [['--export', file('nowhere')], 2, /cannot be read/],
      [['--export', empty, '--config', yaml], 2, /not both/],
      [['--export', empty, '--key', yaml], 2, /--key goes with --checkpoints/],
      [
        ['--config', yaml, '--checkpoints', file('nowhere'), '--key', write('a.pub', String(pem))],
        2,
        /cannot be read/,
      ],
      [['--config', yaml, '--checkpoints', empty, '--key', yaml], 2, /no Ed25519 public key/],
      [['--config', yaml, '--checkpoints', empty], 2, /public key .* cannot be read/],
    ] as const) {
      const found = await verify(...args);
      expect(found.complained).toMatch(said);
      expect(found.code).toBe(code);
    }
  });

  it('is anchored by a checkpoint, and a tail that was cut is found by it', async () => {
    const { verdict } = await verify(...config());
    const { seq = 0, hash = '' } = verdict?.head ?? {};
    const checkpoints = write('heads.ndjson', checkpoint(pair.privateKey, keyId, seq, hash));
    const key = write('copy.pub', String(pem));
    const anchored = ['--checkpoints', checkpoints, '--key', key];
    expect((await verify(...config(), ...anchored)).verdict).toMatchObject({
      verdict: 'whole',
      anchored: { seq },
    });
    const lines = readFileSync(await exported(), 'utf8').split('\n');
    const cut = write('cut.ndjson', `${lines.slice(0, seq - 1).join('\n')}\n`);
    expect((await verify('--export', cut)).code).toBe(0);
    const found = await verify('--export', cut, ...anchored);
    expect(found.verdict?.findings).toMatchObject([{ how: 'removed', seq }]);
    expect(found.code).toBe(1);
    // What was signed after the export is not in it, and nobody has cut anything.
    const older = /before that checkpoint: copy the checkpoints first/;
    expect(found.verdict?.notes.join()).toMatch(older);
    const holed = write('holed.ndjson', `${lines.toSpliced(seq - 2, 1).join('\n')}`);
    const hole = await verify('--export', holed, ...anchored);
    expect(hole.verdict?.findings).toMatchObject([{ how: 'removed', seq: seq - 1 }]);
    expect(hole.verdict?.notes.join()).not.toMatch(older);
  });

  it('and a checkpoint that nobody signed vouches for nothing', async () => {
    const { verdict } = await verify(...config());
    const { seq = 0, hash = '' } = verdict?.head ?? {};
    const stranger = generateKeyPairSync('ed25519').privateKey;
    const good = checkpoint(pair.privateKey, keyId, seq, hash);
    write('forged.ndjson.pub', String(pem));
    for (const line of [
      checkpoint(stranger, keyId, seq, hash),
      checkpoint(pair.privateKey, '0123456789abcdef', seq, hash),
      good.replace('10:00', '11:00'),
      good.replace('{', '{"more":1,'),
      'nonsense\n',
    ]) {
      const found = await verify(...config(), '--checkpoints', write('forged.ndjson', line));
      expect(found.verdict).toMatchObject({
        verdict: 'tampered',
        anchored: null,
        findings: [{ table: 'checkpoints' }],
      });
      expect(found.code).toBe(1);
    }
    // Whoever writes may be killed in the middle of a line.
    const half = good.slice(0, 50);
    // The gate that comes after it goes on in a line of its own.
    const torn = [half, '{', '\0'.repeat(200), `${half}${'\0'.repeat(200)}`];
    for (const text of [good + half, ...torn.map(one => `${one}\n${good}`)]) {
      const { verdict } = await verify(...config(), '--checkpoints', write('forged.ndjson', text));
      expect(verdict, text).toMatchObject({ verdict: 'whole', anchored: { seq } });
      expect(verdict?.notes.join()).toContain('was not written to its end, and was left out');
    }
  });
});
